/** What a comparison showed, as numbers: by arm, on two budgets, and as paired differences. Plain JSON; reports only put it into words. */
import { relativeGain } from '@evenkeel/algorithms';
import { rolloutBudget } from './plan-runs.ts';
import type { Preset } from './preset.ts';
import type { CurvePoint, RunMeasures } from './run-measures.ts';
import { type Axis, arrivalAt, type Reading, ratioError, type Spread, spreadOf, valueAt } from './statistics.ts';

/** The arm that Δm % is told against, as in the paper. */
const BASELINE = 'dapo';
/** The arm whose differences to the others are told, where it is there; else the first. */
const SUBJECT = 'mt-grpo';

function subjectOf({ arms }: Preset): string {
  return (arms.find(({ name }) => name === SUBJECT) ?? arms[0])?.name ?? SUBJECT;
}

export interface BudgetSummary {
  readonly axis: Axis;
  readonly place: number;
  /** By task. */
  readonly tasks: Readonly<Record<string, Spread>>;
  readonly worst: Spread;
  readonly mean: Spread;
  /** Δm % against DAPO of the same seed; null where DAPO is no arm, or a task of it is at 0. */
  readonly gain: Spread | null;
}

export interface ArmSummary {
  readonly arm: string;
  readonly about: string;
  /** Seeds whose run has ended. */
  readonly seeds: readonly number[];
  /** Null where no run got that far. */
  readonly bySteps: BudgetSummary | null;
  readonly byRollouts: BudgetSummary | null;
  /** Until the worst task reaches the threshold, by seed; null where it never does. */
  readonly arrivals: readonly {
    readonly seed: number;
    readonly steps: number | null;
    readonly rollouts: number | null;
  }[];
  /** Completions generated per step. */
  readonly rolloutsPerStep: Spread | null;
  /** Mean over steps of the distance between wanted and trained shares of the tasks. */
  readonly ratioError: Spread | null;
}

/** The subject minus another arm, seed by seed. */
export interface Difference {
  readonly subject: string;
  readonly against: string;
  readonly axis: Axis;
  readonly what: 'worst' | 'mean';
  readonly difference: Spread;
}

export interface ExperimentSummary {
  readonly version: 1;
  readonly preset: string;
  readonly steps: number;
  readonly rollouts: number;
  readonly threshold: number;
  readonly seeds: number;
  readonly tasks: readonly string[];
  readonly base: CurvePoint | null;
  readonly arms: readonly ArmSummary[];
  /** Whose differences to the other arms are told. */
  readonly subject: string;
  readonly differences: readonly Difference[];
  /** Runs that have not ended yet. */
  readonly missing: readonly string[];
}

const worst: Reading = (point) => point.worst;
const mean: Reading = (point) => point.mean;

/** Numbers of all the runs that have ended. */
export function summarise(preset: Preset, measures: readonly RunMeasures[]): ExperimentSummary {
  const ended = measures.filter(({ sha256 }) => sha256 !== null);
  const rollouts = rolloutBudget(preset);
  const tasks = [...new Set(ended.flatMap(({ curve }) => curve.flatMap(({ accuracies }) => Object.keys(accuracies))))];
  const budgets = { step: preset.steps, rollouts } as const;
  const arms = preset.arms.map((arm): ArmSummary => {
    const runs = ended.filter((run) => run.arm === arm.name);
    return {
      arm: arm.name,
      about: arm.about,
      seeds: runs.map(({ seed }) => seed),
      bySteps: budgetSummary('step', budgets.step, runs, ended, tasks),
      byRollouts: budgetSummary('rollouts', budgets.rollouts, runs, ended, tasks),
      arrivals: runs.map(({ seed, curve }) => ({
        seed,
        steps: arrivalAt(curve, 'step', preset.threshold),
        rollouts: arrivalAt(curve, 'rollouts', preset.threshold),
      })),
      rolloutsPerStep: maybeSpread(
        runs.map(({ steps }) => steps.reduce((sum, { sequences }) => sum + sequences, 0) / Math.max(1, steps.length)),
        `${arm.name}/rollouts-per-step`,
      ),
      ratioError: maybeSpread(runs.flatMap(meanRatioError), `${arm.name}/ratio-error`),
    };
  });
  return {
    version: 1,
    preset: preset.name,
    ...{ steps: preset.steps, rollouts, threshold: preset.threshold, seeds: preset.seeds, tasks },
    base: ended[0]?.curve.find(({ step }) => step === 0) ?? null,
    arms,
    subject: subjectOf(preset),
    differences: differencesOf(preset, ended, budgets),
    missing: measures.filter(({ sha256 }) => sha256 === null).map(({ run }) => run),
  };
}

