export { homeError, makeFolder } from './home-files.ts';
export { InfraError } from './infra-error.ts';
export type { ChildMessage, ExitOptions } from './process/child-channel.ts';
export { exitWithParent, reportListening, reportReady } from './process/child-channel.ts';
export { leaveHung } from './process/leave-hung.ts';
export { isLiving, type ProcessIdentity } from './process/process-identity.ts';
export { homeToken, readEndpoints } from './supervisor/endpoints-file.ts';
export { livingSupervisor } from './supervisor/home-lock.ts';
export type {
  ProcessRole,
  ProcessSpec,
  ProcessState,
  ProcessStatus,
  SupervisorEvent,
} from './supervisor/supervised-process.ts';
export type { Supervisor, SupervisorOptions } from './supervisor/supervisor.ts';
export { startSupervisor } from './supervisor/supervisor.ts';
export { copyDatabase } from './temporal/copy-database.ts';
export { databaseFile, examineDatabase } from './temporal/database-file.ts';
export { SEARCH_ATTRIBUTES, TEMPORAL_NAMESPACE } from './temporal/namespace.ts';
export type { FindOptions, TemporalBinary } from './temporal/temporal-binary.ts';
export { ensureTemporalServer, findTemporalServer } from './temporal/temporal-binary.ts';
export type { Exit, StartTemporalOptions, TemporalPorts, TemporalServer } from './temporal/temporal-server.ts';
export { startTemporalServer } from './temporal/temporal-server.ts';
export { announcedWorkers, announceWorker, type OwnAnnouncement } from './workers/announced-workers.ts';
