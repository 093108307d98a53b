/**
 * The words that the parts of a method share: groups, statistics of a step, and the interface of each part.
 *
 * Everything here is plain JSON data or a pure function of it. It knows no tensor, no text, no file and no clock; where a
 * part draws, the caller hands it a keyed generator. Maps are keyed by task name and may be sparse; the order of tasks is
 * the order in which they were given to `init`.
 *
 * Invariant: a state is never changed in place, and a step that was observed once is never observed again.
 */
import type { KeyedRandom } from '@evenkeel/core';

/** One sampled completion, as the verifier left it. */
export interface Rollout {
  readonly id: string;
  /** The combined reward; null where the verifier abstained or failed: the rollout then counts nowhere. */
  readonly reward: number | null;
  /** Fully correct. Accuracy comes from this, never from a reward that may have been shaped. */
  readonly correct: boolean;
  /** An answer stood in the required form. */
  readonly formatted: boolean;
  /** Tokens of the completion. */
  readonly tokens?: number;
  /** Why there is no verdict; left out where there is one. */
  readonly unscored?: 'abstained' | 'failed';
  /** Completions in this one's place before it, on which the verifier failed; left out where there are none. */
  readonly replaced?: number;
  /** The parts of its worth by name, for parts of a method that do not take one number; `verdict` is among them. */
  readonly components?: Components;
  /** Mean log-probability of its tokens under the policy that sampled them. */
  readonly meanLogprob?: number;
}

/** The rollouts of one prompt. Groups may differ in size. */
export interface Group {
  readonly id: string;
  readonly task: string;
  readonly promptId: string;
  readonly rollouts: readonly Rollout[];
}

/** The share of prompts that each task shall have; all tasks present, values ≥ 0, sum 1. The paper's z. */
export type Weights = Readonly<Record<string, number>>;

/** A whole number per task; a task that is missing has 0. */
export type Counts = Readonly<Record<string, number>>;

/**
 * What one step showed of one task, over all its rounds and **before** the filter, unless it says otherwise. Sums and
 * counts only, so that the rounds of a step can be added up.
 */
export interface TaskStats {
  /** Groups generated. */
  readonly groups: number;
  /** Groups that the filter kept. */
  readonly kept: number;
  /** Rollouts with a reward. */
  readonly rollouts: number;
  /** Rollouts that are fully correct. */
  readonly correct: number;
  readonly formatted: number;
  readonly rewardSum: number;
  readonly tokens: number;
  /** Verdicts that failed, those that were replaced included. This and the next two are left out where they are 0. */
  readonly failed?: number;
  /** Completions that were sampled in the place of one whose verdict failed. */
  readonly replaced?: number;
  /** Rollouts of which the verifier said nothing. */
  readonly abstained?: number;
  /** Groups dropped, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Sum of |A| over the rollouts of the batch that was trained on, and how many they are. */
  readonly absAdvantageSum: number;
  readonly advantages: number;
  /** Of each component that the method reads: its sum over the rollouts that have it, and how many they are. Left out without one. */
  readonly components?: Readonly<Record<string, { readonly sum: number; readonly count: number }>>;
  /** The task's objective J_GRPO on the step's batch under the policy before the update and after it; null if not measured. */
  readonly objectiveBefore: number | null;
  readonly objectiveAfter: number | null;
}

/** What a step showed; tasks that were not drawn are missing. */
export interface StepStats {
  /** The step's number, ≥ 0. A part ignores a number that is not above the last it saw. */
  readonly step: number;
  readonly tasks: Readonly<Record<string, TaskStats>>;
}

/** What every state has: which part wrote it, and in which form. */
export interface PartState {
  readonly kind: string;
  readonly version: number;
}

/**
 * A generator for one draw of the current step. The caller binds the run's seed and the step, the part names what it
 * draws: `stepRandom(seed, step)` makes one.
 */
export type RandomFor = (stream: string, index: number) => KeyedRandom;

/** How much each task counts: the outer loop of a multi-task method. */
export interface TaskWeighter<S extends PartState = PartState> {
  readonly kind: string;
  /** Whether `observe` reads `objectiveBefore` and `objectiveAfter`: an extra forward pass after the update. */
  readonly needsObjectives: boolean;
  /**
   * Fields of the state, of shape [K], in which a task that is added to a run under way starts at the mean of the others; in all
   * others it starts as at the start of a run. Default none.
   */
  readonly startsAtMean?: readonly string[];
  init(tasks: readonly string[]): S;
  weights(state: S): Weights;
  observe(state: S, stats: StepStats): S;
}

/** What a planner is asked at the start of a round. */
export interface PlanInput {
  readonly weights: Weights;
  /** B: groups that the step's batch shall have. */
  readonly prompts: number;
  /** Rounds of this step that are done; 0 at its start. */
  readonly round: number;
  /** Groups per task that the filter kept in those rounds. */
  readonly kept: Counts;
  readonly random: RandomFor;
}

/** The next round's prompts per task, or the end of generation with its reason. */
export type Plan =
  | { readonly kind: 'draw'; readonly counts: Counts; readonly total: number }
  | { readonly kind: 'done'; readonly reason: 'enough' | 'rounds-exhausted' };

/** What a planner is asked after the last round. */
export interface SelectInput {
  readonly weights: Weights;
  readonly prompts: number;
  /** The kept groups in the order of the plan (round, then place in the round), never in the order of completion. */
  readonly groups: readonly Pick<Group, 'id' | 'task'>[];
  readonly random: RandomFor;
}

