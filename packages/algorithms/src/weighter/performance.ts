/** J_k, what a task earns, as the weighters of Multi-Task GRPO read it: before the filter, and remembered between steps. */
import { stateNumber } from '../state.ts';
import { accuracyOf, meanRewardOf } from '../task-stats.ts';
import type { StepStats, TaskStats } from '../types.ts';

export type PerformanceOptions = {
  /**
   * J_k, before the filter. `reward`: mean reward (the paper). `accuracy`: share of fully correct rollouts.
   * `accuracy-ema`: that share, averaged over steps with decay 0.5 from 0 (the public code).
   */
  readonly performance: 'reward' | 'accuracy' | 'accuracy-ema';
  /**
   * A task without rollouts in a step. `hold`: I_k = 0, and the J_k last seen. `neutral`: g_k = 0. A task never seen is
   * neutral either way.
   */
  readonly unseen: 'hold' | 'neutral';
};

/** What the two options may be. */
export const performanceChoices = {
  performance: ['reward', 'accuracy', 'accuracy-ema'],
  unseen: ['hold', 'neutral'],
} as const;

/** What one step says of J, by position. */
interface Performance {
  /** J_k as last seen, or its average; null before the first. To be kept in the state. Shape [K]. */
  readonly known: readonly (number | null)[];
  /** J_k as it counts in this step; null where the task has gradient 0. Shape [K]. */
  readonly J_K: readonly (number | null)[];
}

const EMA_DECAY = 0.5;

/**
 * J of every task after a step.
 *
 * @param known_K what the state knew before
 * @throws {RangeError} if a task's mean reward is not finite
 */
export function observePerformance(
  tasks: readonly string[],
  known_K: readonly (number | null)[],
  stats: StepStats['tasks'],
  options: PerformanceOptions,
): Performance {
  const known = known_K.slice();
  const J_K = tasks.map((task, k) => {
    const J = stats[task] === undefined ? null : performanceOf(stats[task], known_K[k]!, options);
    if (J === null) return options.unseen === 'hold' ? known_K[k]! : null;
    if (!Number.isFinite(J)) {
      throw new RangeError(`Cannot update task weights: the mean reward of task "${task}" is ${J}`);
    }
    known[k] = stateNumber(J);
    return J;
  });
  return { known, J_K };
}

function performanceOf(stats: TaskStats, earlier: number | null, options: PerformanceOptions): number | null {
  if (options.performance === 'reward') return meanRewardOf(stats);
  const accuracy = accuracyOf(stats);
  if (accuracy === null || options.performance === 'accuracy') return accuracy;
  return EMA_DECAY * (earlier ?? 0) + (1 - EMA_DECAY) * accuracy;
}
