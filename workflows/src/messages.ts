/** What can be asked of a running workflow: queries and updates, and the search attributes it shows itself under. */
import type {
  BranchOrigin,
  ConfiguredRun,
  Evaluation,
  QueuedChange,
  RunChange,
  RunRef,
  ScheduledChange,
  StepTable,
} from '@evenkeel/activities';
import type { ArtefactRef } from '@evenkeel/core';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineUpdate } from '@temporalio/workflow';

/** Input of `trainingRun`; `carried` is there where the run goes on as new. */
export interface TrainingRunInput extends RunRef {
  readonly carried?: CarriedRun;
  /** Steps after which the run goes on in a new history; default: when the server suggests it. */
  readonly stepsPerHistory?: number;
  /** Changes that take effect when so many steps are done: what another run recorded makes the same run of this one. */
  readonly scheduled?: readonly ScheduledChange[];
  /** The run begins with this state of another. */
  readonly branch?: BranchOrigin;
}

/** Why a run waits: what failed for good, and where. */
export interface PauseReason {
  /** As the error has it, for example `disk-full`. */
  readonly code: string;
  readonly message: string;
  /** Steps that are done. */
  readonly step: number;
  /** The workflow in which it failed. */
  readonly at: string;
}

/** What a run takes with it into its next history. */
export interface CarriedRun extends ConfiguredRun {
  readonly evaluations: readonly Evaluation[];
  readonly table: StepTable | null;
  readonly paused: boolean;
  readonly stopping: boolean;
  /** What changes have made of the configuration. Left out by versions before there were changes, as all below. */
  readonly config?: ArtefactRef;
  /** Changes that took effect. */
  readonly changes?: number;
  /** Changes that were known when the run was opened, and are still to come. */
  readonly queue?: readonly QueuedChange[];
  /** Changes that were accepted, and take effect after the step under way. */
  readonly waiting?: readonly RunChange[];
  readonly stopAfter?: number | null;
  readonly reason?: PauseReason | null;
}

export type RunPhase = 'opening' | 'evaluating' | 'training' | 'paused' | 'closing' | 'done';

export interface RunStatus {
  readonly run: string;
  readonly phase: RunPhase;
  /** Steps that are done. */
  readonly step: number;
  readonly steps: number;
  readonly method: string;
  readonly tasks: readonly string[];
  readonly paused: boolean;
  readonly stopping: boolean;
  /** The run ends after this step, if it was told so. */
  readonly stopAfter: number | null;
  /** Why it waits; null where it does not, or was paused by someone. */
  readonly reason: PauseReason | null;
  /** The configuration as changes left it. */
  readonly config: ArtefactRef;
  /** Changes that took effect, and those that were accepted and are still to. */
  readonly changes: number;
  readonly waiting: readonly RunChange[];
  /** The run that it branched off from. */
  readonly branch: { readonly of: string; readonly step: number } | null;
  /** The last finished step's table. */
  readonly table: StepTable | null;
  /** The first evaluation (of the base) and the last. */
  readonly evaluations: readonly Evaluation[];
}

/** A change was accepted. */
export interface ChangeAnswer {
  /** Its number in the run's record; 0 where it changes nothing. */
  readonly number: number;
  /** Steps that will be done when it takes effect. */
  readonly step: number;
}

export interface RunResult {
  readonly run: string;
  readonly step: number;
  readonly policy: { readonly path: string; readonly sha256: string };
  readonly evaluations: readonly Evaluation[];
}

export type StepPhase = 'plan' | 'roll out' | 'verify' | 'select' | 'update' | 'reweigh' | 'done';

export interface StepStatus {
  readonly step: number;
  readonly phase: StepPhase;
  readonly round: number;
  readonly prompts: number;
}

export const statusQuery = defineQuery<RunStatus>('status');
export const stepStatusQuery = defineQuery<StepStatus>('stepStatus');
/** Pauses after the step under way; the answer is the number of steps that will then be done. */
export const pauseUpdate = defineUpdate<{ step: number }>('pause');
export const resumeUpdate = defineUpdate<{ step: number }>('resume');
/** Ends the run after the step under way: evaluates, writes the policy, completes. */
export const stopUpdate = defineUpdate<{ step: number }>('stop');

/**
 * Changes the run after the step under way; at once where it is paused. Refused with the reason where the run could not go on with it.
 * `pause`, `resume` and `stop` are the changes of that name.
 */
export const changeUpdate = defineUpdate<ChangeAnswer, [RunChange]>('change');

export const searchAttributes = {
  run: defineSearchAttributeKey('EvenkeelRun', SearchAttributeType.KEYWORD),
  step: defineSearchAttributeKey('EvenkeelStep', SearchAttributeType.INT),
  phase: defineSearchAttributeKey('EvenkeelPhase', SearchAttributeType.KEYWORD),
  method: defineSearchAttributeKey('EvenkeelMethod', SearchAttributeType.KEYWORD),
  worstTask: defineSearchAttributeKey('EvenkeelWorstTask', SearchAttributeType.KEYWORD),
  worstAccuracy: defineSearchAttributeKey('EvenkeelWorstAccuracy', SearchAttributeType.DOUBLE),
} as const;

/** `<run>/step-000042`: the child workflow's id. */
export function stepWorkflowId(run: string, step: number): string {
  return `${run}/step-${String(step).padStart(6, '0')}`;
}

export function evaluationWorkflowId(run: string, step: number): string {
  return `${run}/evaluation-${String(step).padStart(6, '0')}`;
}
