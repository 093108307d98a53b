/**
 * A method is a named combination of parts, and their options. This is where a configuration becomes parts, and where what
 * cannot work is refused, before anything runs.
 */
import { ConfigError, type Json } from '@evenkeel/core';
import { type MethodDefinition, specOf } from './method-definition.ts';
import { definitions, unavailableMethods } from './methods/index.ts';
import { objectives, resolveObjective } from './objective.ts';
import { createPart, type PartOverride, type PartSpec, resolvePart } from './part.ts';
import { advantages, filters, planners, rewards, weighters } from './parts.ts';
import { complaintOf } from './rules.ts';
import { expectState, expectTasks } from './state.ts';
import type {
  AdvantageEstimator,
  Advantages,
  BatchPlanner,
  Group,
  GroupFilter,
  ObjectiveSpec,
  PartState,
  RewardCombiner,
  StepStats,
  TaskWeighter,
} from './types.ts';
import { stateWithTasks } from './with-tasks.ts';

/** A method with all its parts and options: plain JSON. It belongs into the run's configuration and its hash. */
export type MethodSpec = {
  readonly name: string;
  readonly weighter: PartSpec;
  readonly planner: PartSpec;
  readonly filter: PartSpec;
  readonly advantage: PartSpec;
  readonly objective: ObjectiveSpec;
  readonly reward: PartSpec;
};

/** The methods by name. A new method is a file in `methods/`, and a line in `methods/list.ts`. */
export const methods: Readonly<Record<string, MethodSpec>> = Object.fromEntries(
  definitions.map((definition) => [definition.name, specification(definition)]),
);

/** What each method is about, and where it comes from, by name. */
export const methodSources: Readonly<Record<string, Pick<MethodDefinition, 'about' | 'source'>>> = Object.fromEntries(
  definitions.map(({ name, about, source }) => [name, { about, source }]),
);

function specification(definition: MethodDefinition): MethodSpec {
  const { name, objective = objectives.grpo } = definition;
  const spec: MethodSpec = {
    name,
    weighter: resolvePart('weighter', weighters, specOf(definition.weighter, 'uniform')),
    planner: resolvePart('planner', planners, specOf(definition.planner, 'plain')),
    filter: resolvePart('filter', filters, specOf(definition.filter, 'none')),
    advantage: resolvePart('advantage', advantages, specOf(definition.advantage, 'grpo')),
    objective,
    reward: resolvePart('reward', rewards, specOf(definition.reward, 'verdict')),
  };
  refuseIllegal(spec);
  return spec;
}

/** What a configuration may say about a method. A part is a name, options for the method's own part, or both. */
export type MethodOverrides = {
  /** Short for `weighter: { lambda }`. */
  readonly lambda?: number | undefined;
  readonly weighter?: PartOverride | undefined;
  readonly planner?: PartOverride | undefined;
  readonly filter?: PartOverride | undefined;
  readonly advantage?: PartOverride | undefined;
  readonly objective?: Partial<ObjectiveSpec> | undefined;
  readonly reward?: PartOverride | undefined;
};

const OVERRIDES = ['lambda', 'weighter', 'planner', 'filter', 'advantage', 'objective', 'reward'];

/**
 * A method by name, with parts and options replaced.
 *
 * @throws {ConfigError} on an unknown name (with the known ones), an unknown or senseless option, or parts that cannot work
 * together (with the reason)
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(resolveMethod('mt-grpo', { lambda: 0.4, filter: 'lenient' }).weighter.lambda, 0.4);
 * ```
 */
export function resolveMethod(name: string, overrides: MethodOverrides = {}): MethodSpec {
  if (!Object.hasOwn(methods, name)) {
    const known = Object.keys(methods).join(', ');
    if (Object.hasOwn(unavailableMethods, name)) {
      throw new ConfigError(`Cannot choose a method: ${unavailableMethods[name]}; expected one of ${known}`);
    }
    throw new ConfigError(`Cannot choose a method: "${name}" is unknown, expected one of ${known}`);
  }
  for (const field of Object.keys(overrides)) {
    if (!OVERRIDES.includes(field)) {
      throw new ConfigError(`Cannot configure ${name}: "${field}" is unknown, expected one of ${OVERRIDES.join(', ')}`);
    }
  }
  const preset = methods[name]!;
  const spec: MethodSpec = {
    name,
    weighter: resolvePart('weighter', weighters, preset.weighter, withLambda(preset, overrides)),
    planner: resolvePart('planner', planners, preset.planner, overrides.planner),
    filter: resolvePart('filter', filters, preset.filter, overrides.filter),
    advantage: resolvePart('advantage', advantages, preset.advantage, overrides.advantage),
    objective: resolveObjective(preset.objective, overrides.objective),
    reward: resolvePart('reward', rewards, preset.reward, overrides.reward),
  };
  refuseIllegal(spec);
  return spec;
}

