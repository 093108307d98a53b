import type { PartDefinition } from '../part.ts';
import type { Group, RewardCombiner } from '../types.ts';
import { shapedByGroup, withRewards } from './shaping.ts';

export type UnlikelyRewardOptions = {
  /** β, in [0, 1]: what the likeliest answer loses, nearly. */
  readonly demotion: number;
};

/**
 * R_i ← R_i (1 − β rank_i / G), rank_i the place of the rollout by its mean log-probability under the policy that sampled it,
 * 0 for the least likely: what the policy would say anyway is worth less. Source, first-hand: "Rewarding the Unlikely"
 * (`AndreHe02/rewarding-unlikely-release@ca1cff0`), β = 0.25. At a tie the earlier rollout counts as the less likely.
 *
 * @throws {RangeError} if a rollout has no log-probability
 */
function unlikelyRewards(group: Group, { demotion }: UnlikelyRewardOptions): Group {
  const scored = group.rollouts.flatMap(({ id, reward, meanLogprob }, place) => {
    if (reward === null) return [];
    if (meanLogprob === undefined || !Number.isFinite(meanLogprob)) {
      throw new RangeError(
        `Cannot shape rewards: the mean log-probability of rollout "${id}" is ${meanLogprob}, expected a number`,
      );
    }
    return [{ place, meanLogprob }];
  });
  const order = scored.toSorted((a, b) => a.meanLogprob - b.meanLogprob || a.place - b.place);
  const rank = new Map(order.map(({ place }, index) => [place, index]));
  return withRewards(group, ({ reward }, place) => reward! * (1 - (demotion * rank.get(place)!) / scored.length));
}

/** The reward `unlikely`. */
export const unlikelyReward: PartDefinition<UnlikelyRewardOptions, RewardCombiner> = {
  kind: 'unlikely',
  defaults: { demotion: 0.25 },
  check: ({ demotion }) =>
    demotion >= 0 && demotion <= 1 ? undefined : `option "demotion" is ${demotion}, expected between 0 and 1`,
  create: (options) => shapedByGroup('unlikely', (group) => unlikelyRewards(group, options)),
};
