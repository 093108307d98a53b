import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator, Group } from '../types.ts';
import { finiteRewards } from './rewards.ts';

export type ReinforceAdvantageOptions = {
  /** What a right answer counts. */
  readonly positive: number;
  /** What a wrong one counts against itself. */
  readonly negative: number;
};

/**
 * A_i = w⁺ if the answer is right, −w⁻ if not: no baseline, no comparison. Positive samples alone (PSR) are w⁺ = 1, w⁻ = 0,
 * that is A = R; negative ones alone (NSR) 0 and 1, A = R − 1; weighted REINFORCE is 0.1 and 1. Source: Zhu et al. 2025, "The
 * surprising effectiveness of negative reinforcement"; formulas first-hand from `nangongrui-ngr/NGRPO@e7a3804`.
 */
function reinforceAdvantages(group: Group, { positive, negative }: ReinforceAdvantageOptions) {
  finiteRewards(group);
  return group.rollouts.map(({ reward, correct }) => (reward === null ? null : correct ? positive : 0 - negative));
}

/** The advantage `reinforce`. */
export const reinforceAdvantage: PartDefinition<ReinforceAdvantageOptions, AdvantageEstimator> = {
  kind: 'reinforce',
  defaults: { positive: 1, negative: 1 },
  check: ({ positive, negative }) => {
    if (!(positive >= 0 && negative >= 0)) return 'options "positive" and "negative" must be 0 or more';
    return positive + negative > 0 ? undefined : 'options "positive" and "negative" are both 0, expected one above';
  },
  create: (options) => ({
    kind: 'reinforce',
    estimate: (groups) => groups.map((group) => reinforceAdvantages(group, options)),
  }),
};
