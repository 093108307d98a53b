/**
 * Stratified GRPO: rollouts are compared with their like. Source, secondary (a third party's composer and the abstract):
 *
 *   A = α (R − μ_s) / (σ_s + ε) + (1 − α) (R − μ) / (σ + ε), s the rollout's stratum
 *
 * The paper's strata are numbers of search calls; here a stratum is a value of a component, whatever its verifier counts. α is
 * not established: 0.5 is ours. A stratum of one has nothing to compare: its first term is 0.
 */
import type { PartDefinition } from '../part.ts';
import type { AdvantageEstimator, Group } from '../types.ts';
import { componentOf } from './components.ts';
import { grpoAdvantages } from './grpo.ts';
import { finiteRewards, inPlaces, isConstant, scoredOf } from './rewards.ts';

export type StratifiedAdvantageOptions = {
  /** The component whose values are the strata. */
  readonly stratum: string;
  /** α, in [0, 1]: 0 is GRPO. */
  readonly blend: number;
  /** Added to the standard deviations. */
  readonly eps: number;
};

/**
 * @param strata_G the stratum of each rollout; shape [G]
 */
export function stratifiedAdvantages(
  rewards_G: readonly number[],
  strata_G: readonly (number | null)[],
  { blend, eps }: Omit<StratifiedAdvantageOptions, 'stratum'>,
): number[] {
  const normalised = (rewards: readonly number[]) =>
    rewards.length < 2 || isConstant(rewards) ? rewards.map(() => 0) : grpoAdvantages(rewards, { eps });
  const within_G = rewards_G.map(() => 0);
  for (const stratum of new Set(strata_G)) {
    const places = strata_G.flatMap((other, place) => (other === stratum ? [place] : []));
    const part = normalised(places.map((place) => rewards_G[place]!));
    for (const [i, place] of places.entries()) within_G[place] = part[i]!;
  }
  return normalised(rewards_G).map((whole, place) => blend * within_G[place]! + (1 - blend) * whole);
}

function ofGroup(group: Group, { stratum, ...options }: StratifiedAdvantageOptions) {
  const strata_G = scoredOf(group).map((rollout) => componentOf(rollout, stratum));
  return inPlaces(group, stratifiedAdvantages(finiteRewards(group), strata_G, options));
}

/** The advantage `stratified`. */
export const stratifiedAdvantage: PartDefinition<StratifiedAdvantageOptions, AdvantageEstimator> = {
  kind: 'stratified',
  defaults: { stratum: 'formatted', blend: 0.5, eps: 1e-6 },
  check: ({ blend, eps }) => {
    if (!(blend >= 0 && blend <= 1)) return `option "blend" is ${blend}, expected between 0 and 1`;
    return eps > 0 ? undefined : 'option "eps" must be above 0';
  },
  components: ({ stratum }) => [stratum],
  create: (options) => ({
    kind: 'stratified',
    components: [options.stratum],
    estimate: (groups) => groups.map((group) => ofGroup(group, options)),
  }),
};
