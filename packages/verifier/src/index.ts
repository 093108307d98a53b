export { lastBoxed } from './boxed.ts';
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
export { drawInSplit, splitOf } from './split.ts';
