import type { MethodDefinition } from '../method-definition.ts';

export const surrogate: MethodDefinition = {
  name: 'surrogate',
  about: 'no ground truth: form and length are the reward',
  source: {
    paper: 'Surrogate signals from format and length',
    reading: 'first-hand',
    from: 'insightLLM/rl-without-gt@c1e2077 and full text',
  },
  reward: 'surrogate',
};
