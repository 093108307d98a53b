import type { MethodDefinition } from '../method-definition.ts';

export const grpo: MethodDefinition = {
  name: 'grpo',
  about: 'tasks drawn alike, advantages by group mean and deviation',
  source: {
    paper: 'DeepSeekMath; Multi-Task GRPO',
    where: 'eq. 11',
    reading: 'first-hand',
    from: 'text of Multi-Task GRPO, rsshyam/MT-GRPO@016d0d7',
  },
};
