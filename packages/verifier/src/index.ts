export { lastBoxed } from './boxed.ts';
export type { ConformanceCheck, ConformanceFinding, ConformanceOptions } from './conformance.ts';
export { conformanceFindings } from './conformance.ts';
export type {
  ContextRequest,
  ContextResponse,
  PromptStyle,
  Puzzle,
  PuzzleQuery,
  RewardScale,
  Split,
  StandardLevel,
  Submission,
  TaskVerifier,
  Verdict,
  VerifierContext,
  VerifierFailure,
  VerifierFailureCode,
  VerifierManifest,
  VerifierPermissions,
} from './contract.ts';
export { standardLevels, standardRewards } from './contract.ts';
export { generationDigest } from './generation-digest.ts';
export { drawInSplit, splitOf } from './split.ts';
