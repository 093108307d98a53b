/** The rewards of a group that an estimator may use, and the advantages put back in their places. */
import type { Advantages, Group } from '../types.ts';

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

/** Whether all values are the same. */
export function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/**
 * An estimator that looks at one group at a time, over a batch.
 *
 * @throws {RangeError} if a group has fewer than two rewards, or one that is not finite
 */
export function estimateByGroup(
  groups: readonly Group[],
  advantagesOf: (rewards_G: readonly number[]) => number[],
): Advantages {
  return groups.map((group) => {
    const rewards_G = rewardsOf(group);
    if (rewards_G.length < 2) {
      throw new RangeError(
        `Cannot compute advantages: group "${group.id}" has ${rewards_G.length} rollouts with a reward, expected at least 2`,
      );
    }
    if (!rewards_G.every(Number.isFinite)) {
      throw new RangeError(`Cannot compute advantages: group "${group.id}" has a reward that is not finite`);
    }
    const advantages_G = isConstant(rewards_G) ? rewards_G.map(() => 0) : advantagesOf(rewards_G);
    let next = 0;
    return group.rollouts.map(({ reward }) => (reward === null ? null : advantages_G[next++]!));
  });
}
