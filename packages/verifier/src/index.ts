export { type Json, type KeyedRandom, keyedRandom } from '@evenkeel/core';
export { lastBoxed } from './boxed.ts';
export {
  type ConformanceCheck,
  type ConformanceFinding,
  conformanceChecks,
  excerpt,
  type FindingPlace,
  type Severity,
} from './conformance/finding.ts';
export { type GoldenRecord, goldenOf, isGoldenRecord } from './conformance/golden.ts';
export {
  type ConformanceOptions,
  type ConformanceReport,
  conformanceFindings,
  type InspectionOptions,
  inspectConformance,
} from './conformance/inspect.ts';
export {
  type ConformanceSubject,
  type DrawAnswer,
  type Drawn,
  type DrawRequest,
  subjectOf,
} from './conformance/subject.ts';
export { verdictFault } from './conformance/verdict-fault.ts';
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
export { type RewardBounds, rewardBounds } from './reward-scale.ts';
export { drawInSplit, splitOf } from './split.ts';
