/**
 * GDPO: each reward normalised in its group by itself, so that one with a small spread is not lost beside one with a large
 * spread; then the sum over the whole batch. Source, first-hand: its code (`NVlabs/GDPO@b080e63`, the TRL variant).
 *
 *   A_i = Σ_c w_c (R_c,i − μ_c) / (σ_c + 1e-4);  then A ← (A − mean_B) / (std_B + 1e-4) over the batch's rollouts
 *
 * Its verl variant whitens over tokens and takes two rewards; that is not here.
 */
import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator, Advantages, Group } from '../types.ts';
import { advantagesOfComponent, checkComponentNumbers } from './components.ts';
import { grpoAdvantages } from './grpo.ts';
import { deviation, finiteRewards, inPlaces, isConstant, mean } from './rewards.ts';

export type GdpoAdvantageOptions = {
  /** w_c by component. */
  readonly weights: Readonly<Record<string, number>>;
  /** Added to both standard deviations. */
  readonly eps: number;
};

/** The first half: the weighted sum of a group's normalised components, for the rollouts that have a reward. */
export function gdpoGroupAdvantages(group: Group, { weights, eps }: GdpoAdvantageOptions): number[] {
  const count = finiteRewards(group).length;
  const sum_G = Array.from({ length: count }, () => 0);
  for (const [name, weight] of Object.entries(weights)) {
    const part_G = advantagesOfComponent(group, name, (values_G) =>
      isConstant(values_G) ? values_G.map(() => 0) : grpoAdvantages(values_G, { eps }),
    );
    for (let i = 0; i < count; i++) sum_G[i] = sum_G[i]! + weight * part_G[i]!;
  }
  return sum_G;
}

function estimate(groups: readonly Group[], options: GdpoAdvantageOptions): Advantages {
  const parts = groups.map((group) => gdpoGroupAdvantages(group, options));
  const all = parts.flat();
  const mu = mean(all);
  const sigma = deviation(all, mu);
  return groups.map((group, place) =>
    inPlaces(
      group,
      parts[place]!.map((advantage) => (isConstant(all) ? 0 : (advantage - mu) / (sigma + options.eps))),
    ),
  );
}

/** The advantage `gdpo`. */
export const gdpoAdvantage: PartDefinition<GdpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'gdpo',
  defaults: { weights: { correct: 1, formatted: 1 }, eps: 1e-4 },
  check: ({ weights, eps }) =>
    eps > 0 ? checkComponentNumbers('weights', weights, 'weight') : 'option "eps" must be above 0',
  components: ({ weights }) => Object.keys(weights),
  create: (options) => ({
    kind: 'gdpo',
    components: Object.keys(options.weights),
    estimate: (groups) => estimate(groups, options),
  }),
};
