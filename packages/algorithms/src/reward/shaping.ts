/** What the rewards that look at several rollouts share. They start from the verifier's own reward, and change it. */
import type { Components, Group, RewardCombiner, Rollout } from '../types.ts';

/** The combined reward before it is shaped: the verifier's. */
export function verdictOf(components: Components): number | null {
  return components.verdict ?? null;
}

/** Puts new rewards into the places of rollouts that have one. */
export function withRewards(group: Group, rewardOf: (rollout: Rollout, place: number) => number): Group {
  const rollouts = group.rollouts.map((rollout, place) =>
    rollout.reward === null ? rollout : { ...rollout, reward: rewardOf(rollout, place) },
  );
  return { ...group, rollouts };
}

/** A reward that shapes each group by itself. */
export function shapedByGroup(
  kind: string,
  shape: (group: Group, context: Parameters<NonNullable<RewardCombiner['shape']>>[1]) => Group,
): RewardCombiner {
  return { kind, combine: verdictOf, shape: (groups, context) => groups.map((group) => shape(group, context)) };
}
