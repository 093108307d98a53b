/** What is read of a run for a comparison: the records that it leaves in its folder, made into curves. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Evaluation, runFolder, type StepTable } from '@evenkeel/activities';
import { meanAccuracy, worstTask } from '@evenkeel/algorithms';
import { ConfigError } from '@evenkeel/core';
import type { PlannedRun } from './plan-runs.ts';

/** An evaluation, with what was spent until then. */
export interface CurvePoint {
  readonly step: number;
  /** Completions generated for training so far. */
  readonly rollouts: number;
  readonly accuracies: Readonly<Record<string, number>>;
  readonly worst: number;
  readonly mean: number;
}

export interface RunMeasures {
  readonly arm: string;
  readonly seed: number;
  readonly run: string;
  /** Of the trained weights; null where the run has not ended. */
  readonly sha256: string | null;
  readonly steps: readonly StepTable[];
  readonly curve: readonly CurvePoint[];
}

/** Evaluations and step tables as a curve. Tasks of which nothing was scored are left out. */
export function curveOf(steps: readonly StepTable[], evaluations: readonly Evaluation[]): CurvePoint[] {
  const spent: number[] = [0];
  for (const { sequences } of steps) spent.push(spent.at(-1)! + sequences);
  return evaluations
    .toSorted((a, b) => a.step - b.step)
    .flatMap(({ step, tasks }) => {
      const rollouts = spent[step];
      const scored = tasks.filter(({ total }) => total > 0);
      const accuracies = Object.fromEntries(scored.map(({ task, correct, total }) => [task, correct / total]));
      const worst = worstTask(accuracies);
      if (rollouts === undefined || worst === null) return [];
      return [{ step, rollouts, accuracies, worst: worst.accuracy, mean: meanAccuracy(accuracies)! }];
    });
}

async function records<T>(folder: string): Promise<T[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /^\d+\.json$/.test(name)).sort();
  return await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as T));
}

/** @throws {ConfigError} `run-incomplete` where a step's record is missing among others */
export async function readMeasures(home: string, { run, arm, seed }: PlannedRun): Promise<RunMeasures> {
  const folder = runFolder(home, run);
  const steps = await records<StepTable>(join(folder, 'steps'));
  const gap = steps.findIndex(({ step }, place) => step !== place + 1);
  if (gap >= 0) {
    throw new ConfigError(
      `Cannot read run "${run}": the record of step ${gap + 1} is missing in ${folder}, expected every step's; run it anew under another prefix`,
      { code: 'run-incomplete' },
    );
  }
  const evaluations = await records<Evaluation>(join(folder, 'evaluations'));
  const result = join(folder, 'result.json');
  const sha256 = existsSync(result) ? (JSON.parse(await readFile(result, 'utf8')) as { sha256: string }).sha256 : null;
  return { arm: arm.name, seed, run, sha256, steps, curve: curveOf(steps, evaluations) };
}
