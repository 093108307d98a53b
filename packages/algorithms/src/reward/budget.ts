import { lengthOf } from '../advantage/rewards.ts';
import type { PartDefinition } from '../part.ts';
import type { RewardCombiner } from '../types.ts';
import { shapedByGroup, withRewards } from './shaping.ts';

export type BudgetRewardOptions = {
  /** λ_c, λ_l and λ_f: weights of a right answer, of the length and of the form. Paper: (0.3, 0.6) or (0.6, 0.3) for the first two. */
  readonly correct: number;
  readonly length: number;
  readonly formatted: number;
  /** B_0: tokens of the first steps' budget. 0: the most that a completion can have. */
  readonly budget: number;
  /** γ, in (0, 1]: what is left of the budget after each interval. */
  readonly decay: number;
  /** T: steps of an interval. */
  readonly every: number;
};

/** B(t) = max(1, B_0 γ^⌊t/T⌋). */
export function budgetAt(step: number, budget: number, { decay, every }: Pick<BudgetRewardOptions, 'decay' | 'every'>) {
  let left = budget;
  for (let interval = Math.floor(step / every); interval > 0 && left > 1; interval--) left *= decay;
  return Math.max(1, left);
}

/** The triangle: up to the budget l/B, from there down to 0 at twice the budget. */
export function triangular(length: number, budget: number): number {
  if (length <= budget) return length / budget;
  return Math.max(0, 1 - (length - budget) / budget);
}

/**
 * The reward `budget`: R = λ_c · right + λ_l · triangle(l, B(t)) + λ_f · formatted, with a budget that shrinks. Source, first-hand
 * (full text): "Train Long, Think Short". Its example, 256 → 87, is γ = 0.7 three times; T and λ_f are ours.
 *
 * Deviation: the paper states the budget in the prompt as well. Prompts are made by the verifiers here and are the same whatever the
 * method; what is not told, the policy has to find out by the reward.
 */
export const budgetReward: PartDefinition<BudgetRewardOptions, RewardCombiner> = {
  kind: 'budget',
  defaults: { correct: 0.6, length: 0.3, formatted: 0.1, budget: 0, decay: 0.7, every: 10 },
  check: ({ correct, length, formatted, budget, decay, every }) => {
    if (!(correct >= 0 && length >= 0 && formatted >= 0)) return 'the weights must be 0 or more';
    if (!(budget >= 0)) return `option "budget" is ${budget}, expected above 0, or 0 for the most new tokens`;
    if (!(decay > 0 && decay <= 1)) return `option "decay" is ${decay}, expected above 0 and at most 1`;
    return Number.isInteger(every) && every >= 1
      ? undefined
      : `option "every" is ${every}, expected a whole number of 1 or more`;
  },
  create: (options) =>
    shapedByGroup('budget', (group, { step, maxTokens }) => {
      const budget = budgetAt(step, options.budget === 0 ? maxTokens : options.budget, options);
      return withRewards(group, (rollout) => {
        const right = rollout.correct ? options.correct : 0;
        const form = rollout.formatted ? options.formatted : 0;
        return right + options.length * triangular(lengthOf(rollout), budget) + form;
      });
    }),
};
