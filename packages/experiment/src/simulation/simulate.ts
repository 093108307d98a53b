/**
 * A run without a policy: the method's own weighter, planner, filter and advantages on simulated rollouts. What is simulated is how
 * tasks answer; what decides is the code that decides in a run.
 */
import {
  type BatchPlanner,
  buildMethod,
  type Group,
  initMethod,
  type Method,
  type MethodState,
  mergeTallies,
  observeStep,
  type Rollout,
  type RunShape,
  resolveMethod,
  stepRandom,
  type Tallies,
  tallyAdvantages,
  tallyGroups,
  tallyObjectives,
  withTasks,
} from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import type { RunFile } from '@evenkeel/protocol';
import { binomial } from './binomial.ts';
import { accuracyAt, chanceOf, type TaskModel } from './task-model.ts';

/** A task that comes or goes before a step. */
export interface TaskEvent {
  /** Steps done when it happens. */
  readonly step: number;
  readonly enter?: TaskModel;
  /** By name. */
  readonly leave?: string;
}

export interface SimulationOptions extends Omit<RunShape, 'tasks'> {
  readonly method: NonNullable<RunFile['method']>;
  readonly tasks: readonly TaskModel[];
  readonly steps: number;
  readonly seed: number;
  readonly events?: readonly TaskEvent[];
  /** Ends as soon as the worst task is this good. */
  readonly until?: number;
  /** Of many tasks and many steps only the last step is given. */
  readonly lastOnly?: boolean;
}

/** One simulated step. */
export interface SimulatedStep {
  readonly step: number;
  /** After the step. */
  readonly accuracies: Readonly<Record<string, number>>;
  readonly worst: number;
  readonly mean: number;
  /** Completions so far. */
  readonly rollouts: number;
  readonly rounds: number;
  /** Groups missing in the batch. */
  readonly shortfall: number;
  /** Prompts drawn, by task. */
  readonly drawn: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
  /** Time of planning, selecting and reweighing: the method's own code. */
  readonly decideMs: number;
  readonly stateBytes: number;
}

/** All that a method asks of a rollout; which of them it is, it never asks. */
const RIGHT: Rollout = { id: 'right', reward: 1, correct: true, formatted: true };
const WRONG: Rollout = { id: 'wrong', reward: 0.1, correct: false, formatted: true };

function methodOf(method: SimulationOptions['method']): Method {
  if (typeof method === 'string') return buildMethod(resolveMethod(method));
  const { name, ...overrides } = method;
  return buildMethod(resolveMethod(name, overrides as Parameters<typeof resolveMethod>[1]));
}

/** Runs until the steps are done, or the worst task is good enough. */
export function simulate(options: SimulationOptions): SimulatedStep[] {
  const method = methodOf(options.method);
  const tasks = new Map(options.tasks.map((task) => [task.name, { task, skill: task.start }]));
  let state = initMethod(method, [...tasks.keys()]);
  let rollouts = 0;
  const steps: SimulatedStep[] = [];
  for (let step = 0; step < options.steps; step++) {
    for (const { enter, leave } of options.events?.filter((event) => event.step === step) ?? []) {
      if (enter !== undefined) tasks.set(enter.name, { task: enter, skill: enter.start });
      if (leave !== undefined) tasks.delete(leave);
      state = withTasks(method, state, [...tasks.keys()]);
    }
    const weights = method.weighter.weights(state.weighter);
    const round = runStep(method, state, tasks, { ...options, step });
    state = round.state;
    rollouts += round.rollouts;
    const accuracies = Object.fromEntries(
      [...tasks.values()].map(({ task, skill }) => [task.name, accuracyAt(task, skill)]),
    );
    const values = Object.values(accuracies);
    const worst = Math.min(...values);
    if (options.lastOnly === true) steps.pop();
    steps.push({
      step: step + 1,
      ...{ accuracies, worst, weights, rollouts },
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      ...{ rounds: round.rounds, shortfall: round.shortfall, drawn: round.drawn, decideMs: round.decideMs },
      stateBytes: JSON.stringify(state).length,
    });
    if (options.until !== undefined && worst >= options.until) break;
  }
  return steps;
}

type Tasks = Map<string, { readonly task: TaskModel; skill: number }>;

