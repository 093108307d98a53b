import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

/** A completion is one action: the sum of its tokens' log-probabilities, hence length 1. */
export const rloo: MethodDefinition = {
  name: 'rloo',
  about: 'REINFORCE with the mean of the others as baseline',
  source: {
    paper: 'RLOO (Ahmadian et al. 2024)',
    reading: 'secondary',
    from: 'the formula as it is quoted elsewhere; the paper itself was not at hand',
  },
  advantage: 'rloo',
  objective: { ...objectives.grpo, form: { kind: 'reinforce' }, aggregation: 'fixed-length', fixedLength: 1 },
};
