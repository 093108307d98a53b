/**
 * What the workflows ask of the activities, as types only: ids, counts, and references into the store. Workflow code imports
 * nothing else of this package.
 */
import type { ArtefactRef } from '@evenkeel/core';
import type {
  RedoEntry,
  RolloutResult,
  RunChange,
  ScheduledChange,
  UpdateResult,
  VerdictCounts,
  VerifyResult,
} from '@evenkeel/protocol';

/** Which run, under which configuration. */
export interface RunRef {
  readonly run: string;
  /** A `config` artefact: the resolved run configuration. */
  readonly config: ArtefactRef;
}

/** Where a run stands between two steps: all that the next step needs. */
export interface RunState {
  /** Steps that are done. */
  readonly step: number;
  readonly base: ArtefactRef;
  readonly policy: ArtefactRef;
  /** An `algorithm-state` artefact: weighter, planner, data cursors. */
  readonly algorithm: ArtefactRef;
  /** The optimizer's last checkpoint, and the updates since then. */
  readonly checkpoint: { readonly step: number; readonly policy: ArtefactRef; readonly optimizer: ArtefactRef } | null;
  readonly redo: readonly RedoEntry[];
}

/** What the workflow knows of a run's configuration: enough to decide what comes next. */
export interface ConfiguredRun {
  readonly state: RunState;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly method: string;
  readonly tasks: readonly string[];
  /** What follows a step without an update: left out, the next one. */
  readonly emptyStep?: 'pause';
}

/** A run that begins, or goes on from what its folder and the store have of it. */
export interface OpenedRun extends ConfiguredRun {
  /** What changes have made of the configuration; left out by versions before there were changes, as all below. */
  readonly config?: ArtefactRef;
  /** Changes that have taken effect before this state. */
  readonly changes?: number;
  readonly queue?: readonly QueuedChange[];
  /** The first evaluation and the last. */
  readonly evaluations?: readonly Evaluation[];
  readonly table?: StepTable | null;
}

/** A change that takes effect when so many steps are done. */
export interface QueuedChange extends ScheduledChange {
  /** It was given with the run's start. */
  readonly scheduled?: true;
  /** It took effect before the run's history was lost: it changes the weights again, but does not pause the run again. */
  readonly again?: true;
}

/** Where a branch of a run begins: a state of the run that it comes from. */
export interface BranchOrigin {
  readonly of: string;
  readonly step: number;
  readonly config: ArtefactRef;
  readonly state: RunState;
}

/**
 * `runs/<run>/states/000042.json`: the state after a step and the configuration that the step was made under. Changes that took
 * effect when so many steps were done are not in it: a run that goes on from here makes them again.
 */
export interface StateRecord {
  readonly version: 1;
  readonly step: number;
  readonly config: ArtefactRef;
  readonly state: RunState;
}

/** One round's prompts, cut into rollout jobs. */
export interface RoundPlan {
  /** The planner's round; a replacement has that of the round in which it replaces. */
  readonly round: number;
  /**
   * Left out in a planner's round. 1 or 2: this round only samples anew, for the first or the second time, what failed to be
   * verified: its prompts table has one row for each such rollout, in the order of the round's rollouts, to be sampled once.
   */
  readonly replaces?: number;
  readonly prompts: ArtefactRef;
  /** Prompts per task; in a replacement rollouts. */
  readonly counts: Readonly<Record<string, number>>;
  readonly shards: readonly { readonly from: number; readonly to: number }[];
}

/** How often a task's verdicts failed, by code, and how many were there only when the verifier was asked again. */
export type Doubt = Pick<VerdictCounts, 'failures' | 'retried'>;

/** By task; those of which nothing was doubtful are left out. */
export type Doubts = Readonly<Record<string, Doubt>>;

/** A round that is rolled out and verified. */
export interface FinishedRound {
  readonly plan: RoundPlan;
  readonly rollouts: readonly ArtefactRef[];
  readonly verdicts: ArtefactRef;
  /** As the verifier host counted it; left out where there is nothing. */
  readonly doubts?: Doubts;
}

/** After a round: another one, or the step's batch. */
export type RoundOutcome =
  | { readonly kind: 'again'; readonly plan: RoundPlan; readonly reason: string }
  | {
      readonly kind: 'batch';
      /** A `batch` table; null where no group was left to train on. */
      readonly batch: ArtefactRef | null;
      /** A `tally` artefact: the step's statistics per task. */
      readonly tally: ArtefactRef;
      readonly groups: number;
      readonly shortfall: number;
    };