function maybeSpread(values: readonly number[], stream: string): Spread | null {
  return values.length === 0 ? null : spreadOf(values, stream);
}

function meanRatioError({ steps }: RunMeasures): number[] {
  const errors = steps.flatMap(({ tasks }) => ratioError(tasks) ?? []);
  return errors.length === 0 ? [] : [errors.reduce((sum, error) => sum + error, 0) / errors.length];
}

function budgetSummary(
  axis: Axis,
  place: number,
  runs: readonly RunMeasures[],
  all: readonly RunMeasures[],
  tasks: readonly string[],
): BudgetSummary | null {
  const read = (reading: Reading) => runs.flatMap(({ curve }) => valueAt(curve, axis, place, reading) ?? []);
  const name = `${runs[0]?.arm}/${axis}`;
  const worsts = read(worst);
  if (worsts.length === 0) return null;
  const gains = runs.flatMap(({ curve, seed }) => {
    const base = all.find((run) => run.arm === BASELINE && run.seed === seed);
    if (base === undefined) return [];
    const own = accuraciesAt(curve, axis, place, tasks);
    return relativeGain(own, accuraciesAt(base.curve, axis, place, tasks)) ?? [];
  });
  return {
    ...{ axis, place },
    tasks: Object.fromEntries(
      tasks.flatMap((task) => {
        const spread = maybeSpread(
          read((point) => point.accuracies[task]),
          `${name}/${task}`,
        );
        return spread === null ? [] : [[task, spread] as const];
      }),
    ),
    worst: spreadOf(worsts, `${name}/worst`),
    mean: spreadOf(read(mean), `${name}/mean`),
    gain: maybeSpread(gains, `${name}/gain`),
  };
}

function accuraciesAt(curve: readonly CurvePoint[], axis: Axis, place: number, tasks: readonly string[]) {
  return Object.fromEntries(
    tasks.flatMap((task) => {
      const value = valueAt(curve, axis, place, (point) => point.accuracies[task]);
      return value === null ? [] : [[task, value] as const];
    }),
  );
}

function differencesOf(
  preset: Preset,
  ended: readonly RunMeasures[],
  budgets: Readonly<Record<Axis, number>>,
): Difference[] {
  const readings = { worst, mean } as const;
  const subject = subjectOf(preset);
  return preset.arms
    .filter(({ name }) => name !== subject)
    .flatMap(({ name: against }) =>
      (['step', 'rollouts'] as const).flatMap((axis) =>
        (['worst', 'mean'] as const).flatMap((what): Difference[] => {
          const values = ended
            .filter(({ arm }) => arm === subject)
            .flatMap(({ seed, curve }) => {
              const other = ended.find((run) => run.arm === against && run.seed === seed);
              const mine = valueAt(curve, axis, budgets[axis], readings[what]);
              const theirs = other === undefined ? null : valueAt(other.curve, axis, budgets[axis], readings[what]);
              return mine === null || theirs === null ? [] : [mine - theirs];
            });
          const difference = maybeSpread(values, `${subject}-${against}/${axis}/${what}`);
          return difference === null ? [] : [{ subject, against, axis, what, difference }];
        }),
      ),
    );
}
