export { evaluation } from './evaluation.ts';
export type {
  CarriedRun,
  ChangeAnswer,
  PauseReason,
  RunPhase,
  RunResult,
  RunStatus,
  StepPhase,
  StepStatus,
  TrainingRunInput,
} from './messages.ts';
export {
  changeUpdate,
  evaluationWorkflowId,
  pauseUpdate,
  resumeUpdate,
  searchAttributes,
  statusQuery,
  stepStatusQuery,
  stepWorkflowId,
  stopUpdate,
} from './messages.ts';
export { taskQueues } from './queues.ts';
export { emptyStepText } from './summaries.ts';
export { trainingRun } from './training-run.ts';
export { trainingStep } from './training-step.ts';
