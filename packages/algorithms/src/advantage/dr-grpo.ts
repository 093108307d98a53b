import type { NoOptions, PartDefinition } from '../part.ts';
import type { AdvantageEstimator } from '../types.ts';
import { estimateByGroup, mean } from './rewards.ts';

/**
 * A_i = R_i − μ: centred and not scaled, so that a prompt on which nearly all agree does not count more. Source: Dr. GRPO
 * (Liu et al. 2025). Its other half, sums divided by a constant length, is the objective's `fixed-length`.
 */
export function drGrpoAdvantages(rewards_G: readonly number[]): number[] {
  const mu = mean(rewards_G);
  return rewards_G.map((reward) => reward - mu);
}

/** The advantage `dr-grpo`. */
export const drGrpoAdvantage: PartDefinition<NoOptions, AdvantageEstimator> = {
  kind: 'dr-grpo',
  defaults: {},
  create: () => ({ kind: 'dr-grpo', estimate: (groups) => estimateByGroup(groups, drGrpoAdvantages) }),
};
