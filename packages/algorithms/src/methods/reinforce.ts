import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

const shared = {
  source: {
    paper: 'The surprising effectiveness of negative reinforcement (Zhu et al. 2025)',
    reading: 'first-hand',
    from: 'nangongrui-ngr/NGRPO@e7a3804, which has them beside its own',
  },
  objective: { ...objectives.grpo, aggregation: 'token-mean' },
} as const;

export const psr: MethodDefinition = {
  ...shared,
  name: 'psr',
  about: 'right answers are reinforced, wrong ones left alone',
  advantage: { kind: 'reinforce', positive: 1, negative: 0 },
};

export const nsr: MethodDefinition = {
  ...shared,
  name: 'nsr',
  about: 'wrong answers are pushed down, right ones left alone',
  advantage: { kind: 'reinforce', positive: 0, negative: 1 },
};

export const weightedReinforce: MethodDefinition = {
  ...shared,
  name: 'w-reinforce',
  about: 'right answers count a tenth of wrong ones',
  advantage: { kind: 'reinforce', positive: 0.1, negative: 1 },
};
