import type { MethodDefinition } from '../method-definition.ts';

export const mcGrpo: MethodDefinition = {
  name: 'mc-grpo',
  about: 'the median as baseline; its rollout is left out of the loss',
  source: { paper: 'MC-GRPO', reading: 'first-hand', from: 'lotusroot-kim/MC-GRPO@da07745' },
  advantage: 'mc-grpo',
};
