/**
 * Improvement-aware weight update. Source: Multi-Task GRPO, Algorithm 1 and Subroutine 1:
 *
 *   z = softmax(ξ);  s_k = I_k + λ J_k;  g_k = z_k (s_k − Σ_j z_j s_j);  ξ ← ξ − β g by AdamW
 *
 * A task that neither improves nor is rewarded gains weight. The paper says nothing of a step in which a task was not
 * drawn, which is the rule with many tasks: see `unseen`.
 *
 * Deviations by option: `performance: "accuracy-ema"` and `optimizer: "adam-l2"` are the public code's. That code also
 * updates ξ once per minibatch; here it is once per step, as printed.
 */
import type { PartDefinition } from '../part.ts';
import { expectState } from '../state.ts';
import { improvementOf } from '../task-stats.ts';
import type { StepStats, TaskStats, TaskWeighter } from '../types.ts';
import { checkXiOptimizer, type XiOptimizerOptions, xiOptimizers } from './adam.ts';
import { observePerformance, type PerformanceOptions, performanceChoices } from './performance.ts';
import { type DescentState, descend, descentStartsAtMean, descentWeights, initialDescent } from './softmax-descent.ts';

export type IwuOptions = XiOptimizerOptions &
  PerformanceOptions & {
    /** How much the reward counts beside the improvement; 0 or more. Larger keeps the tasks closer together. */
    readonly lambda: number;
    /** I_k is clipped to ± this. Paper: 0.1 in experiment 1, 0.2 in experiment 2. */
    readonly improvementClip: number;
  };

export interface IwuState extends DescentState {
  /** J_k as last seen, or its average; null before the first. Shape [K]. */
  readonly performance: readonly (number | null)[];
}

const FORM = { kind: 'iwu', version: 1 } as const;

/** The weighter `iwu`. */
export const iwuWeighter: PartDefinition<IwuOptions, TaskWeighter<IwuState>> = {
  kind: 'iwu',
  defaults: {
    lambda: 0.2,
    improvementClip: 0.1,
    performance: 'reward',
    unseen: 'hold',
    optimizer: 'adamw',
    learningRate: 0.025,
    weightDecay: 1e-5,
  },
  choices: { ...performanceChoices, optimizer: xiOptimizers },
  check: checkIwu,
  create: (options) => ({
    kind: 'iwu',
    needsObjectives: true,
    startsAtMean: descentStartsAtMean,
    init: (tasks) => ({ ...FORM, ...initialDescent(tasks), performance: tasks.map(() => null) }),
    weights: (state) => {
      expectState(state, FORM);
      return descentWeights(state);
    },
    observe: (state, stats) => {
      expectState(state, FORM);
      return stats.step <= state.lastStep ? state : observeIwu(state, stats, options);
    },
  }),
};

function checkIwu(options: IwuOptions): string | undefined {
  const { lambda, improvementClip } = options;
  if (!(lambda >= 0)) return `λ is ${lambda}, expected 0 or more (the paper uses 0.1 to 1.2)`;
  if (!(improvementClip > 0)) return `option "improvementClip" is ${improvementClip}, expected above 0`;
  return checkXiOptimizer(options);
}

function observeIwu(state: IwuState, { step, tasks }: StepStats, options: IwuOptions): IwuState {
  const { known, J_K } = observePerformance(state.tasks, state.performance, tasks, options);
  const s_K = state.tasks.map((task, k) => {
    const J = J_K[k]!;
    return J === null ? null : improvementIn(tasks[task], task, options.improvementClip) + options.lambda * J;
  });
  return { ...descend(state, s_K, options), lastStep: step, performance: known };
}

/** I_k within ± clip; 0 for a task that had no rollout with a reward, or no group in the batch. */
function improvementIn(stats: TaskStats | undefined, task: string, clip: number): number {
  if (stats === undefined || stats.rollouts === 0) return 0;
  const improvement = improvementOf(stats);
  if (improvement === null) {
    if (stats.advantages === 0) return 0;
    throw new RangeError(
      `Cannot update task weights: task "${task}" was trained on without its objective, expected it before and after the update`,
    );
  }
  if (!Number.isFinite(improvement)) {
    throw new RangeError(`Cannot update task weights: the improvement of task "${task}" is ${improvement}`);
  }
  return Math.min(clip, Math.max(-clip, improvement));
}
