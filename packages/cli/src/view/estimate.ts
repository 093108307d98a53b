/** Accuracies with the spread that so few puzzles allow, and their differences. */
import { type Interval, meanInterval, wilsonInterval } from '@evenkeel/algorithms';

/** A share with its 95 % interval. */
export interface Estimate extends Interval {
  readonly value: number;
}

/** Correct answers among all. */
export interface Count {
  readonly correct: number;
  readonly total: number;
}

/**
 * A task's accuracy with Wilson's 95 % interval; null where nothing was scored. Samples of one puzzle hang together: with several
 * per puzzle the interval is that of as many trials as there are puzzles, which is wide enough whatever they share.
 */
export function taskEstimate({ correct, total }: Count, samplesPerPrompt = 1): Estimate | null {
  if (total === 0) return null;
  const value = correct / total;
  const puzzles = Math.max(1, Math.round(total / samplesPerPrompt));
  return { value, ...wilsonInterval(Math.round(value * puzzles), puzzles) };
}

/** The mean over the tasks, each counting the same, with its 95 % interval; null where a task has no figure. */
export function meanEstimate(counts: readonly Count[], samplesPerPrompt = 1): Estimate | null {
  if (counts.length === 0 || counts.some(({ total }) => total === 0)) return null;
  const value = counts.reduce((sum, { correct, total }) => sum + correct / total, 0) / counts.length;
  const trials = counts.map(({ correct, total }) => {
    const puzzles = Math.max(1, Math.round(total / samplesPerPrompt));
    return { successes: (correct / total) * puzzles, trials: puzzles };
  });
  return { value, ...meanInterval(Object.fromEntries(trials.entries())) };
}

/**
 * How far apart two estimates are, with a 95 % interval: Newcombe's hybrid of the two intervals (Statistics in Medicine 17, 1998,
 * method 10), for proportions with Wilson's. It takes the two as independent. Base and trained policy are asked the same puzzles, which
 * makes them agree more than independent ones, so the interval is rather too wide than too narrow.
 *
 * @example
 * ```ts
 * import { ok } from 'node:assert/strict';
 * const change = differenceEstimate({ value: 0.3, low: 0.24, high: 0.37 }, { value: 0.5, low: 0.43, high: 0.57 });
 * ok(change.low > 0.1 && change.high < 0.3);
 * ```
 */
export function differenceEstimate(from: Estimate, to: Estimate): Estimate {
  return {
    value: to.value - from.value,
    low: to.value - from.value - Math.hypot(to.value - to.low, from.high - from.value),
    high: to.value - from.value + Math.hypot(to.high - to.value, from.value - from.low),
  };
}
