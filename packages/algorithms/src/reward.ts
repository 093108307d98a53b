/** From the parts of a reward to one number. */
import type { NoOptions, PartDefinition } from './part.ts';
import type { Components, RewardCombiner } from './types.ts';

/** The reward `verdict`: the verifier's reward as it is, 1.0 / 0.1 / 0; the component `verdict`. */
export const verdictReward: PartDefinition<NoOptions, RewardCombiner> = {
  kind: 'verdict',
  defaults: {},
  create: () => ({ kind: 'verdict', combine: (components) => components.verdict ?? null }),
};

export type WeightedRewardOptions = {
  /** w_c by component; a component without a weight does not count. */
  readonly weights: Readonly<Record<string, number>>;
};

/**
 * R = Σ_c w_c r_c over the components that are defined; null if none is. Source: Omni-Think, hybrid reward: undefined parts
 * are left out, and a rollout without any is dropped.
 */
export function weightedReward(components: Components, weights: Readonly<Record<string, number>>): number | null {
  let reward: number | null = null;
  for (const [name, weight] of Object.entries(weights)) {
    const value = Object.hasOwn(components, name) ? components[name]! : null;
    if (value !== null) reward = (reward ?? 0) + weight * value;
  }
  return reward;
}

/** The reward `weighted`. */
export const weightedRewardCombiner: PartDefinition<WeightedRewardOptions, RewardCombiner> = {
  kind: 'weighted',
  defaults: { weights: { verdict: 1 } },
  check: ({ weights }) => {
    const wrong = Object.entries(weights).find(([, weight]) => !Number.isFinite(weight));
    if (wrong !== undefined) return `the weight of "${wrong[0]}" is ${wrong[1]}, expected a finite number`;
    return Object.keys(weights).length === 0 ? 'option "weights" is empty, expected at least one component' : undefined;
  },
  components: ({ weights }) => Object.keys(weights),
  create: ({ weights }) => ({ kind: 'weighted', combine: (components) => weightedReward(components, weights) }),
};
