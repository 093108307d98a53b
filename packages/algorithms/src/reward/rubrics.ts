/**
 * Rewards with a second opinion, which comes from the verifier as a component: a judge's rubric, the quality of the thinking, how
 * likely a reference finds the answer. Who gives the opinion is the verifier's affair; a verifier as a service may ask any model.
 */
import { isConstant, mean } from '../advantage/rewards.ts';
import type { PartDefinition, PartOptions } from '../part.ts';
import type { Group, RewardCombiner, Rollout } from '../types.ts';
import { shapedByGroup, withRewards } from './shaping.ts';

/** A component that a rollout with a reward must have. */
function required(rollout: Rollout, name: string): number {
  const value = rollout.components?.[name] ?? null;
  if (value === null || !Number.isFinite(value)) {
    throw new RangeError(
      `Cannot shape rewards: component "${name}" of rollout "${rollout.id}" is ${value}, expected a finite number`,
    );
  }
  return value;
}

/** Tasks whose verifier lacks the component keep its own reward. */
function known(group: Group, name: string): boolean {
  return group.rollouts.some(({ components }) => components !== undefined && Object.hasOwn(components, name));
}

function byComponent<Options extends PartOptions>(
  kind: string,
  component: (options: Options) => string,
  shape: (group: Group, options: Options) => Group,
): Pick<PartDefinition<Options, RewardCombiner>, 'kind' | 'components' | 'create'> {
  return {
    kind,
    components: (options) => [component(options)],
    create: (options) =>
      shapedByGroup(kind, (group) => (known(group, component(options)) ? shape(group, options) : group)),
  };
}

export type CitationRewardOptions = {
  /** The component with the rubric's score, 0 or more. */
  readonly rubric: string;
  /** α, in [0, 1]: the rubric's share. */
  readonly share: number;
  /** The rubric counts only where the outcome is right, as the paper has it. */
  readonly onlyCorrect: boolean;
};

/**
 * R = (1 − α) R_o + α · rubric_i / max_j rubric_j, R_o 1 or 0. Source, first-hand: C-GRPO's code (`THUDM/CaRR@c97e7e8`), α = 0.3.
 * Where no rubric of the group is above 0 its part is 0.
 */
function citationRewards(group: Group, { rubric, share, onlyCorrect }: CitationRewardOptions): Group {
  const scored = group.rollouts.filter(({ reward }) => reward !== null);
  const best = Math.max(0, ...scored.map((rollout) => required(rollout, rubric)));
  return withRewards(group, (rollout) => {
    const counts = best > 0 && (rollout.correct || !onlyCorrect);
    return (rollout.correct ? 1 - share : 0) + (counts ? (share * required(rollout, rubric)) / best : 0);
  });
}

/** The reward `citation`. */
export const citationReward: PartDefinition<CitationRewardOptions, RewardCombiner> = {
  ...byComponent('citation', ({ rubric }) => rubric, citationRewards),
  defaults: { rubric: 'rubric', share: 0.3, onlyCorrect: true },
  check: ({ share }) => (share >= 0 && share <= 1 ? undefined : `option "share" is ${share}, expected between 0 and 1`),
};

export type PosteriorRewardOptions = {
  /** The component with the quality of the thinking, in [0, 1]. */
  readonly thinking: string;
};

/**
 * R = R_f + R_o + R_o · R_t: good thinking counts only where it led to the right answer. R_f is 1 for the right form, R_o 1 for the
 * right answer. Source, secondary: Posterior-GRPO's abstract and a third party's composer.
 */
function posteriorRewards(group: Group, { thinking }: PosteriorRewardOptions): Group {
  return withRewards(group, (rollout) => {
    const form = rollout.formatted ? 1 : 0;
    return rollout.correct ? form + 1 + required(rollout, thinking) : form;
  });
}

/** The reward `posterior`. */
export const posteriorReward: PartDefinition<PosteriorRewardOptions, RewardCombiner> = {
  ...byComponent('posterior', ({ thinking }) => thinking, posteriorRewards),
  defaults: { thinking: 'thinking' },
};

export type CareRewardOptions = {
  /** The component with the likelihood of the answer after the reasoning, under the reference. */
  readonly likelihood: string;
  /** What a consistent right answer gets beside its reward. */
  readonly bonus: number;
  /** By how much it may lie below the mean of the right ones. Paper's code: 0 or 0.01. */
  readonly margin: number;
};

/**
 * R ← R + bonus · R_acc for a right answer whose likelihood is not below the mean of the group's right ones less the margin. Source,
 * first-hand: GRPO-CARE's code (`TencentARC/GRPO-CARE@b0628fc`), bonus 0.5. There the reference is a moving average of the policy
 * (0.995 every 10 steps), scored by the trainer; here it is whoever gives the component.
 */
function careRewards(group: Group, { likelihood, bonus, margin }: CareRewardOptions): Group {
  const right = group.rollouts.filter(({ reward, correct }) => reward !== null && correct);
  const values = right.map((rollout) => required(rollout, likelihood));
  // Rounding would put the mean of equal values beside them.
  const bar = (values.length === 0 || isConstant(values) ? (values[0] ?? 0) : mean(values)) - margin;
  return withRewards(group, (rollout) => {
    const consistent = rollout.correct && required(rollout, likelihood) >= bar;
    return rollout.reward! + (consistent ? bonus : 0);
  });
}

/** The reward `care`. */
export const careReward: PartDefinition<CareRewardOptions, RewardCombiner> = {
  ...byComponent('care', ({ likelihood }) => likelihood, careRewards),
  defaults: { likelihood: 'likelihood', bonus: 0.5, margin: 0.01 },
  check: ({ bonus, margin }) =>
    bonus >= 0 && margin >= 0 ? undefined : 'options "bonus" and "margin" must be 0 or more',
};
