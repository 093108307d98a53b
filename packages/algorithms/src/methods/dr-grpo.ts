import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

export const drGrpo: MethodDefinition = {
  name: 'dr-grpo',
  about: 'no division by deviation or by own length',
  source: {
    paper: 'Dr. GRPO (Liu et al. 2025)',
    reading: 'secondary',
    from: 'the formula as it is quoted elsewhere; the paper itself was not at hand',
  },
  advantage: 'dr-grpo',
  objective: { ...objectives.grpo, aggregation: 'fixed-length', fixedLength: 0 },
};
