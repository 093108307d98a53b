import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

const from = 'full text';

/** β by task: `"objective": { "kl": { "kind": "k3", "beta": { "arc": 0.02, "zebra": 0 } } }`. One number is for all. */
export const omniThink: MethodDefinition = {
  name: 'omni-think',
  about: 'a KL term whose β may differ from task to task',
  source: {
    paper: 'Omni-Think',
    where: 'eq. 3 to 5',
    reading: 'first-hand',
    from: `${from}; its β_k are not given, 0.01 is ours`,
  },
  objective: { ...objectives.grpo, kl: { kind: 'k3', beta: 0.01 } },
};

export const curriculum: MethodDefinition = {
  ...omniThink,
  name: 'curriculum',
  about: 'one task after another, the least forgettable first',
  source: {
    paper: 'Omni-Think',
    where: 'backward transfer',
    reading: 'first-hand',
    from: `${from}; steps per stage are ours`,
  },
  weighter: 'staged',
};
