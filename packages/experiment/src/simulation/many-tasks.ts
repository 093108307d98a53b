/**
 * What becomes of the methods with many tasks, with tasks that come and go, and with one that cannot be learned: questions that no
 * policy is needed for. Results are a function of the choices but for `decideMs`, which is measured.
 */
import { type Arm, paperArms } from '../arm.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type SimulatedStep, simulate } from './simulate.ts';
import { type TaskModel, taskModels } from './task-model.ts';

export interface ManyTasksChoices {
  /** Numbers of tasks for the growth of the time to the threshold. */
  readonly counts: readonly number[];
  /** Numbers of tasks for the cost of deciding. */
  readonly costCounts: readonly number[];
  readonly seeds: number;
  /** Accuracy of the worst task. */
  readonly threshold: number;
  /** Steps after which a method has not arrived. */
  readonly mostSteps: number;
}

export const manyTasksDefaults: ManyTasksChoices = {
  counts: [3, 10, 30, 100, 300, 1000],
  costCounts: [3, 100, 1000, 10_000],
  seeds: 5,
  threshold: 0.6,
  mostSteps: 1500,
};

/** Until the worst task is at the threshold. */
export interface Arrival {
  readonly arm: string;
  readonly tasks: number;
  /** Over the seeds that arrived; null where none did. */
  readonly steps: Spread | null;
  /** Completions generated per task until then. */
  readonly rolloutsPerTask: Spread | null;
  readonly arrived: number;
  readonly seeds: number;
  /** The mean over tasks at that moment, or at the end. */
  readonly mean: Spread;
}

/** What deciding costs in a step. */
export interface DecisionCost {
  readonly arm: string;
  readonly tasks: number;
  /** Median over steps. */
  readonly decideMs: number;
  readonly stateBytes: number;
}

/** One arm's course, step by step. */
export interface Course {
  readonly arm: string;
  readonly steps: readonly SimulatedStep[];
}

/** With a task that cannot be learned, and without it. */
export interface Unlearnable {
  readonly arm: string;
  /** Share of all drawn prompts that went to it. */
  readonly drawnShare: Spread;
  /** Steps until the worst of the others is at the threshold, with and without it; the budget's end where it never is. */
  readonly stepsWith: Spread;
  readonly stepsWithout: Spread;
  readonly rolloutsPerStep: Spread;
  readonly rolloutsPerStepWithout: Spread;
}

export interface ManyTasks {
  readonly choices: ManyTasksChoices;
  readonly arrivals: readonly Arrival[];
  readonly costs: readonly DecisionCost[];
  /** Six tasks; a seventh comes after 40 steps, one of the six leaves after 80. */
  readonly comeAndGo: readonly Course[];
  readonly unlearnable: readonly Unlearnable[];
}

const GROUP_SIZE = 8;
/** With more tasks than these one seed is enough: the worst of so many differs little, and takes long. */
export const MANY = 100;

/** B grows with the tasks, so that a task is not drawn ever more rarely. */
function promptsFor(tasks: number): number {
  return Math.max(64, 2 * tasks);
}

/** All of it; `onProgress` is told a line for each part that is done. */
export function studyManyTasks(choices: ManyTasksChoices, onProgress: (line: string) => void = () => {}): ManyTasks {
  const arrivals = choices.counts.flatMap((tasks) => {
    const found = paperArms.map((arm) => arrivalOf(arm, tasks, choices));
    onProgress(`${tasks} tasks: until the worst is at ${choices.threshold}`);
    return found;
  });
  const costs = choices.costCounts.flatMap((tasks) => {
    const found = paperArms.map((arm) => costOf(arm, tasks));
    onProgress(`${tasks} tasks: cost of planning and reweighing`);
    return found;
  });
  const comeAndGo = paperArms.map((arm): Course => ({ arm: arm.name, steps: courseOf(arm) }));
  onProgress('a task comes, another goes');
  const unlearnable = paperArms.map((arm) => unlearnableOf(arm, choices));
  onProgress('a task that cannot be learned');
  return { choices, arrivals, costs, comeAndGo, unlearnable };
}

const seedsOf = ({ seeds }: ManyTasksChoices) => Array.from({ length: seeds }, (_, seed) => seed);

