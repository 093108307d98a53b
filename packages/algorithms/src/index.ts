export { drGrpoAdvantages } from './advantage/dr-grpo.ts';
export { grpoAdvantages } from './advantage/grpo.ts';
export { rlooAdvantages } from './advantage/rloo.ts';
export { exponential, softmax } from './exponential.ts';
export type { RunOfMethod } from './fit-method.ts';
export { fitMethod, verdictComponents } from './fit-method.ts';
export type { Method, MethodOverrides, MethodSpec, MethodState, RunShape } from './method.ts';
export {
  buildMethod,
  checkRunShape,
  estimateAdvantages,
  initMethod,
  methodSources,
  methods,
  observeStep,
  resolveMethod,
  withTasks,
} from './method.ts';
export type { MethodDefinition, MethodSource } from './method-definition.ts';
export { unavailableMethods } from './methods/index.ts';
export type { Accuracies, Interval } from './metrics.ts';
export { meanAccuracy, meanInterval, relativeGain, wilsonInterval, worstTask } from './metrics.ts';
export { objectives } from './objective.ts';
export type { NoOptions, PartDefinition, PartOptions, PartOverride, PartSpec } from './part.ts';
export { advantages, filters, planners, rewards, weighters } from './parts.ts';
export { rules } from './rules.ts';
export { stepRandom } from './step-random.ts';
export type { Tallies } from './task-stats.ts';
export {
  accuracyOf,
  improvementOf,
  meanRewardOf,
  mergeTallies,
  tallyAdvantages,
  tallyGroups,
  tallyObjectives,
} from './task-stats.ts';
export type {
  AdvantageEstimator,
  Advantages,
  BatchPlanner,
  Components,
  Counts,
  DropReason,
  Group,
  GroupFilter,
  ObjectiveForm,
  ObjectiveSpec,
  PartState,
  Plan,
  PlanInput,
  RandomFor,
  RewardCombiner,
  RewardContext,
  Rollout,
  SelectInput,
  Selection,
  StepStats,
  TaskStats,
  TaskWeighter,
  Weights,
} from './types.ts';
export { backwardTransfer } from './weighter/staged.ts';
