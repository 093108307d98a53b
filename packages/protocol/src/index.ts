export type {
  AppliedChange,
  RunChange,
  RunSetting,
  RunSettingName,
  RunSettings,
  ScheduledChange,
} from './change.ts';
export { appliedChangeSchema, runChangeSchema, runSettings, scheduledChangeSchema } from './change.ts';
export type { ChangeMoment } from './changed-config.ts';
export { changedConfig, parseRunChange } from './changed-config.ts';
export type {
  KnownPromptSet,
  KnownVerifier,
  RunConfig,
  RunFile,
  RunInputs,
  TaskConfig,
  TaskEntry,
} from './config.ts';
export {
  allLevels,
  configHash,
  defaultRunFile,
  parseRunConfig,
  parseRunFile,
  promptSetNameSchema,
  resolveRunConfig,
  runConfigSchema,
  runFileSchema,
  runNameSchema,
  taskConfigSchema,
  taskEntryOf,
  verifierIdOf,
} from './config.ts';
export type { Endpoints, WorkerAnnouncement, WorkerRole } from './endpoints.ts';
export { announcementSchema, endpointsSchema } from './endpoints.ts';
export { ProtocolError } from './errors.ts';
export { faultPoint } from './fault-point.ts';
export type { Capabilities, ClientFrame, Hello, ServerFrame } from './frames.ts';
export {
  capabilitiesSchema,
  clientFrameSchema,
  decodeClientFrame,
  decodeServerFrame,
  encodeFrame,
  maxFrameBytes,
  serverFrameSchema,
  subprotocol,
} from './frames.ts';
export type { Priority } from './job-queue.ts';
export { defaultPriority, JobQueue, prioritySchema, priorityWeights } from './job-queue.ts';
export type { JobContext, JobOutcome, JobStore, StalledJob, StallOptions } from './job-table.ts';
export type { JobThreadContext, JobThreadOptions, JobThreadRun } from './job-thread.ts';
export { JobThread, serveJobs } from './job-thread.ts';
export type {
  Job,
  JobResults,
  KeptScript,
  OptimizerSpec,
  PuzzleDraw,
  PuzzlesJob,
  PuzzlesResult,
  RedoEntry,
  RolloutJob,
  RolloutResult,
  UpdateJob,
  UpdateResult,
  UpdateSettings,
  VerdictCounts,
  VerifyJob,
  VerifyResult,
} from './jobs.ts';
export {
  artefactRefSchema,
  jobSchema,
  keptScriptKey,
  keptScriptSchema,
  loraSchema,
  objectiveSpecSchema,
  optimizerSpecSchema,
  puzzleDrawSchema,
  puzzlesJobSchema,
  puzzlesResultSchema,
  redoEntrySchema,
  resultSchemas,
  rolloutJobSchema,
  rolloutResultSchema,
  updateJobSchema,
  updateResultSchema,
  verdictCountsSchema,
  verifyJobSchema,
  verifyResultSchema,
} from './jobs.ts';
export type { PolicyThreadData, PolicyThreadJob, PolicyWorkerKind, PolicyWorkerOptions } from './policy-worker.ts';
export { machineMemory, startPolicyWorker } from './policy-worker.ts';
export { defaultStallMs, lookIntervalMs, Silence } from './silence.ts';
export { version } from './version.ts';
export type { ChooseOptions, WorkerChoiceOptions, WorkerWish } from './worker-choice.ts';
export { WorkerChoice } from './worker-choice.ts';
export type {
  CallOptions,
  JobStatus,
  Progress,
  ReconnectOptions,
  RunJobOptions,
  WorkerClientOptions,
} from './worker-client.ts';
export { callWorker, WorkerClient } from './worker-client.ts';
export type { WorkerEndpoint } from './worker-connection.ts';
export type { WorkerServer, WorkerServerOptions } from './worker-server.ts';
export { startWorkerServer } from './worker-server.ts';
