export type { Arm } from './arm.ts';
export type { Choices, PlannedRun } from './plan-runs.ts';
export { choose, expectedRollouts, planRuns } from './plan-runs.ts';
export type { Preset } from './preset.ts';
export { presetOf, presets, quickLook } from './preset.ts';
export type { RunMeasures } from './run-measures.ts';
export { readMeasures } from './run-measures.ts';
export type { ExperimentSummary } from './summary.ts';
export { writeReport } from './write-report.ts';
