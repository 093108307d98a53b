import type { MethodDefinition } from '../method-definition.ts';

export const grpoLambda: MethodDefinition = {
  name: 'grpo-lambda',
  about: 'short answers are rewarded where the policy is good already',
  source: {
    paper: 'GRPO-λ, Stable RL for Efficient Reasoning',
    reading: 'secondary',
    from: 'third-party notes; α 0.6 is theirs',
  },
  reward: 'grpo-lambda',
};
