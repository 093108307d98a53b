export { lastBoxed } from './boxed.ts';
export type { ConformanceCheck, ConformanceFinding, ConformanceOptions } from './conformance.ts';
export { conformanceFindings } from './conformance.ts';
export type {
  PromptStyle,
  Puzzle,
  PuzzleQuery,
  Split,
  StandardLevel,
  Submission,
  TaskVerifier,
  Verdict,
  VerifierFailure,
  VerifierManifest,
  VerifierPermissions,
} from './contract.ts';
export { standardLevels } from './contract.ts';
export { generationDigest } from './generation-digest.ts';
export { drawInSplit, splitOf } from './split.ts';
