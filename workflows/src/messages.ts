/** What can be asked of a running workflow: queries and updates, and the search attributes it shows itself under. */
import type { Evaluation, RunRef, RunState, StepTable } from '@evenkeel/activities';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineUpdate } from '@temporalio/workflow';

/** Input of `trainingRun`; `carried` is there where the run goes on as new. */
export interface TrainingRunInput extends RunRef {
  readonly carried?: CarriedRun;
  /** Steps after which the run goes on in a new history; default: when the server suggests it. */
  readonly stepsPerHistory?: number;
}

/** What a run takes with it into its next history. */
export interface CarriedRun {
  readonly state: RunState;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly method: string;
  readonly tasks: readonly string[];
  readonly evaluations: readonly Evaluation[];
  readonly table: StepTable | null;
  readonly paused: boolean;
  readonly stopping: boolean;
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
  /** The last finished step's table. */
  readonly table: StepTable | null;
  /** The first evaluation (of the base) and the last. */
  readonly evaluations: readonly Evaluation[];
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
