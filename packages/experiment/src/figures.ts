/** The pictures of a comparison's report, each under the name of its file. */
import type { StepTable } from '@evenkeel/activities';
import { bandOf, type SeedCurve } from './bands.ts';
import { colourOf, intervalChart, lineChart } from './chart.ts';
import type { Figure } from './page.ts';
import type { Preset } from './preset.ts';
import { shownName } from './report-tables.ts';
import type { CurvePoint, RunMeasures } from './run-measures.ts';
import { type Axis, ratioError, valueAt } from './statistics.ts';
import type { ExperimentSummary } from './summary.ts';

export type FigureSection = 'accuracy' | 'differences' | 'weights' | 'filter' | 'ratio' | 'cost';

export interface SectionedFigure extends Figure {
  readonly section: FigureSection;
}

const percent = (value: number) => `${Math.round(100 * value)} %`;
const axisLabel: Readonly<Record<Axis, string>> = {
  step: 'training steps',
  rollouts: 'completions generated for training',
};

/** All of them; bands are the range over seeds. */
export function figuresOf(
  preset: Preset,
  summary: ExperimentSummary,
  measures: readonly RunMeasures[],
): SectionedFigure[] {
  const ended = measures.filter(({ sha256 }) => sha256 !== null);
  return [
    ...accuracyFigures(preset, summary, ended),
    ...differenceFigures(summary),
    ...stateFigures(preset, summary, ended),
    ...costFigures(preset, ended),
  ];
}

/** One series an arm. */
function byArm(preset: Preset, runs: readonly RunMeasures[], curve: (run: RunMeasures) => SeedCurve) {
  return preset.arms.map(({ name }, index) => {
    const own = runs.filter(({ arm }) => arm === name);
    return bandOf(name, colourOf(index), own.map(curve));
  });
}

function accuracyFigures(preset: Preset, { tasks, steps, rollouts }: ExperimentSummary, runs: readonly RunMeasures[]) {
  const readings: readonly (readonly [string, string, (point: CurvePoint) => number | undefined])[] = [
    ['worst', 'The worst task', ({ worst }) => worst],
    ['mean', 'The mean over tasks', ({ mean }) => mean],
    ...tasks.map((task) => [`task-${task}`, task, ({ accuracies }: CurvePoint) => accuracies[task]] as const),
  ];
  const ends = { step: steps, rollouts } as const;
  return readings.flatMap(([name, title, read]) =>
    (['step', 'rollouts'] as const).map((axis): SectionedFigure => {
      const series = byArm(preset, runs, ({ curve }) => {
        const end = valueAt(curve, axis, ends[axis], read);
        const within = curve
          .filter((point) => point[axis] < ends[axis])
          .flatMap((point) => {
            const y = read(point);
            return y === undefined ? [] : [{ x: point[axis], y }];
          });
        return { points: end === null ? within : [...within, { x: ends[axis], y: end }] };
      });
      const svg = lineChart({
        title: `${title}, by ${axisLabel[axis]}`,
        xLabel: axisLabel[axis],
        yLabel: 'accuracy, held out',
        series,
        format: percent,
      });
      return { name: `accuracy-${name}-by-${axis}`, section: 'accuracy', svg };
    }),
  );
}

function differenceFigures({ differences, steps, rollouts, subject }: ExperimentSummary): SectionedFigure[] {
  const names = {
    step: `after ${steps} steps`,
    rollouts: `at ${rollouts.toLocaleString('en-US')} completions`,
  } as const;
  return (['worst', 'mean'] as const).flatMap((what) =>
    (['step', 'rollouts'] as const).map((axis): SectionedFigure => {
      const own = differences.filter((one) => one.what === what && one.axis === axis);
      const svg = intervalChart({
        title: `${shownName(subject)} against the others, ${what === 'worst' ? 'worst task' : 'mean'}, ${names[axis]}`,
        xLabel: 'difference in accuracy, paired by seed (95 % bootstrap)',
        intervals: own.map(({ against, difference: { mean, low, high, values } }) => ({
          ...{ name: against, mean, low, high, values },
        })),
        format: (value) => `${(100 * value).toFixed(0)}`,
      });
      return { name: `difference-${what}-by-${axis}`, section: 'differences', svg };
    }),
  );
}

/** A reading of each step's row of each task, over steps: one picture an arm, one series a task. */
function taskFigures(
  preset: Preset,
  tasks: readonly string[],
  runs: readonly RunMeasures[],
  figure: {
    readonly name: string;
    readonly section: FigureSection;
    readonly title: string;
    readonly yLabel: string;
    readonly read: (row: StepTable['tasks'][number]) => number;
  },
): SectionedFigure[] {
  const charts = preset.arms.flatMap(({ name }) => {
    const own = runs.filter(({ arm }) => arm === name);
    if (own.length === 0) return [];
    const series = tasks.map((task, index) =>
      bandOf(
        task,
        colourOf(index),
        own.map(({ steps }) => ({
          points: steps.flatMap(({ step, tasks: rows }) => {
            const row = rows.find((candidate) => candidate.task === task);
            return row === undefined ? [] : [{ x: step, y: figure.read(row) }];
          }),
        })),
      ),
    );
    return [{ name, series }];
  });
  // One scale for all arms, so that they can be compared.
  const all = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y, high = y }) => high)));
  const yDomain = [0, Math.max(0.01, ...all)] as const;
  return charts.map(({ name, series }) => {
    const title = `${figure.title}: ${name}`;
    const axes = { xLabel: axisLabel.step, yLabel: figure.yLabel, yDomain, format: percent };
    return { name: `${figure.name}-${name}`, section: figure.section, svg: lineChart({ title, series, ...axes }) };
  });
}

function stateFigures(preset: Preset, { tasks }: ExperimentSummary, runs: readonly RunMeasures[]): SectionedFigure[] {
  const ratio = lineChart({
    title: 'Distance between the wanted and the trained ratio of tasks',
    xLabel: axisLabel.step,
    yLabel: 'total variation',
    series: byArm(preset, runs, ({ steps }) => ({
      points: steps.flatMap(({ step, tasks: rows }) => {
        const y = ratioError(rows);
        return y === null ? [] : [{ x: step, y }];
      }),
    })),
    format: percent,
  });
  return [
    ...taskFigures(preset, tasks, runs, {
      ...{ name: 'weights', section: 'weights', title: 'Task weights z', yLabel: 'z' },
      read: ({ weight }) => weight,
    }),
    ...taskFigures(preset, tasks, runs, {
      ...{ name: 'filter', section: 'filter', title: 'Filter rates ρ', yLabel: 'share of groups dropped' },
      read: ({ filterRate }) => filterRate,
    }),
    { name: 'ratio', section: 'ratio', svg: ratio },
  ];
}

function costFigures(preset: Preset, runs: readonly RunMeasures[]): SectionedFigure[] {
  const svg = lineChart({
    title: 'Completions generated in a step',
    xLabel: axisLabel.step,
    yLabel: 'completions',
    series: byArm(preset, runs, ({ steps }) => ({
      points: steps.map(({ step, sequences }) => ({ x: step, y: sequences })),
    })),
  });
  return [{ name: 'cost', section: 'cost', svg }];
}
