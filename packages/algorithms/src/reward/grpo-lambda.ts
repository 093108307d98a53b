/**
 * GRPO-λ: answers are to be short where the policy is good already, and nowhere else. Source, secondary (third-party notes); where
 * that note's code and its text differ, the text counts:
 *
 *   the top share of the groups by accuracy: R = 1 − α · sigmoid((L − μ) / σ) if right, else 0, μ and σ over the right ones' lengths
 *   the others: 1 if right, else 0
 *
 * The groups that are compared are those of one round. How many are in the top share is rounded up, the earlier group first at a tie:
 * ours. So is the score 0 where all right answers are equally long.
 */
import { deviation, lengthOf, mean } from '../advantage/rewards.ts';
import { exponential } from '../exponential.ts';
import type { PartDefinition } from '../part.ts';
import type { Group, RewardCombiner } from '../types.ts';
import { verdictOf, withRewards } from './shaping.ts';

export type GrpoLambdaRewardOptions = {
  /** λ, in [0, 1]: the share of the groups in which length counts. */
  readonly share: number;
  /** α, in [0, 1]: what the longest answer loses, nearly. That note's value is 0.6. */
  readonly penalty: number;
};

function accuracy(group: Group): number {
  const scored = group.rollouts.filter(({ reward }) => reward !== null);
  return scored.length === 0 ? 0 : scored.filter(({ correct }) => correct).length / scored.length;
}

/** The rewards of a group in the top share. */
function penaliseLength(group: Group, penalty: number): Group {
  const lengths = group.rollouts.filter(({ reward, correct }) => reward !== null && correct).map(lengthOf);
  const mu = mean(lengths);
  const sigma = deviation(lengths, mu);
  return withRewards(group, (rollout) => {
    if (!rollout.correct) return 0;
    const score = sigma === 0 ? 0 : (lengthOf(rollout) - mu) / sigma;
    return 1 - penalty / (1 + exponential(-score));
  });
}

/** The rewards of a round's groups. */
function grpoLambdaRewards(groups: readonly Group[], { share, penalty }: GrpoLambdaRewardOptions): Group[] {
  const order = groups.map((group, place) => ({ place, accuracy: accuracy(group) }));
  order.sort((a, b) => b.accuracy - a.accuracy || a.place - b.place);
  const top = new Set(order.slice(0, Math.ceil(share * groups.length)).map(({ place }) => place));
  return groups.map((group, place) =>
    top.has(place) ? penaliseLength(group, penalty) : withRewards(group, ({ correct }) => (correct ? 1 : 0)),
  );
}

/** The reward `grpo-lambda`. */
export const grpoLambdaReward: PartDefinition<GrpoLambdaRewardOptions, RewardCombiner> = {
  kind: 'grpo-lambda',
  defaults: { share: 0.2, penalty: 0.6 },
  check: ({ share, penalty }) => {
    if (!(share >= 0 && share <= 1)) return `option "share" is ${share}, expected between 0 and 1`;
    return penalty >= 0 && penalty <= 1 ? undefined : `option "penalty" is ${penalty}, expected between 0 and 1`;
  },
  create: (options) => ({
    kind: 'grpo-lambda',
    combine: verdictOf,
    shape: (groups) => grpoLambdaRewards(groups, options),
  }),
};
