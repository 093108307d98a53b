import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

export const gspo: MethodDefinition = {
  name: 'gspo',
  about: 'one importance ratio per completion, clipped narrowly',
  source: {
    paper: 'GSPO (Zheng et al. 2025)',
    reading: 'secondary',
    from: 'third-party implementations; they agree on s = exp(mean log r) and on the range 3e-4, 4e-4',
  },
  objective: { ...objectives.grpo, ratio: 'sequence', clipLow: 3e-4, clipHigh: 4e-4 },
};
