import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

const from = 'text of Multi-Task GRPO, rsshyam/MT-GRPO@016d0d7';

export const mtGrpo: MethodDefinition = {
  name: 'mt-grpo',
  about: 'weights by improvement and reward, ratio-preserving sampler',
  source: { paper: 'Multi-Task GRPO', where: 'Algorithm 1 and 2, Subroutine 1', reading: 'first-hand', from },
  weighter: 'iwu',
  planner: 'rp-sampler',
  filter: 'strict',
  objective: objectives['mt-grpo'],
};

export const worstTask: MethodDefinition = {
  ...mtGrpo,
  name: 'worst-task',
  about: 'weights by reward alone, ε = 0',
  source: { paper: 'Multi-Task GRPO', where: 'eq. 5 with ε = 0', reading: 'first-hand', from },
  weighter: 'worst-task',
};

export const regularised: MethodDefinition = {
  ...mtGrpo,
  name: 'regularised',
  about: 'weights by reward, drawn back to the middle',
  source: { paper: 'Multi-Task GRPO', where: 'Subroutine 2', reading: 'first-hand', from },
  weighter: 'regularised',
};