function withLambda(preset: MethodSpec, { lambda, weighter }: MethodOverrides): PartOverride | undefined {
  if (lambda === undefined) return weighter;
  const given = typeof weighter === 'string' ? { kind: weighter } : (weighter ?? {});
  const kind = given.kind ?? preset.weighter.kind;
  const definition = Object.hasOwn(weighters, kind) ? weighters[kind] : undefined;
  if (definition !== undefined && !Object.hasOwn(definition.defaults, 'lambda')) {
    throw new ConfigError(
      `Cannot configure ${preset.name}: λ is ${lambda}, but the weighter ${kind} has none; leave it out, or choose mt-grpo`,
    );
  }
  return { ...given, lambda };
}

function refuseIllegal(spec: MethodSpec): void {
  const complaint = complaintOf(spec);
  if (complaint !== null) throw new ConfigError(`Cannot configure ${spec.name}: ${complaint}`);
}

/** A method's parts, ready to use. */
export interface Method {
  readonly spec: MethodSpec;
  readonly weighter: TaskWeighter;
  readonly planner: BatchPlanner;
  readonly filter: GroupFilter;
  readonly advantage: AdvantageEstimator;
  readonly objective: ObjectiveSpec;
  readonly reward: RewardCombiner;
}

/** The parts that a resolved method names. */
export function buildMethod(spec: MethodSpec): Method {
  return {
    spec,
    weighter: createPart<TaskWeighter>(weighters, spec.weighter),
    planner: createPart<BatchPlanner>(planners, spec.planner),
    filter: createPart<GroupFilter>(filters, spec.filter),
    advantage: createPart<AdvantageEstimator>(advantages, spec.advantage),
    objective: spec.objective,
    reward: createPart<RewardCombiner>(rewards, spec.reward),
  };
}

/** All that a method remembers from step to step: plain JSON, part of the run's state. */
export interface MethodState extends PartState {
  readonly kind: 'method';
  readonly weighter: PartState;
  readonly planner: PartState;
  /** Only of an advantage that remembers something. */
  readonly advantage?: PartState;
}

const FORM = { kind: 'method', version: 1 } as const;

/**
 * The state before the first step.
 *
 * @throws {ConfigError} if there is no task, or one is given twice
 */
export function initMethod(method: Method, tasks: readonly string[]): MethodState {
  return {
    ...FORM,
    weighter: method.weighter.init(tasks),
    planner: method.planner.init(tasks),
    ...(method.advantage.memory === undefined ? {} : { advantage: method.advantage.memory.init() }),
  };
}

/** What an advantage that remembers something remembers; a state of before there was one has it as at the start. */
function remembered({ advantage: { memory } }: Method, state: MethodState): PartState | undefined {
  return memory === undefined ? undefined : (state.advantage ?? memory.init());
}

/**
 * The batch's advantages.
 *
 * @throws {ConfigError} code `state-version`, if the state is of another part or version
 * @throws {RangeError} on a reward that is not finite, or a group that the estimator can say nothing of
 */
export function estimateAdvantages(method: Method, state: MethodState, groups: readonly Group[]): Advantages {
  expectState(state, FORM);
  return method.advantage.estimate(groups, remembered(method, state));
}

/**
 * The state after a step. A step that was observed already changes nothing.
 *
 * @throws {ConfigError} code `state-version`, if the state is of another part or version
 */
export function observeStep(method: Method, state: MethodState, stats: StepStats): MethodState {
  expectState(state, FORM);
  return {
    ...FORM,
    weighter: method.weighter.observe(state.weighter, stats),
    planner: method.planner.observe(state.planner, stats),
    ...memoryOf(remembered(method, state), (advantage) => method.advantage.memory!.observe(advantage, stats)),
  };
}

function memoryOf(state: PartState | undefined, next: (state: PartState) => PartState): { advantage?: PartState } {
  return state === undefined ? {} : { advantage: next(state) };
}

/**
 * The state for other tasks: what is known of those that stay is not touched, what was known of others goes, and a new one starts
 * neutrally: with the mean of the others' logits (a weight in their middle), nothing known of its reward, no group dropped.
 *
 * @throws {ConfigError} if there is no task, or one is given twice; code `state-version`, if the state is of another method
 */
export function withTasks(method: Method, state: MethodState, tasks: readonly string[]): MethodState {
  expectState(state, FORM);
  return {
    ...FORM,
    weighter: stateWithTasks(method.weighter, state.weighter, tasks),
    planner: stateWithTasks(method.planner, state.planner, tasks),
    ...memoryOf(remembered(method, state), (advantage) => advantage),
  };
}

/** The size of a run, as far as a method has to agree with it. */
export interface RunShape {
  readonly tasks: readonly string[];
  /** B: groups in a step's batch. */
  readonly promptsPerStep: number;
  /** G: rollouts of a prompt. */
  readonly groupSize: number;
}

/** @throws {ConfigError} if no method here can run it */
export function checkRunShape({ tasks, promptsPerStep, groupSize }: RunShape): void {
  expectTasks(tasks);
  const whole = (name: string, value: Json, least: number, why: string) => {
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      throw new ConfigError(
        `Cannot configure the run: ${name} is ${value}, expected a whole number of ${least} or more${why}`,
      );
    }
  };
  whole('promptsPerStep', promptsPerStep, 1, '');
  whole('groupSize', groupSize, 2, ', for an advantage compares the rollouts of a prompt');
}
