import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

/** `clipLow` 1 is no lower bound, as in the paper's experiments. */
export const cispo: MethodDefinition = {
  name: 'cispo',
  about: 'the importance weight is clipped and held constant; no token is left out',
  source: {
    paper: 'MiniMax-M1',
    where: 'eq. 4 and 5',
    reading: 'secondary',
    from: 'third-party implementations that quote it; ε_high is not given there, 0.28 is one of theirs',
  },
  planner: 'refill',
  filter: 'lenient',
  objective: { ...objectives.dapo, form: { kind: 'cispo' }, clipLow: 1 },
};
