/**
 * Combinations of parts that cannot work, each with its reason. They are refused when a run is configured, before anything is
 * computed. A rule looks at the kinds of parts and their options, never at a method's name: a part that is put in another's
 * place is under the same rules.
 */
import type { PartSpec } from './part.ts';
import type { ObjectiveSpec } from './types.ts';

/** What a rule sees. */
export interface Combination {
  readonly weighter: PartSpec;
  readonly planner: PartSpec;
  readonly filter: PartSpec;
  readonly advantage: PartSpec;
  readonly objective: ObjectiveSpec;
  readonly reward: PartSpec;
}

/** Says what is wrong and what to choose in its place; null where the rule is kept. */
type Rule = (parts: Combination) => string | null;

const COMPARES_RIGHT_AND_WRONG = ['disco', 'drpo'];
/** Advantages of a size that says nothing of how much a task has to teach. */
const FIXED_SIZE = ['disco', 'drpo', 'reinforce'];
/** Advantages whose scale follows the batch that they are in: it says nothing from step to step. */
const SCALED_BY_BATCH = ['gdpo', 'bnpo'];
const READS_COMPONENTS = ['bnpo', 'gdpo'];

/** The rules by name. */
export const rules: Readonly<Record<string, Rule>> = {
  'a planner that refills needs a filter that drops': ({ planner, filter }) =>
    planner.kind !== 'plain' && filter.kind === 'none'
      ? `planner ${planner.kind} refills what the filter drops, but filter none drops nothing; choose filter strict or lenient, or planner plain`
      : null,

  'NGRPO needs the groups that are all wrong': ({ advantage, filter }) =>
    advantage.kind === 'ngrpo' && (filter.kind === 'strict' || filter.kind === 'lenient')
      ? `filter ${filter.kind} drops the groups in which all are wrong, which are what advantage ngrpo learns from; choose filter not-all-correct or none`
      : null,

  'negative samples alone need the groups that are all wrong': ({ advantage, filter }) =>
    advantage.kind === 'reinforce' &&
    advantage.positive === 0 &&
    (filter.kind === 'strict' || filter.kind === 'lenient')
      ? `filter ${filter.kind} drops the groups in which all are wrong, which are most of what negative samples teach; choose filter not-all-correct or none`
      : null,

  'positive samples alone need the groups that are all right': ({ advantage, filter }) =>
    advantage.kind === 'reinforce' && advantage.negative === 0 && filter.kind === 'not-all-correct'
      ? 'filter not-all-correct drops the groups in which all are right, and keeps those in which none is, which teach nothing where only right answers count; choose filter none or strict'
      : null,

  'a discriminative loss needs mixed groups': ({ objective, filter }) =>
    objective.form?.kind === 'discriminative' && filter.kind !== 'strict'
      ? `a discriminative loss compares right answers with wrong ones, and filter ${filter.kind} keeps groups that have not both; choose filter strict`
      : null,

  'a discriminative loss needs its advantages': ({ objective, advantage }) =>
    objective.form?.kind === 'discriminative' && !COMPARES_RIGHT_AND_WRONG.includes(advantage.kind)
      ? `a discriminative loss needs the shares of right and wrong answers, and advantage ${advantage.kind} gives other numbers; choose advantage disco or drpo`
      : null,

  'shares of right and wrong answers need a discriminative loss': ({ objective, advantage }) =>
    COMPARES_RIGHT_AND_WRONG.includes(advantage.kind) && objective.form?.kind !== 'discriminative'
      ? `advantage ${advantage.kind} gives the shares of right and wrong answers, which only a discriminative loss knows; choose objective.form discriminative, or another advantage`
      : null,

  'a discriminative loss has its own scale and constraint': ({ objective }) => {
    if (objective.form?.kind !== 'discriminative') return null;
    if (objective.aggregation !== 'sequence-mean')
      return `a discriminative loss scores a completion by the mean over its tokens, and aggregation is ${objective.aggregation}; choose sequence-mean`;
    return objective.kl.kind === 'none'
      ? null
      : `a discriminative loss is bound to the policy that sampled, and kl.kind is ${objective.kl.kind}; choose none`;
  },

  'only a clipped ratio has one per completion': ({ objective }) =>
    objective.form !== undefined && objective.ratio === 'sequence'
      ? `ratio is sequence, and the loss form ${objective.form.kind} works token by token; choose ratio token, or leave form out`
      : null,

  'advantages by component read no combined reward': ({ advantage, reward }) =>
    READS_COMPONENTS.includes(advantage.kind) && reward.kind !== 'verdict'
      ? `advantage ${advantage.kind} takes the components one by one, and reward ${reward.kind} would make one number of them that nothing reads; choose reward verdict, and name the components in the advantage`
      : null,

  'a constraint counts once': ({ advantage, reward }) => {
    if (advantage.kind !== 'fgrpo' || reward.kind !== 'weighted') return null;
    const summed = Object.keys(reward.weights as object);
    const twice = Object.keys(advantage.thresholds as object).find((name) => summed.includes(name));
    return twice === undefined
      ? null
      : `component "${twice}" is a constraint of advantage fgrpo and in the sum of reward weighted as well; leave it out of one`;
  },

  'right answers alone need no reward beside': ({ advantage, reward }) =>
    (advantage.kind === 'reinforce' || COMPARES_RIGHT_AND_WRONG.includes(advantage.kind)) && reward.kind !== 'verdict'
      ? `advantage ${advantage.kind} looks at right and wrong alone, and reward ${reward.kind} would not be read; choose reward verdict, or another advantage`
      : null,

  'without ground truth nothing may ask for it': ({ reward, filter }) =>
    reward.kind === 'surrogate' && (filter.kind === 'strict' || filter.kind === 'not-all-correct')
      ? `reward surrogate does without a ground truth, and filter ${filter.kind} asks which answers are right; choose filter lenient or none`
      : null,

  'SEC needs advantages whose size means something': ({ weighter, advantage }) =>
    weighter.kind === 'sec' && FIXED_SIZE.includes(advantage.kind)
      ? `weighter sec draws tasks by the mean size of their advantages, and those of ${advantage.kind} have the same size whatever there is to learn; choose another weighter or advantage`
      : null,

  'SEC needs advantages that are alike from step to step': ({ weighter, advantage }) =>
    weighter.kind === 'sec' && SCALED_BY_BATCH.includes(advantage.kind)
      ? `weighter sec compares the size of advantages from step to step, and ${advantage.kind} scales each batch anew; choose another weighter or advantage`
      : null,

  'SEC needs advantages that its temperature was made for': ({ weighter, advantage }) =>
    weighter.kind === 'sec' && advantage.kind === 'mc-grpo' && advantage.meanWhereZero !== true
      ? 'weighter sec draws by softmax(mean |A| / temperature), and mc-grpo divides by its eps alone wherever a group has a clear majority: one task would take everything; choose advantage mc-grpo with meanWhereZero, or another'
      : null,
};

/** What is wrong with a combination, the first of all; null if nothing. */
export function complaintOf(parts: Combination): string | null {
  for (const rule of Object.values(rules)) {
    const complaint = rule(parts);
    if (complaint !== null) return complaint;
  }
  return null;
}
