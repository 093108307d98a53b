import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator } from '../types.ts';
import { estimateByGroup, mean } from './rewards.ts';

export type GrpoAdvantageOptions = {
  /** Added to the standard deviation. */
  readonly eps: number;
};

/**
 * Group-relative advantages: A_i = (R_i − μ) / (σ + ε), each reward centred by its group's mean and scaled by its standard
 * deviation. Source: Multi-Task GRPO, Eq. 11. Deviation: none; σ has G − 1 degrees of freedom, as torch's has.
 * All zero where the rewards are equal.
 *
 * @param rewards_G finite, G ≥ 2
 * @returns shape [G], sum 0 up to rounding
 */
export function grpoAdvantages(rewards_G: readonly number[], { eps }: GrpoAdvantageOptions): number[] {
  const mu = mean(rewards_G);
  let squares = 0;
  for (const reward of rewards_G) squares += (reward - mu) * (reward - mu);
  const sigma = Math.sqrt(squares / (rewards_G.length - 1));
  return rewards_G.map((reward) => (reward - mu) / (sigma + eps));
}

/** The advantage `grpo`. */
export const grpoAdvantage: PartDefinition<GrpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'grpo',
  defaults: { eps: 1e-6 },
  check: ({ eps }) => (eps > 0 ? undefined : 'option "eps" must be above 0'),
  create: (options) => ({
    kind: 'grpo',
    estimate: (groups) => estimateByGroup(groups, (rewards_G) => grpoAdvantages(rewards_G, options)),
  }),
};
