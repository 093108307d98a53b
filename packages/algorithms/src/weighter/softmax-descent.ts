/**
 * What the softmax weighters of Multi-Task GRPO share: z = softmax(ξ), and a descent of ξ along
 * g_k = z_k (s_k − Σ_j z_j s_j), the gradient of Σ_k z_k s_k. They differ in the score s alone, which they hand in.
 */
import { softmax } from '../exponential.ts';
import { byTask, expectTasks, stateNumber } from '../state.ts';
import type { PartState, Weights } from '../types.ts';
import { updateXi, type XiOptimizerOptions, type XiState } from './adam.ts';

export interface DescentState extends PartState, XiState {
  readonly tasks: readonly string[];
  /** The last step observed; −1 before the first. */
  readonly lastStep: number;
}

/**
 * A task that is added starts with the mean ξ, which is the geometric mean of the others' weights, and with their mean second
 * moment: it then moves at their pace. Its first moment is 0.
 */
export const descentStartsAtMean = ['xi', 'v'] as const;

/** ξ = 0: all tasks weigh the same. */
export function initialDescent(tasks: readonly string[]): Omit<DescentState, 'kind' | 'version'> {
  const known = expectTasks(tasks);
  const zeros = known.map(() => 0);
  return { tasks: known, lastStep: -1, updates: 0, xi: zeros, m: zeros, v: zeros };
}

/** z = softmax(ξ), by task. */
export function descentWeights(state: DescentState): Weights {
  return byTask(state.tasks, softmax(state.xi));
}

/**
 * g_k = z_k (s_k − Σ_j z_j s_j). A task without a score (null) gets 0: it is left out of the mean as well, which is the
 * same as giving it the mean of the others.
 *
 * @returns shape [K]; sum 0 up to rounding
 */
export function softmaxGradient(z_K: readonly number[], s_K: readonly (number | null)[]): number[] {
  let sum = 0;
  let share = 0;
  for (let k = 0; k < z_K.length; k++) {
    const s = s_K[k]!;
    if (s === null) continue;
    sum += z_K[k]! * s;
    share += z_K[k]!;
  }
  // With every task scored the weights sum to 1, and the mean is the paper's Σ z s to the bit.
  const complete = !s_K.includes(null);
  const mean = complete ? sum : sum / share;
  return z_K.map((z, k) => (s_K[k] === null ? 0 : z * (s_K[k]! - mean)));
}

/** One update of ξ from the scores; nothing happens where no task has one. */
export function descend<S extends DescentState>(
  state: S,
  s_K: readonly (number | null)[],
  options: XiOptimizerOptions,
): S {
  if (s_K.every((s) => s === null)) return state;
  const moved = updateXi(state, softmaxGradient(softmax(state.xi), s_K), options);
  return {
    ...state,
    updates: moved.updates,
    xi: moved.xi.map(stateNumber),
    m: moved.m.map(stateNumber),
    v: moved.v.map(stateNumber),
  };
}
