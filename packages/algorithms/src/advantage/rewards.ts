/** The rewards of a group that an estimator may use, and the advantages put back in their places. */
import type { Advantages, Group, Rollout } from '../types.ts';

/** The rewards of a group's rollouts that have one. */
export function rewardsOf(group: Group): number[] {
  const rewards: number[] = [];
  for (const { reward } of group.rollouts) if (reward !== null) rewards.push(reward);
  return rewards;
}

/** Mean, summed from left to right. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Standard deviation with n − 1 degrees of freedom, as torch's; 0 for one value. */
export function deviation(values: readonly number[], mu: number = mean(values)): number {
  if (values.length < 2) return 0;
  let squares = 0;
  for (const value of values) squares += (value - mu) * (value - mu);
  return Math.sqrt(squares / (values.length - 1));
}

/** Whether all values are the same. */
export function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** The rollouts of a group that have a reward. */
export function scoredOf(group: Group): Rollout[] {
  return group.rollouts.filter(({ reward }) => reward !== null);
}

/** Values of the rollouts that have a reward, in the places of all. */
export function inPlaces(group: Group, values_G: readonly (number | null)[]): (number | null)[] {
  let next = 0;
  return group.rollouts.map(({ reward }) => (reward === null ? null : values_G[next++]!));
}

/**
 * An estimator that looks at one group at a time, over a batch, whose advantages are 0 where all rewards are equal.
 *
 * @throws {RangeError} if a group has fewer than two rewards, or one that is not finite
 */
export function estimateByGroup(
  groups: readonly Group[],
  advantagesOf: (rewards_G: readonly number[]) => number[],
): Advantages {
  return estimateAllByGroup(groups, (rewards_G) =>
    isConstant(rewards_G) ? rewards_G.map(() => 0) : advantagesOf(rewards_G),
  );
}

/** As `estimateByGroup`, for an estimator to which equal rewards say something too. */
export function estimateAllByGroup(
  groups: readonly Group[],
  advantagesOf: (rewards_G: readonly number[]) => readonly (number | null)[],
): Advantages {
  return groups.map((group) => inPlaces(group, advantagesOf(finiteRewards(group))));
}

/** @throws {RangeError} if the group has fewer than two rewards, or one that is not finite */
export function finiteRewards(group: Group): number[] {
  const rewards_G = rewardsOf(group);
  if (rewards_G.length < 2) {
    throw new RangeError(
      `Cannot compute advantages: group "${group.id}" has ${rewards_G.length} rollouts with a reward, expected at least 2`,
    );
  }
  if (!rewards_G.every(Number.isFinite)) {
    throw new RangeError(`Cannot compute advantages: group "${group.id}" has a reward that is not finite`);
  }
  return rewards_G;
}

/**
 * The tokens of a rollout.
 *
 * @throws {RangeError} if nobody counted them
 */
export function lengthOf({ id, tokens }: Rollout): number {
  if (tokens !== undefined) return tokens;
  throw new RangeError(`Cannot compare lengths: rollout "${id}" has none, expected its number of tokens`);
}
