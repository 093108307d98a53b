export type { Attempt, EarlierAttempts } from './attempts.ts';
export type { Content } from './content.ts';
export { createFile, ensureFolder, replaceFile, syncFolder } from './durable-file.ts';
export { StoreError, storeErrorFrom } from './errors.ts';
export { examineStore, type StoreDamage } from './examine-store.ts';
export { FolderStore, openFolderStore } from './folder-store.ts';
export {
  type Amount,
  type CommitFate,
  type SweepMoment,
  type SweepReport,
  sweepMoments,
  sweepStore,
} from './gc.ts';
export { repeatedWork } from './journal.ts';
export { openSealed, sealJson } from './sealed-json.ts';
export type {
  ArtefactStore,
  AttemptCounts,
  Commit,
  CommitIndex,
  JournalEvent,
  ListedCommit,
  Store,
  WorkJournal,
} from './store.ts';
export { type AgedCommit, artefactFiles, commitFiles } from './survey.ts';
export type { BatchRow, MetricsRow, PromptRow, RolloutRow, VerdictRow } from './tables.ts';
export {
  decodeBatch,
  decodeMetrics,
  decodePrompts,
  decodeRollouts,
  decodeVerdicts,
  encodeBatch,
  encodeMetrics,
  encodePrompts,
  encodeRollouts,
  encodeVerdicts,
} from './tables.ts';
