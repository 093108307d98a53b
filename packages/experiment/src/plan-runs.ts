/** From a comparison to its runs: each arm with each seed is a run like any other, of a name that says which. */
import { methods } from '@evenkeel/algorithms';
import { ConfigError } from '@evenkeel/core';
import { defaultRunFile, type RunFile } from '@evenkeel/protocol';
import { type Arm, armOf } from './arm.ts';
import type { Preset } from './preset.ts';

export interface PlannedRun {
  readonly arm: Arm;
  readonly seed: number;
  /** The run's name. */
  readonly run: string;
  readonly file: RunFile;
}

/** What a user may choose of a preset. */
export interface Choices {
  /** Seeds are 0 … seeds − 1: none is chosen, none is left out. */
  readonly seeds?: number | undefined;
  /** Of the preset's, or methods by name. */
  readonly arms?: readonly string[] | undefined;
  readonly steps?: number | undefined;
  /** Of the evaluation: `tune` for whoever looks for settings, so that `heldout` stays untouched. */
  readonly split?: 'heldout' | 'tune' | undefined;
  /** Put before the runs' names; default the preset's name. */
  readonly prefix?: string | undefined;
}

/** The preset as the choices make it. @throws {ConfigError} on what is neither an arm nor a method, or a senseless number */
export function choose(preset: Preset, { seeds, arms, steps, split }: Choices): Preset {
  return {
    ...preset,
    arms: arms === undefined ? preset.arms : armsNamed(preset, arms),
    seeds: positive('seeds', seeds ?? preset.seeds),
    steps: positive('steps', steps ?? preset.steps),
    settings:
      split === undefined
        ? preset.settings
        : { ...preset.settings, evaluation: { ...preset.settings.evaluation, split } },
  };
}

/** The preset's own in its order, then other methods as they are. */
function armsNamed({ name: preset, arms }: Preset, names: readonly string[]): Arm[] {
  const others = [...new Set(names)].filter((name) => !arms.some((arm) => arm.name === name));
  for (const name of others) {
    if (Object.hasOwn(methods, name)) continue;
    const known = arms.map((arm) => arm.name).join(', ');
    throw new ConfigError(
      `Cannot run ${preset}: "${name}" is neither an arm of it nor a method, expected one of ${known}, or of evenkeel methods`,
      { code: 'arm-unknown' },
    );
  }
  return [...arms.filter(({ name }) => names.includes(name)), ...others.map((name) => armOf(name))];
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new ConfigError(`Cannot plan the experiment: ${name} is ${value}, expected a whole number from 1`);
}

/**
 * The runs, seed by seed and within a seed arm by arm: what is there when it is interrupted can be compared.
 *
 * @throws {ConfigError} where a run's name would be too long
 */
export function planRuns(preset: Preset, prefix: string = preset.name): PlannedRun[] {
  const most = Math.max(...preset.arms.map(({ draw }) => draw));
  return Array.from({ length: preset.seeds }, (_, seed) => seed).flatMap((seed) =>
    preset.arms.map((arm): PlannedRun => {
      const run = `${prefix}-${arm.name}-s${seed}`;
      const steps = Math.round((preset.steps * most) / arm.draw);
      return { arm, seed, run, file: { ...preset.settings, run, seed, steps, method: arm.method } };
    }),
  );
}

/** Prompts rolled out by a run, at the least: one round each step. */
export function expectedRollouts({ arm, file }: PlannedRun): number {
  const { steps = defaultRunFile.steps, promptsPerStep = defaultRunFile.promptsPerStep } = file;
  return steps * arm.draw * promptsPerStep * (file.groupSize ?? defaultRunFile.groupSize);
}

/** Rollouts up to which arms are compared by rollouts: what the arm that draws the most generates at the least. */
export function rolloutBudget(preset: Preset): number {
  return Math.min(...planRuns({ ...preset, seeds: 1 }).map(expectedRollouts));
}
