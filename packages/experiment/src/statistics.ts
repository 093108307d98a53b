/** The few statistics of a comparison over seeds. Deterministic: the bootstrap's draws are keyed. */
import { keyedRandom } from '@evenkeel/core';
import { mean, quantileSorted } from 'd3-array';
import type { CurvePoint } from './run-measures.ts';

/** What a curve is read along. */
export type Axis = 'step' | 'rollouts';
/** What is read from a point. */
export type Reading = (point: CurvePoint) => number | undefined;

/**
 * A curve's value at a place between its evaluations, linear between two; null before the first and after the last.
 */
export function valueAt(curve: readonly CurvePoint[], axis: Axis, place: number, read: Reading): number | null {
  const after = curve.findIndex((point) => point[axis] >= place);
  if (after < 0) return null;
  const right = curve[after]!;
  const high = read(right);
  if (right[axis] === place) return high ?? null;
  const left = curve[after - 1];
  const low = left === undefined ? undefined : read(left);
  if (left === undefined || low === undefined || high === undefined) return null;
  return low + ((high - low) * (place - left[axis])) / (right[axis] - left[axis]);
}

/** Where the worst task first arrives at a threshold, linear between two evaluations; null where it never does. */
export function arrivalAt(curve: readonly CurvePoint[], axis: Axis, threshold: number): number | null {
  const after = curve.findIndex(({ worst }) => worst >= threshold);
  if (after < 0) return null;
  const right = curve[after]!;
  const left = curve[after - 1];
  if (left === undefined || right.worst === left.worst) return right[axis];
  return left[axis] + ((right[axis] - left[axis]) * (threshold - left.worst)) / (right.worst - left.worst);
}

/** A mean over seeds, with the range in which 95 % of the bootstrap's means lie, and the seeds' least and most. */
export interface Spread {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly least: number;
  readonly most: number;
  /** As they were given: one a seed. */
  readonly values: readonly number[];
}

const DRAWS = 10_000;

/**
 * Percentile bootstrap of a mean over seeds. For a difference between two methods hand in the differences seed by seed: same seed,
 * same first draws, so a pair has less noise than two runs.
 *
 * With five seeds such an interval is a rough one; it is told together with the least and the most.
 *
 * @throws {RangeError} on an empty list
 */
export function spreadOf(values: readonly number[], stream: string): Spread {
  if (values.length === 0) throw new RangeError('Cannot compute a spread: there are no values, expected at least one');
  const random = keyedRandom(0, `bootstrap/${stream}`);
  const means = Array.from({ length: DRAWS }, () => {
    let sum = 0;
    for (let draw = 0; draw < values.length; draw++) sum += values[random.integer(values.length)]!;
    return sum / values.length;
  }).sort((a, b) => a - b);
  return {
    mean: mean(values)!,
    low: quantileSorted(means, 0.025)!,
    high: quantileSorted(means, 0.975)!,
    least: Math.min(...values),
    most: Math.max(...values),
    values,
  };
}

/**
 * How far the trained tasks' shares are from the weights they were to have: half the sum of the absolute differences (total variation),
 * in [0, 1]; 0 is the wanted ratio.
 */
export function ratioError(rows: readonly { readonly weight: number; readonly trained: number }[]): number | null {
  const trained = rows.reduce((sum, row) => sum + row.trained, 0);
  const wanted = rows.reduce((sum, row) => sum + row.weight, 0);
  if (trained === 0 || wanted === 0) return null;
  return rows.reduce((sum, row) => sum + Math.abs(row.trained / trained - row.weight / wanted), 0) / 2;
}
