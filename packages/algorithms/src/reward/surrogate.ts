import { lengthOf } from '../advantage/rewards.ts';
import type { PartDefinition } from '../part.ts';
import type { RewardCombiner } from '../types.ts';
import { shapedByGroup, withRewards } from './shaping.ts';

export type SurrogateRewardOptions = {
  /** p, in (0, 1): the best length as a share of the longest. */
  readonly turn: number;
  /** L_max in tokens. 0: the most that a completion can have. */
  readonly maxTokens: number;
};

/**
 * The length's part, x = L / L_max: 1 − (1 − x/p)² up to p, 1 − 2 ((x − p)/(1 − p))² beyond: 1 at p, −1 at the longest.
 */
export function lengthCurve(x: number, p: number): number {
  if (x <= p) return 1 - (1 - x / p) * (1 - x / p);
  const beyond = (x - p) / (1 - p);
  return 1 - 2 * beyond * beyond;
}

/**
 * The reward `surrogate`: no ground truth at all, form and length alone. R = R_f + R_l where the form is right, min(0, R_l) where
 * it is not. Source, first-hand: its code (`insightLLM/rl-without-gt@c1e2077`); the paper prints min(0, R_f + R_l), which
 * comes to the same where R_f is 0 for a wrong form, as it is here.
 */
export const surrogateReward: PartDefinition<SurrogateRewardOptions, RewardCombiner> = {
  kind: 'surrogate',
  defaults: { turn: 0.5, maxTokens: 0 },
  check: ({ turn, maxTokens }) => {
    if (!(turn > 0 && turn < 1)) return `option "turn" is ${turn}, expected between 0 and 1`;
    return maxTokens >= 0
      ? undefined
      : `option "maxTokens" is ${maxTokens}, expected above 0, or 0 for the most new tokens`;
  },
  create: ({ turn, maxTokens }) =>
    shapedByGroup('surrogate', (group, context) => {
      const longest = maxTokens === 0 ? context.maxTokens : maxTokens;
      return withRewards(group, (rollout) => {
        const length = lengthCurve(Math.min(1, lengthOf(rollout) / longest), turn);
        return rollout.formatted ? 1 + length : Math.min(0, length);
      });
    }),
};
