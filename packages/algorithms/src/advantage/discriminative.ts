/**
 * The shares that the answers of a mixed group have in a discriminative objective: those of the right ones sum to 1, those of
 * the wrong ones to −1. What becomes of the wrong ones' share is the objective's: `negatives`.
 */
import { exponential } from '../exponential.ts';
import type { NoOptions, PartDefinition } from '../part.ts';
import type { AdvantageEstimator, Group, Rollout } from '../types.ts';
import { finiteRewards, lengthOf, scoredOf } from './rewards.ts';

/**
 * @throws {RangeError} if the group has not both a right and a wrong answer
 */
function shares(group: Group, weightOf: (rollout: Rollout) => number): (number | null)[] {
  finiteRewards(group);
  const scored = scoredOf(group);
  const right = scored.filter(({ correct }) => correct);
  const wrong = scored.length - right.length;
  if (right.length === 0 || wrong === 0) {
    throw new RangeError(
      `Cannot compute advantages: group "${group.id}" has ${right.length} right and ${wrong} wrong answers, expected some of both: a discriminative objective compares them`,
    );
  }
  const total = right.reduce((sum, rollout) => sum + weightOf(rollout), 0);
  return group.rollouts.map((rollout) => {
    if (rollout.reward === null) return null;
    return rollout.correct ? weightOf(rollout) / total : -1 / wrong;
  });
}

/** The advantage `disco`: 1/n⁺ for a right answer, −1/n⁻ for a wrong one. Source, first-hand: DisCO (`Optimization-AI/DisCO@bd2b078`). */
export const discoAdvantage: PartDefinition<NoOptions, AdvantageEstimator> = {
  kind: 'disco',
  defaults: {},
  create: () => ({ kind: 'disco', estimate: (groups) => groups.map((group) => shares(group, () => 1)) }),
};

export type DrpoAdvantageOptions = {
  /** Λ: the smaller, the more the shortest right answer counts. */
  readonly brevity: number;
  /** L_max: tokens of the longest answer that there can be. 0: the run's most new tokens. */
  readonly maxTokens: number;
};

/**
 * The advantage `drpo`: the right answers share by brevity, ω_i = exp((1 − L_i / L_max) / Λ) / Σ_right; the wrong ones are left
 * alone. Source, first-hand: DRPO (`Optimization-AI/DRPO@405f702`), Λ = 0.1.
 */
export const drpoAdvantage: PartDefinition<DrpoAdvantageOptions, AdvantageEstimator> = {
  kind: 'drpo',
  defaults: { brevity: 0.1, maxTokens: 0 },
  check: ({ brevity, maxTokens }) => {
    if (!(brevity > 0)) return `option "brevity" is ${brevity}, expected above 0`;
    return Number.isInteger(maxTokens) && maxTokens >= 0
      ? undefined
      : `option "maxTokens" is ${maxTokens}, expected a whole number, or 0 for the run's most new tokens`;
  },
  fit: (options, { maxNewTokens }) => (options.maxTokens === 0 ? { ...options, maxTokens: maxNewTokens } : options),
  create: ({ brevity, maxTokens }) => ({
    kind: 'drpo',
    estimate: (groups) => {
      if (maxTokens === 0)
        throw new RangeError('Cannot compute advantages: drpo has no maxTokens, expected fitMethod()');
      return groups.map((group) =>
        shares(group, (rollout) => exponential((1 - lengthOf(rollout) / maxTokens) / brevity)),
      );
    },
  }),
};