/** The step's batch. */
export interface Selection {
  /** Ids of the chosen groups, in the order of the plan. */
  readonly chosen: readonly string[];
  /** n_k: groups per task that the step wanted. */
  readonly target: Counts;
  /** Groups per task that it got. */
  readonly realised: Counts;
  /** B less the number of chosen groups; 0 unless the rounds ran out. */
  readonly shortfall: number;
}

/** Which prompts to roll out, in rounds, and which groups to train on. */
export interface BatchPlanner<S extends PartState = PartState> {
  readonly kind: string;
  /** Rounds that a step has at most. */
  readonly maxRounds: number;
  /** As a weighter's. */
  readonly startsAtMean?: readonly string[];
  init(tasks: readonly string[]): S;
  plan(state: S, input: PlanInput): Plan;
  select(state: S, input: SelectInput): Selection;
  observe(state: S, stats: StepStats): S;
  /** ρ_k: running share of the task's groups that the filter drops. */
  filterRates(state: S): Readonly<Record<string, number>>;
}

export type DropReason = 'too-few-rewards' | 'none-correct' | 'all-correct' | 'constant-reward';

/** Whether a group teaches anything. */
export interface GroupFilter {
  readonly kind: string;
  verdict(group: Group): 'keep' | DropReason;
}

/** One number per rollout, in the order of groups and of their rollouts; null where the rollout has no reward. */
export type Advantages = readonly (readonly (number | null)[])[];

/** Groups in, advantages out. It sees the whole batch, so that estimators with batch statistics fit. */
export interface AdvantageEstimator<S extends PartState = PartState> {
  readonly kind: string;
  /** @param state what `memory` holds; only for an estimator that has one */
  estimate(groups: readonly Group[], state?: S): Advantages;
  /** Components that it reads. */
  readonly components?: readonly string[];
  /** For an estimator that remembers something from step to step: part of the method's state. */
  readonly memory?: AdvantageMemory<S>;
}

/** What an estimator learns from a step. The tasks may change in mid-run: a state here is not kept by task. */
export interface AdvantageMemory<S extends PartState = PartState> {
  init(): S;
  observe(state: S, stats: StepStats): S;
}

/** Parts of a reward by name; null where a part is undefined for this rollout. */
export type Components = Readonly<Record<string, number | null>>;

/** What a reward may depend on besides the rollouts. */
export interface RewardContext {
  /** Steps done before this one. */
  readonly step: number;
  /** The most tokens that a completion can have. */
  readonly maxTokens: number;
}

/** The parts of a reward as one number, or null: the rollout is left out. */
export interface RewardCombiner {
  readonly kind: string;
  combine(components: Components): number | null;
  /**
   * The groups of one round once more, each rollout with its combined reward: for rewards that compare rollouts or groups, or
   * read lengths and probabilities. It changes rewards alone, of rollouts that have one.
   */
  shape?(groups: readonly Group[], context: RewardContext): readonly Group[];
}

/**
 * What is maximised per token, where it is not the clipped ratio. r = exp(log π − log π_old), sg: taken as a constant.
 *
 * `cispo`: sg(clip(r))·A·log π. `reinforce`: A·log π. `discriminative`: scores of correct answers up, of wrong ones down, as
 * DisCO has it, s the mean of log π or of r over a completion: Σ_right A_i s_i + Σ_wrong A_j s_j; with `log-mean-exp` a group's
 * wrong ones count as (Σ_wrong A_j)·τ·log mean exp(s_j / τ). Its own constraint takes the place of a clip: −β·sg(max(KL − δ, 0))·KL,
 * KL the mean over tokens of r − log r − 1.
 */
export type ObjectiveForm =
  | { readonly kind: 'cispo' }
  | { readonly kind: 'reinforce' }
  | {
      readonly kind: 'discriminative';
      readonly score: 'log-likelihood' | 'ratio';
      readonly negatives: 'log-mean-exp' | 'mean';
      /** τ: the smaller, the more the likeliest wrong answer counts. */
      readonly temperature: number;
      /** δ. */
      readonly klBound: number;
      /** β. */
      readonly klPenalty: number;
    };

/** The loss as data: the trainer builds its graph from this. */
export interface ObjectiveSpec {
  /** Left out: min(r·A, clip(r)·A). */
  readonly form?: ObjectiveForm;
  /**
   * ExPO's term: β · log π of an explanation of the right answer, as a mean over its tokens, then over explanations. Left out: none. No
   * run can have it yet, for none makes explanations.
   */
  readonly explanations?: number;
  /** `fixed-length`: the length. Left out: the longest completion of the minibatch. In a preset 0: the run's most new tokens. */
  readonly fixedLength?: number;
  /** Unit of the importance ratio. */
  readonly ratio: 'token' | 'sequence';
  /** The ratio is clipped to [1 − clipLow, 1 + clipHigh]. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /**
   * `sequence-mean`: mean over tokens, then over rollouts (GRPO as printed). `token-mean`: mean over all tokens of the
   * minibatch (DAPO). `fixed-length`: sum over tokens by a constant length, then mean over rollouts (Dr. GRPO).
   */
  readonly aggregation: 'sequence-mean' | 'token-mean' | 'fixed-length';
  /** Penalty towards the reference policy; `k3` is r·f(π_ref/π_θ) with f(u) = u − log u − 1. β may differ per task. */
  readonly kl:
    | { readonly kind: 'none' }
    | { readonly kind: 'k1' | 'k2' | 'k3'; readonly beta: number | Readonly<Record<string, number>> };
}
