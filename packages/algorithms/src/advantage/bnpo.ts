/**
 * BNPO: the advantage scaled by a Beta density that follows the batch's success rates. Source, first-hand: its code
 * (`changyi7231/BNPO@a9c51b9`).
 *
 *   p_q = mean of R over the group;  p̄, v = mean and variance of p_q over the batch's groups;  c = p̄(1 − p̄)/v − 1
 *   α = max(1, 1 + c p̄/3);  β = max(1, 1 + c(1 − p̄)/3);  A = (R − p_q) / Beta(p_q; α, β)
 *
 * The factor 1/pdf is at most 1e6. v = 0 (one group, or all equally hard) has no density that follows from it: α = β = 1, which
 * leaves R − p_q; the code divides by 0 there. It is not what other trainers call the loss "bnpo", a mean over tokens.
 */
import { betaDensity } from '../logarithm.ts';
import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator, Advantages, Group } from '../types.ts';
import { componentOf } from './components.ts';
import { deviation, finiteRewards, inPlaces, mean, scoredOf } from './rewards.ts';

export type BnpoAdvantageOptions = {
  /** Success by name, each 0 or 1; the advantages of several are averaged. */
  readonly components: readonly string[];
};

const MOST = 1e6;

/** α and β from the success rates of a batch's groups. Shape [P]. */
export function bnpoParameters(rates_P: readonly number[]): { readonly alpha: number; readonly beta: number } {
  const p = mean(rates_P);
  const spread = deviation(rates_P, p);
  if (!(spread > 0)) return { alpha: 1, beta: 1 };
  const c = (p * (1 - p)) / (spread * spread) - 1;
  return { alpha: Math.max(1, 1 + (c * p) / 3), beta: Math.max(1, 1 + (c * (1 - p)) / 3) };
}

/** The advantages of one reward over a batch of groups that may differ in size. */
export function bnpoAdvantages(rewards_P_G: readonly (readonly number[])[]): number[][] {
  const rates_P = rewards_P_G.map((rewards_G) => mean(rewards_G));
  const { alpha, beta } = bnpoParameters(rates_P);
  return rewards_P_G.map((rewards_G, place) => {
    const p = rates_P[place]!;
    const density = betaDensity(p, alpha, beta);
    const factor = density > 1 / MOST ? 1 / density : MOST;
    return rewards_G.map((reward) => (reward - p) * factor);
  });
}

function estimate(groups: readonly Group[], components: readonly string[]): Advantages {
  for (const group of groups) finiteRewards(group);
  const parts = components.map((name) =>
    bnpoAdvantages(groups.map((group) => scoredOf(group).map((rollout) => componentOf(rollout, name) ?? 0))),
  );
  return groups.map((group, place) => {
    const values_G = scoredOf(group).map((_, i) => mean(parts.map((part) => part[place]![i]!)));
    return inPlaces(group, values_G);
  });
}

/** The advantage `bnpo`. */
export const bnpoAdvantage: PartDefinition<BnpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'bnpo',
  defaults: { components: ['correct'] },
  check: ({ components }) =>
    Array.isArray(components) && components.length > 0 && components.every((name) => typeof name === 'string')
      ? undefined
      : `option "components" is ${JSON.stringify(components)}, expected a list of at least one name`,
  components: ({ components }) => components,
  create: ({ components }) => ({
    kind: 'bnpo',
    components,
    estimate: (groups) => estimate(groups, components),
  }),
};
