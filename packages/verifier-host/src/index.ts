export { bundleVerifier, type VerifierScript } from './bundle.ts';
export {
  type BrokenPackage,
  brokenVerifiers,
  discoverVerifiers,
  findVerifier,
  installedVerifiersDir,
  isVerifierPath,
  type VerifierPackage,
  type VerifierPlaces,
  workspaceVerifiersDir,
} from './discover.ts';
export { VerifierHostError } from './errors.ts';
export {
  type Grants,
  isNothing,
  missingPermissions,
  noGrants,
  readGrants,
  removeGrants,
  requireGranted,
  storeGrant,
  VerifierPermissionError,
} from './grants.ts';
export {
  httpBatchItems,
  httpDrawSchema,
  httpErrorCodes,
  httpErrorSchema,
  httpHealthSchema,
  httpManifestSchema,
  httpPuzzlesSchema,
  httpScoreBatchSchema,
  httpSubmissionSchema,
  httpVerdictSchema,
  httpVerdictsSchema,
  httpVerifiersSchema,
} from './http-schemas.ts';
export { type InspectedVerifier, inspectVerifier } from './inspect-verifier.ts';
export {
  type InstalledVerifier,
  type InstallOptions,
  installVerifier,
  linkVerifier,
  removeVerifier,
} from './install.ts';
export { type InstallRecord, readInstallRecord } from './install-record.ts';
export type { VerifierIdentity } from './load-verifier.ts';
export { locateLoadFailure, type SourcePlace } from './locate-load-failure.ts';
export {
  type OpenVerifier,
  type OpenVerifierOptions,
  openVerifier,
  type ScoreOptions,
  type VerifierCounts,
} from './open-verifier.ts';
export type { RemoteSpec } from './remote-spec.ts';
export { openRemoteVerifier, type RemoteVerifierOptions } from './remote-verifier.ts';
export {
  type DrawnPuzzle,
  type DrawOptions,
  openSandbox,
  type SandboxOptions,
  type VerifierSandbox,
} from './sandbox.ts';
export { startVerifierHost, type VerifierHost, type VerifierHostOptions } from './verifier-host.ts';
export { usualProcesses } from './verifier-pool.ts';
export { verifyRows } from './verify-rows.ts';