function arrivalOf({ name, method }: Arm, tasks: number, choices: ManyTasksChoices): Arrival {
  const seeds = seedsOf(choices).slice(0, tasks > MANY ? 1 : choices.seeds);
  const ends = seeds.map((seed) => {
    const shape = { promptsPerStep: promptsFor(tasks), groupSize: GROUP_SIZE };
    const models = taskModels(tasks, seed);
    const until = { steps: choices.mostSteps, until: choices.threshold, lastOnly: true };
    return simulate({ method, tasks: models, seed, ...until, ...shape }).at(-1)!;
  });
  const arrived = ends.filter(({ worst }) => worst >= choices.threshold);
  const spread = (read: (end: SimulatedStep) => number, what: string) =>
    arrived.length === 0 ? null : spreadOf(arrived.map(read), `${name}/${tasks}/${what}`);
  return {
    arm: name,
    tasks,
    steps: spread(({ step }) => step, 'steps'),
    rolloutsPerTask: spread(({ rollouts }) => rollouts / tasks, 'rollouts'),
    arrived: arrived.length,
    seeds: seeds.length,
    mean: spreadOf(
      ends.map(({ mean }) => mean),
      `${name}/${tasks}/mean`,
    ),
  };
}

function costOf({ name, method }: Arm, tasks: number): DecisionCost {
  const models = taskModels(tasks, 0);
  const steps = simulate({ method, tasks: models, steps: 7, seed: 0, promptsPerStep: 64, groupSize: GROUP_SIZE });
  const sorted = steps.map(({ decideMs }) => decideMs).sort((a, b) => a - b);
  return { arm: name, tasks, decideMs: sorted[sorted.length >> 1]!, stateBytes: steps.at(-1)!.stateBytes };
}

function courseOf({ method }: Arm): SimulatedStep[] {
  const [leaving, ...rest] = taskModels(6, 0);
  const comer: TaskModel = { name: 'comer', start: -3, rate: 0.01, ceiling: 0.95, spread: 2 };
  return simulate({
    method,
    tasks: [{ ...leaving!, name: 'leaver' }, ...rest],
    events: [
      { step: 40, enter: comer },
      { step: 80, leave: 'leaver' },
    ],
    ...{ steps: 120, seed: 0, promptsPerStep: 64, groupSize: GROUP_SIZE },
  });
}

/** Steps of the runs with a task that cannot be learned: they go on to the end, to show what it costs. */
export function hopelessSteps({ mostSteps }: ManyTasksChoices): number {
  return Math.min(200, mostSteps);
}

function unlearnableOf({ name, method }: Arm, choices: ManyTasksChoices): Unlearnable {
  const hopeless: TaskModel = { name: 'hopeless', start: 0, rate: 0, ceiling: 0, spread: 1 };
  const runs = seedsOf(choices).map((seed) => {
    const tasks = taskModels(3, seed);
    const shape = { steps: hopelessSteps(choices), seed, promptsPerStep: 64, groupSize: GROUP_SIZE };
    const withIt = simulate({ method, tasks: [...tasks, hopeless], ...shape });
    const without = simulate({ method, tasks, ...shape });
    return { withIt, without };
  });
  const spread = (what: string, read: (run: (typeof runs)[number]) => number) =>
    spreadOf(runs.map(read), `${name}/${what}`);
  const arrival = (steps: readonly SimulatedStep[]) =>
    steps.find(({ accuracies }) =>
      Object.entries(accuracies).every(([task, accuracy]) => task === hopeless.name || accuracy >= choices.threshold),
    )?.step ?? steps.length;
  const perStep = (steps: readonly SimulatedStep[]) => steps.at(-1)!.rollouts / steps.length;
  return {
    arm: name,
    drawnShare: spread('share', ({ withIt }) => {
      const all = withIt.flatMap(({ drawn }) => Object.values(drawn)).reduce((sum, count) => sum + count, 0);
      return withIt.reduce((sum, { drawn }) => sum + (drawn[hopeless.name] ?? 0), 0) / all;
    }),
    stepsWith: spread('with', ({ withIt }) => arrival(withIt)),
    stepsWithout: spread('without', ({ without }) => arrival(without)),
    rolloutsPerStep: spread('rollouts-with', ({ withIt }) => perStep(withIt)),
    rolloutsPerStepWithout: spread('rollouts-without', ({ without }) => perStep(without)),
  };
}
