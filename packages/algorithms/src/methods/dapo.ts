import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

export const dapo: MethodDefinition = {
  name: 'dapo',
  about: 'groups without a gradient are replaced; clips higher above',
  source: {
    paper: 'DAPO',
    reading: 'first-hand',
    from: 'as the baseline in the text of Multi-Task GRPO, rsshyam/MT-GRPO@016d0d7',
  },
  planner: 'refill',
  filter: 'lenient',
  objective: objectives.dapo,
};