function runStep(
  method: Method,
  state: MethodState,
  tasks: Tasks,
  { seed, step, promptsPerStep, groupSize }: SimulationOptions & { readonly step: number },
) {
  const random = stepRandom(seed, step);
  let decideMs = 0;
  const timed = <T>(decide: () => T): T => {
    const from = performance.now();
    const value = decide();
    decideMs += performance.now() - from;
    return value;
  };
  const weights = timed(() => method.weighter.weights(state.weighter));
  const ask = { weights, prompts: promptsPerStep, random };
  const kept: Record<string, number> = {};
  const drawn: Record<string, number> = {};
  const keptGroups: Group[] = [];
  let tallies: Tallies = {};
  let rounds = 0;
  let rollouts = 0;
  for (;;) {
    const plan: ReturnType<BatchPlanner['plan']> = timed(() =>
      method.planner.plan(state.planner, { ...ask, round: rounds, kept }),
    );
    if (plan.kind === 'done') break;
    const groups = Object.entries(plan.counts).flatMap(([name, count]) => {
      const { task, skill } = tasks.get(name)!;
      const from = drawn[name] ?? 0;
      drawn[name] = from + count;
      return Array.from({ length: count }, (_, index) =>
        groupOf(task, skill, { seed, step, index: from + index, groupSize }),
      );
    });
    const verdicts = groups.map((group) => method.filter.verdict(group));
    tallies = mergeTallies(tallies, tallyGroups(groups, verdicts));
    groups.forEach((group, index) => {
      rollouts += group.rollouts.length;
      if (verdicts[index] !== 'keep') return;
      keptGroups.push(group);
      kept[group.task] = (kept[group.task] ?? 0) + 1;
    });
    rounds += 1;
  }
  const selection = timed(() => method.planner.select(state.planner, { ...ask, groups: keptGroups }));
  const chosen = new Set(selection.chosen);
  const batch = keptGroups.filter(({ id }) => chosen.has(id));
  tallies = tallyAdvantages(tallies, batch, method.advantage.estimate(batch));
  tallies = tallyObjectives(tallies, learn(batch, tasks));
  const next = timed(() => observeStep(method, state, { step, tasks: tallies }));
  return { state: next, rounds, rollouts, drawn, shortfall: selection.shortfall, decideMs };
}

/** One prompt's rollouts. */
function groupOf(
  task: TaskModel,
  skill: number,
  place: { readonly seed: number; readonly step: number; readonly index: number; readonly groupSize: number },
): Group {
  const random = keyedRandom(place.seed, `simulation/${task.name}`, place.step, place.index);
  const chance = chanceOf(task, skill, random.normal());
  const id = `${task.name}/${place.index}`;
  const rollouts = rolloutsWith(binomial(random.uniform(), place.groupSize, chance), place.groupSize);
  return { id, task: task.name, promptId: id, rollouts };
}

/** By group size and number of right ones: a group's rollouts are told apart by nothing else. */
const groupsOf = new Map<number, readonly (readonly Rollout[])[]>();

function rolloutsWith(right: number, size: number): readonly Rollout[] {
  let groups = groupsOf.get(size);
  if (groups === undefined) {
    groups = Array.from({ length: size + 1 }, (_, count) =>
      Array.from({ length: size }, (_, sample) => (sample < count ? RIGHT : WRONG)),
    );
    groupsOf.set(size, groups);
  }
  return groups[right]!;
}

/**
 * The update: each group with a gradient moves its task's skill. What is told as the objective's change is the change of the task's
 * accuracy, which is what J_GRPO after minus before stands for.
 */
function learn(batch: readonly Group[], tasks: Tasks) {
  const before: Record<string, number> = {};
  const after: Record<string, number> = {};
  const groups = Map.groupBy(batch, ({ task }) => task);
  for (const [name, own] of groups) {
    const learner = tasks.get(name)!;
    const useful = own.filter(({ rollouts }) => rollouts.some(({ reward }) => reward !== rollouts[0]!.reward)).length;
    before[name] = accuracyAt(learner.task, learner.skill);
    learner.skill += learner.task.rate * useful;
    after[name] = accuracyAt(learner.task, learner.skill);
  }
  return { before, after };
}
