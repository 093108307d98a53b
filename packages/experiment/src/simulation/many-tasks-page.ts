/** The page of the study of many tasks. */
import { bandOf } from '../bands.ts';
import { colourOf, lineChart } from '../chart.ts';
import { csv } from '../csv.ts';
import type { Figure, Page, Table } from '../page.ts';
import type { Spread } from '../statistics.ts';
import { hopelessSteps, MANY, type ManyTasks } from './many-tasks.ts';

const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

function spreadText(spread: Spread | null, format: (value: number) => string): string {
  if (spread?.values.length === 1) return format(spread.mean);
  return spread === null ? '–' : `${format(spread.mean)} [${format(spread.low)}, ${format(spread.high)}]`;
}

function arrivalTable({ arrivals, choices }: ManyTasks): Table {
  return {
    title: `Until the worst task is at ${percent(choices.threshold)}`,
    note: `Mean over ${choices.seeds} seeds [95 % bootstrap]; of more than ${MANY} tasks one seed. B = max(64, 2 K) groups a step, 8 rollouts each; given up after ${whole(choices.mostSteps)} steps.`,
    head: ['tasks', 'method', 'seeds that arrive', 'steps', 'completions per task', 'mean accuracy then'],
    rows: arrivals.map(({ arm, tasks, steps, rolloutsPerTask, arrived, seeds, mean }) => [
      whole(tasks),
      arm,
      `${arrived} of ${seeds}`,
      spreadText(steps, whole),
      spreadText(rolloutsPerTask, whole),
      percent(mean.mean),
    ]),
  };
}

function costTable({ costs }: ManyTasks): Table {
  return {
    title: 'What planning and reweighing cost a step',
    note: 'B = 64. Median over steps of the time in the method itself (weights, plans of all rounds, selection, observation), and its state as JSON.',
    head: ['tasks', 'method', 'ms a step', 'state, KB'],
    rows: costs.map(({ arm, tasks, decideMs, stateBytes }) => [
      whole(tasks),
      arm,
      decideMs.toFixed(2),
      (stateBytes / 1000).toFixed(1),
    ]),
  };
}

function unlearnableTable({ unlearnable, choices }: ManyTasks): Table {
  return {
    title: 'A task that cannot be learned beside three that can',
    note: `Its rollouts are never right. Steps until the worst of the other three is at ${percent(choices.threshold)} (${hopelessSteps(choices)}: never); completions a step over ${hopelessSteps(choices)} steps.`,
    head: [
      'method',
      'share of prompts it takes',
      'steps with it',
      'without it',
      'completions a step with it',
      'without it',
    ],
    rows: unlearnable.map((row) => [
      row.arm,
      spreadText(row.drawnShare, percent),
      spreadText(row.stepsWith, whole),
      spreadText(row.stepsWithout, whole),
      whole(row.rolloutsPerStep.mean),
      whole(row.rolloutsPerStepWithout.mean),
    ]),
  };
}

function growthFigures({ arrivals }: ManyTasks): Figure[] {
  const arms = [...new Set(arrivals.map(({ arm }) => arm))];
  const figure = (
    name: string,
    title: string,
    yLabel: string,
    read: (row: ManyTasks['arrivals'][number]) => Spread | null,
  ) => {
    const series = arms.map((arm, index) => ({
      name: arm,
      colour: colourOf(index),
      points: arrivals
        .filter((row) => row.arm === arm)
        .flatMap((row) => {
          const spread = read(row);
          if (spread === null) return [];
          return [{ x: Math.log10(row.tasks), y: spread.mean, low: spread.least, high: spread.most }];
        }),
    }));
    return { name, svg: lineChart({ title, xLabel: 'log₁₀ of the number of tasks', yLabel, series }) };
  };
  return [
    figure('growth-steps', 'Steps until the worst task arrives', 'steps', ({ steps }) => steps),
    figure('growth-rollouts', 'Completions per task until then', 'completions per task', (row) => row.rolloutsPerTask),
  ];
}

