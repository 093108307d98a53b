/** The weighters whose score is the reward alone, s_k = J_k: `worst-task` and `regularised`. They differ in the decay of ξ. */
import { expectState } from '../state.ts';
import type { PartState, TaskWeighter } from '../types.ts';
import type { XiOptimizerOptions } from './adam.ts';
import { observePerformance, type PerformanceOptions } from './performance.ts';
import { type DescentState, descend, descentStartsAtMean, descentWeights, initialDescent } from './softmax-descent.ts';

export interface RewardDescentState extends DescentState {
  /** J_k as last seen, or its average; null before the first. Shape [K]. */
  readonly performance: readonly (number | null)[];
}

/** z = softmax(ξ); s_k = J_k; g_k = z_k (s_k − Σ_j z_j s_j); ξ by the optimizer. */
export function rewardDescent(
  form: PartState,
  options: PerformanceOptions & XiOptimizerOptions,
): TaskWeighter<RewardDescentState> {
  return {
    kind: form.kind,
    needsObjectives: false,
    startsAtMean: descentStartsAtMean,
    init: (tasks) => ({ ...form, ...initialDescent(tasks), performance: tasks.map(() => null) }),
    weights: (state) => {
      expectState(state, form);
      return descentWeights(state);
    },
    observe: (state, { step, tasks }) => {
      expectState(state, form);
      if (step <= state.lastStep) return state;
      const { known, J_K } = observePerformance(state.tasks, state.performance, tasks, options);
      return { ...descend(state, J_K, options), lastStep: step, performance: known };
    },
  };
}
