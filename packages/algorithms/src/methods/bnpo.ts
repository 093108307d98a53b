import type { MethodDefinition } from '../method-definition.ts';

export const bnpo: MethodDefinition = {
  name: 'bnpo',
  about: 'advantages by a Beta density that follows the success rates',
  source: { paper: 'BNPO', reading: 'first-hand', from: 'changyi7231/BNPO@a9c51b9' },
  advantage: 'bnpo',
  objective: { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'none' } },
};
