/** Numbers that a run is judged by. */

/** Accuracy by task, in [0, 1]. */
export type Accuracies = Readonly<Record<string, number>>;

/** The task with the lowest accuracy, the first at a tie; null where there is none. */
export function worstTask(accuracies: Accuracies): { readonly task: string; readonly accuracy: number } | null {
  let worst: { task: string; accuracy: number } | null = null;
  for (const [task, accuracy] of Object.entries(accuracies)) {
    if (worst === null || accuracy < worst.accuracy) worst = { task, accuracy };
  }
  return worst;
}

/** The mean over tasks: every task counts the same; null where there is none. */
export function meanAccuracy(accuracies: Accuracies): number | null {
  const values = Object.values(accuracies);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

/**
 * Δm% = 100/K Σ_k (Acc_k − base_k) / base_k: the mean relative gain over a base (DAPO's in the paper); null where a task's
 * base is 0 or missing, for then it has no value.
 */
export function relativeGain(accuracies: Accuracies, base: Accuracies): number | null {
  const tasks = Object.keys(accuracies);
  let sum = 0;
  for (const task of tasks) {
    const reference = base[task];
    if (reference === undefined || reference === 0) return null;
    sum += (accuracies[task]! - reference) / reference;
  }
  return tasks.length === 0 ? null : (100 * sum) / tasks.length;
}

/** A range of shares in [0, 1]. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 %. */
const Z_95 = 1.959963984540054;

/**
 * The range that holds the true share with about 95 % confidence: Wilson's score interval, which is right for few trials
 * and near 0 and 1 too.
 *
 * @param successes whole, in 0…trials
 * @param trials whole, ≥ 1
 * @param z standard deviations; 1.96 is 95 %
 * @throws {RangeError} on other counts
 * @example
 * ```ts
 * import { ok } from 'node:assert/strict';
 * const { low, high } = wilsonInterval(100, 200);
 * ok(low > 0.43 && high < 0.57);
 * ```
 */
export function wilsonInterval(successes: number, trials: number, z: number = Z_95): Interval {
  if (
    !(Number.isInteger(trials) && trials >= 1 && Number.isInteger(successes) && successes >= 0 && successes <= trials)
  ) {
    throw new RangeError(
      `Cannot compute an interval: ${successes} of ${trials} successes, expected whole numbers with 0 <= successes <= trials and trials >= 1`,
    );
  }
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  // At the ends the bound is exact; rounding would leave it a hair beside.
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/**
 * The range of the mean over tasks, each measured on its own puzzles: independent binomial spreads added up (normal
 * approximation, each task's variance with one success and one failure added, so that 0 and 1 have a spread too).
 *
 * @throws {RangeError} if a task has no trials
 */
export function meanInterval(
  counts: Readonly<Record<string, { readonly successes: number; readonly trials: number }>>,
  z: number = Z_95,
): Interval {
  const rows = Object.entries(counts);
  let mean = 0;
  let variance = 0;
  for (const [task, { successes, trials }] of rows) {
    if (!(trials >= 1)) throw new RangeError(`Cannot compute an interval: task "${task}" has ${trials} trials`);
    const smoothed = (successes + 1) / (trials + 2);
    mean += successes / trials / rows.length;
    variance += (smoothed * (1 - smoothed)) / trials / (rows.length * rows.length);
  }
  const half = z * Math.sqrt(variance);
  return { low: Math.max(0, mean - half), high: Math.min(1, mean + half) };
}
