import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator } from '../types.ts';
import { estimateAllByGroup, isConstant, mean } from './rewards.ts';

export type McGrpoAdvantageOptions = {
  /** Added to the median absolute deviation. With 0/1 rewards and a clear majority it is all that is divided by. */
  readonly eps: number;
  /** Multiplies what is not 0 by (G + 1) / its number, as the public code does. */
  readonly rescale: boolean;
  /** Where the median deviation is 0, the mean one takes its place. Ours; a deviation. */
  readonly meanWhereZero: boolean;
};

/** The middle value, the lower of two: torch's median. */
function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}

/**
 * A_i = (R_i − med) / (MAD + ε), med the median and MAD the median of |R_i − med|; the rollout that is the median is
 * dropped from the loss (null). Source, first-hand: MC-GRPO's code (`lotusroot-kim/MC-GRPO@da07745`): of G + 1 rollouts G
 * are trained on. The run's group size is that G + 1.
 *
 * All 0, and none dropped, where the rewards are equal.
 */
export function mcGrpoAdvantages(
  rewards_G: readonly number[],
  { eps, rescale, meanWhereZero }: McGrpoAdvantageOptions,
): (number | null)[] {
  if (isConstant(rewards_G)) return rewards_G.map(() => 0);
  const median = lowerMedian(rewards_G);
  const distances_G = rewards_G.map((reward) => Math.abs(reward - median));
  const mad = lowerMedian(distances_G);
  const scale = (mad === 0 && meanWhereZero ? mean(distances_G) : mad) + eps;
  const dropped = rewards_G.indexOf(median);
  const advantages_G = rewards_G.map((reward) => (reward - median) / scale);
  const moved = advantages_G.filter((advantage) => advantage !== 0).length;
  const factor = rescale ? rewards_G.length / moved : 1;
  return advantages_G.map((advantage, place) => (place === dropped ? null : advantage * factor));
}

/** The advantage `mc-grpo`. */
export const mcGrpoAdvantage: PartDefinition<McGrpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'mc-grpo',
  defaults: { eps: 1e-3, rescale: false, meanWhereZero: false },
  check: ({ eps }) => (eps > 0 ? undefined : 'option "eps" must be above 0'),
  create: (options) => ({
    kind: 'mc-grpo',
    estimate: (groups) => estimateAllByGroup(groups, (rewards_G) => mcGrpoAdvantages(rewards_G, options)),
  }),
};