/** One task's line of a step's table. */
export interface TaskRow {
  readonly task: string;
  /** z: the weight this step's prompts were drawn with. */
  readonly weight: number;
  /** ρ after this step: the running share of groups without a gradient. */
  readonly filterRate: number;
  /** Share of this step's rollouts that are correct, before the filter. */
  readonly accuracy: number;
  readonly reward: number;
  readonly drawn: number;
  readonly kept: number;
  readonly trained: number;
  readonly improvement: number | null;
  /** Verdicts that failed, replaced ones included. Left out where it is 0, as are the next two. */
  readonly failed?: number;
  /** Completions sampled in the place of one whose verdict failed. */
  readonly replaced?: number;
  readonly abstained?: number;
  /** Of the failed, how many for which reason. Left out where nothing failed. */
  readonly failures?: Readonly<Record<string, number>>;
  /** Scored, but only when the verifier was asked again. Left out where it is 0. */
  readonly retried?: number;
  /** Something was drawn, and nothing of it got a verdict: accuracy and reward say nothing. */
  readonly silent?: true;
}

export interface StepTable {
  readonly step: number;
  readonly tasks: readonly TaskRow[];
  readonly worst: { readonly task: string; readonly accuracy: number };
  readonly mean: number;
  readonly rounds: number;
  readonly sequences: number;
  readonly completionTokens: number;
  readonly trainedTokens: number;
  readonly shortfall: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly clipFraction: number;
  readonly entropy: number;
  /** No group was left to train on: the policy stayed as it was. */
  readonly empty?: true;
}

/** Correct answers per task on the evaluation's puzzles. */
export interface Evaluation {
  readonly step: number;
  readonly policy: ArtefactRef;
  readonly tasks: readonly {
    readonly task: string;
    readonly correct: number;
    readonly formatted: number;
    /** Completions that got a verdict. */
    readonly total: number;
    /** Completions whose verdict failed; left out where there are none, as is the next. */
    readonly failed?: number;
    readonly abstained?: number;
  }[];
  readonly worst: { readonly task: string; readonly accuracy: number };
  readonly mean: number;
}

export interface ShardJob extends RunRef {
  readonly step: number;
  readonly round: number;
  /** As in the plan: each prompt is sampled once, from a stream of its own. */
  readonly replaces?: number;
  readonly shard: number;
  readonly policy: ArtefactRef;
  readonly prompts: ArtefactRef;
  readonly from: number;
  readonly to: number;
  /** Rolls out for training, or for an evaluation. */
  readonly purpose: 'train' | 'evaluate';
}

/** Task queue `evenkeel-control`: short, deterministic computations on what is in the store. */
export interface ControlActivities {
  openRun(
    input: RunRef & { readonly scheduled?: readonly ScheduledChange[]; readonly branch?: BranchOrigin },
  ): Promise<OpenedRun>;
  /** Refuses a change that the run could not go on with; `queue` is what takes effect before and after it. */
  checkChange(
    input: RunRef & {
      /** Steps that are done when it takes effect. */
      readonly step: number;
      readonly change: RunChange;
      readonly queue: readonly QueuedChange[];
    },
  ): Promise<null>;
  /** Makes changes take effect between two steps, and records them. */
  applyChanges(
    input: RunRef & {
      readonly state: RunState;
      readonly changes: readonly QueuedChange[];
      /** Changes that took effect before. */
      readonly done: number;
    },
  ): Promise<ConfiguredRun & { readonly config: ArtefactRef }>;
  planRound(input: RunRef & { readonly state: RunState }): Promise<RoundPlan>;
  closeRound(
    input: RunRef & { readonly state: RunState; readonly rounds: readonly FinishedRound[] },
  ): Promise<RoundOutcome>;
  finishStep(
    input: RunRef & {
      readonly state: RunState;
      readonly outcome: Extract<RoundOutcome, { kind: 'batch' }>;
      readonly rounds: readonly RoundPlan[];
      readonly completionTokens: number;
      readonly sequences: number;
      readonly update: UpdateResult | null;
    },
  ): Promise<{ readonly state: RunState; readonly table: StepTable }>;
  planEvaluation(input: RunRef): Promise<RoundPlan>;
  recordEvaluation(
    input: RunRef & { readonly step: number; readonly policy: ArtefactRef; readonly round: FinishedRound },
  ): Promise<Evaluation>;
  /** Writes the trained policy as a model directory and the run's last record. */
  closeRun(input: RunRef & { readonly state: RunState }): Promise<{ readonly path: string; readonly sha256: string }>;
}

/** Task queue `evenkeel-rollout`. */
export interface RolloutActivities {
  rollOut(input: ShardJob): Promise<RolloutResult>;
}

/** Task queue `evenkeel-verify`. */
export interface VerifyActivities {
  verify(
    input: RunRef & {
      readonly step: number;
      readonly round: number;
      readonly replaces?: number;
      readonly purpose: 'train' | 'evaluate';
      readonly prompts: ArtefactRef;
      readonly rollouts: readonly ArtefactRef[];
    },
  ): Promise<VerifyResult>;
}

/** Task queue `evenkeel-train`. */
export interface TrainActivities {
  update(
    input: RunRef & {
      readonly state: RunState;
      readonly batch: ArtefactRef;
    },
  ): Promise<UpdateResult>;
}

export type {
  RedoEntry,
  RolloutResult,
  RunChange,
  ScheduledChange,
  UpdateResult,
  VerifyResult,
} from '@evenkeel/protocol';
