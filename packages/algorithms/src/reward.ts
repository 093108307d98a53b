/** From the parts of a reward to one number. */
import { ConfigError } from '@evenkeel/core';
import type { NoOptions, PartDefinition, PartSpec } from './part.ts';
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
  create: ({ weights }) => ({ kind: 'weighted', combine: (components) => weightedReward(components, weights) }),
};

/**
 * Refuses a reward that reads a component which no task of the run has. A component that some tasks have, and others not, is
 * fine: where it is undefined it is left out.
 *
 * @param declared components by task, as their verifiers declare them, `verdict` not among them
 * @throws {ConfigError} `component-unknown`, with the known ones
 */
export function checkRewardComponents(reward: PartSpec, declared: Readonly<Record<string, readonly string[]>>): void {
  if (reward.kind !== weightedRewardCombiner.kind) return;
  const known = new Set(['verdict', ...Object.values(declared).flat()]);
  const unknown = Object.keys(reward.weights as WeightedRewardOptions['weights']).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const own = Object.entries(declared).filter(([, names]) => names.length > 0);
  const tasks = own.map(([task, names]) => `${task}: ${names.join(', ')}`).join('; ');
  throw new ConfigError(
    `Cannot configure the reward weighted: no task's verifier declares the component "${unknown}", expected one of ${[...known].join(', ')}${tasks === '' ? '' : ` (${tasks})`}`,
    { code: 'component-unknown' },
  );
}
