import { applyChanges } from './apply-changes.ts';
import { checkChange } from './check-change.ts';
import { closeRound } from './close-round.ts';
import { closeRun } from './close-run.ts';
import type { ActivityContext } from './context.ts';
import { planEvaluation, recordEvaluation } from './evaluation.ts';
import { finishStep } from './finish-step.ts';
import { openRun } from './open-run.ts';
import { planRound } from './plan-round.ts';
import type { ControlActivities, RolloutActivities, TrainActivities, VerifyActivities } from './types.ts';
import { rollOut, update, verify } from './work.ts';
import { asActivity } from './worker-job.ts';

/** All activities, bound to a process's context. Each task queue's worker registers those of its own interface. */
export function createActivities(
  context: ActivityContext,
  options: { readonly modelFolder: (model: string) => string },
): ControlActivities & RolloutActivities & VerifyActivities & TrainActivities {
  return {
    openRun: asActivity(openRun(context, options.modelFolder)),
    checkChange: asActivity(checkChange(context)),
    applyChanges: asActivity(applyChanges(context)),
    planRound: asActivity(planRound(context)),
    closeRound: asActivity(closeRound(context)),
    finishStep: asActivity(finishStep(context)),
    planEvaluation: asActivity(planEvaluation(context)),
    recordEvaluation: asActivity(recordEvaluation(context)),
    closeRun: asActivity(closeRun(context)),
    rollOut: asActivity(rollOut(context)),
    verify: asActivity(verify(context)),
    update: asActivity(update(context)),
  };
}

export { changeRecordName, readChanges } from './change-record.ts';
export type { ActivityContext } from './context.ts';
export { drawFromSet, promptSplit, readPromptSet, rowsOfTask, type SetDraw } from './prompt-set.ts';
export { runFolder, stepRecordName, writeRunRecord } from './run-folder.ts';
export { readRunPriority, writeRunPriority } from './run-priority.ts';
export { artefactsOf, proveState, readStateRecord, recordedSteps, stateRecordName } from './state-record.ts';
export type {
  BranchOrigin,
  ConfiguredRun,
  ControlActivities,
  Doubts,
  Evaluation,
  FinishedRound,
  OpenedRun,
  QueuedChange,
  RolloutActivities,
  RoundOutcome,
  RoundPlan,
  RunChange,
  RunRef,
  RunState,
  ScheduledChange,
  ShardJob,
  StateRecord,
  StepTable,
  TaskRow,
  TrainActivities,
  VerifyActivities,
  VerifyResult,
} from './types.ts';
