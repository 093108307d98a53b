import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator } from '../types.ts';
import { deviation, estimateAllByGroup, mean } from './rewards.ts';

export type NgrpoAdvantageOptions = {
  /** Added to the standard deviation. */
  readonly eps: number;
  /** The reward of the member that is not there. */
  readonly maxReward: number;
};

/**
 * GRPO with a virtual member of the highest reward in the statistics: A_i = (R_i − μ) / (σ + ε), μ and σ over
 * {R_1 … R_G, r_max}. A group in which all are wrong then gets a negative advantage in place of none. Source, first-hand:
 * NGRPO's code (`nangongrui-ngr/NGRPO@e7a3804`). The member itself is not trained on, so the advantages do not sum to 0.
 */
export function ngrpoAdvantages(rewards_G: readonly number[], { eps, maxReward }: NgrpoAdvantageOptions): number[] {
  const with_G1 = [...rewards_G, maxReward];
  const mu = mean(with_G1);
  const sigma = deviation(with_G1, mu);
  return rewards_G.map((reward) => (reward - mu) / (sigma + eps));
}

/** The advantage `ngrpo`. */
export const ngrpoAdvantage: PartDefinition<NgrpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'ngrpo',
  defaults: { eps: 1e-6, maxReward: 1 },
  check: ({ eps }) => (eps > 0 ? undefined : 'option "eps" must be above 0'),
  create: (options) => ({
    kind: 'ngrpo',
    estimate: (groups) => estimateAllByGroup(groups, (rewards_G) => ngrpoAdvantages(rewards_G, options)),
  }),
};
