import type { NoOptions, PartDefinition } from '../part.ts';
import type { AdvantageEstimator } from '../types.ts';
import { estimateByGroup, mean } from './rewards.ts';

/**
 * A_i = R_i − mean of the others = (R_i − μ) · G / (G − 1). Source: REINFORCE leave-one-out (Ahmadian et al. 2024).
 */
export function rlooAdvantages(rewards_G: readonly number[]): number[] {
  const mu = mean(rewards_G);
  const size = rewards_G.length;
  return rewards_G.map((reward) => ((reward - mu) * size) / (size - 1));
}

/** The advantage `rloo`. */
export const rlooAdvantage: PartDefinition<NoOptions, AdvantageEstimator> = {
  kind: 'rloo',
  defaults: {},
  create: () => ({ kind: 'rloo', estimate: (groups) => estimateByGroup(groups, rlooAdvantages) }),
};