function courseFigures({ comeAndGo }: ManyTasks): Figure[] {
  return comeAndGo
    .filter(({ arm }) => ['dapo', 'sec-grpo', 'mt-grpo', 'worst-task'].includes(arm))
    .flatMap(({ arm, steps }) => {
      const tasks = [...new Set(steps.flatMap(({ weights }) => Object.keys(weights)))];
      const series = (read: (step: (typeof steps)[number], task: string) => number | undefined) =>
        tasks.map((task, index) => {
          const points = steps.flatMap((step) => {
            const y = read(step, task);
            return y === undefined ? [] : [{ x: step.step, y }];
          });
          return bandOf(task, colourOf(index), [{ points }]);
        });
      const chart = (what: string, yLabel: string, read: Parameters<typeof series>[0]) =>
        lineChart({ title: `${what}: ${arm}`, xLabel: 'step', yLabel, series: series(read), format: percent });
      return [
        { name: `come-and-go-weights-${arm}`, svg: chart('Weights', 'z', ({ weights }, task) => weights[task]) },
        { name: `come-and-go-${arm}`, svg: chart('Accuracy', 'accuracy', ({ accuracies }, task) => accuracies[task]) },
      ];
    });
}

/** The study's numbers, as files by name. */
export function manyTasksFiles(study: ManyTasks): Readonly<Record<string, string>> {
  const numbers = (spread: Spread | null) =>
    spread === null ? [null, null, null] : [spread.mean, spread.least, spread.most];
  const three = (name: string) => [name, `${name}_least`, `${name}_most`];
  return {
    'arrivals.csv': csv(
      ['tasks', 'arm', 'seeds', 'arrived', ...three('steps'), ...three('completions_per_task'), 'mean_accuracy'],
      study.arrivals.map(({ tasks, arm, seeds, arrived, steps, rolloutsPerTask, mean }) => [
        ...[tasks, arm, seeds, arrived],
        ...[...numbers(steps), ...numbers(rolloutsPerTask), mean.mean],
      ]),
    ),
    'costs.csv': csv(
      ['tasks', 'arm', 'decide_ms', 'state_bytes'],
      study.costs.map(({ tasks, arm, decideMs, stateBytes }) => [tasks, arm, decideMs, stateBytes]),
    ),
    'unlearnable.csv': csv(
      [
        'arm',
        ...three('share_of_prompts'),
        ...three('steps_with'),
        ...three('steps_without'),
        'rollouts_with',
        'rollouts_without',
      ],
      study.unlearnable.map((row) => [
        ...[row.arm, ...numbers(row.drawnShare), ...numbers(row.stepsWith), ...numbers(row.stepsWithout)],
        ...[row.rolloutsPerStep.mean, row.rolloutsPerStepWithout.mean],
      ]),
    ),
    'come-and-go.csv': csv(
      ['arm', 'step', 'task', 'weight', 'accuracy', 'drawn'],
      study.comeAndGo.flatMap(({ arm, steps }) =>
        steps
          .filter(({ step }) => step % 10 === 0)
          .flatMap(({ step, accuracies, weights, drawn }) =>
            Object.entries(accuracies).map(([task, accuracy]) => [
              ...[arm, step, task, weights[task] ?? null, accuracy, drawn[task] ?? 0],
            ]),
          ),
      ),
    ),
  };
}

/** The report; `command` makes it again. */
export function manyTasksPage(study: ManyTasks, command: string): Page {
  return {
    title: 'Many tasks, in simulation',
    introduction: [
      "No policy: a task is a learning curve (each group trained on moves its skill) and a spread of its prompts' difficulty (so that some yield no gradient). The methods' weighters, planners, filters and advantages are those of a run. Tasks neither help nor hinder each other; what is left is the question whom a method gives its budget to.",
      'A simulation shows what the rules do, not what a model does: accuracy in a run also depends on how tasks share weights.',
    ],
    tables: [arrivalTable(study), costTable(study), unlearnableTable(study)],
    sections: [
      { title: 'Growth with the number of tasks', figures: growthFigures(study) },
      { title: 'A task comes after 40 steps, another leaves after 80', figures: courseFigures(study) },
    ],
    command,
  };
}
