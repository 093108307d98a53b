import { applyChanges } from './apply-changes.ts';
import { beating } from './beating.ts';
import { checkChange } from './check-change.ts';
import { closeRound } from './close-round.ts';
import { closeRun } from './close-run.ts';
import type { ActivityContext } from './context.ts';
import { planEvaluation, recordEvaluation } from './evaluation.ts';
import { finishStep } from './finish-step.ts';
import { openRun } from './open-run.ts';
import { planRound } from './plan-round.ts';
import { holding } from './run-holds.ts';
import type { ControlActivities, RolloutActivities, TrainActivities, VerifyActivities } from './types.ts';
import { rollOut, update, verify } from './work.ts';
import { asActivity as reporting } from './worker-job.ts';

/** All activities, bound to a process's context. Each task queue's worker registers those of its own interface. */
export function createActivities(
  context: ActivityContext,
  options: { readonly modelFolder: (model: string) => string },
): ControlActivities & RolloutActivities & VerifyActivities & TrainActivities {
  // What the run's history refers to is known to whoever tidies the store, before the history knows it.
  const asActivity = <A extends unknown[], R>(activity: (...args: A) => Promise<R>) =>
    reporting(holding(context, activity));
  return {
    openRun: asActivity(beating(openRun(context, options.modelFolder))),
    checkChange: asActivity(beating(checkChange(context))),
    applyChanges: asActivity(beating(applyChanges(context))),
    planRound: asActivity(planRound(context)),
    closeRound: asActivity(closeRound(context)),
    finishStep: asActivity(finishStep(context)),
    planEvaluation: asActivity(planEvaluation(context)),
    recordEvaluation: asActivity(recordEvaluation(context)),
    closeRun: asActivity(beating(closeRun(context))),
    rollOut: asActivity(rollOut(context)),
    verify: asActivity(verify(context)),
    update: asActivity(update(context)),
  };
}

export { changeRecordName, readChanges } from './change-record.ts';
export { collectGarbage, type GarbageReport, type RunGarbage } from './collect-garbage.ts';
export type { ActivityContext } from './context.ts';
export { type DiskUse, diskUse, homeParts, type RunUse } from './disk-use.ts';
export { drawFromSet, promptSplit, readPromptSet, rowsOfTask, type SetDraw } from './prompt-set.ts';
export { NamedArtefacts } from './retention.ts';
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
