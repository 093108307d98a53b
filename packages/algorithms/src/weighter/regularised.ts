/**
 * Regularised reweighting. Source, first-hand: Multi-Task GRPO, Subroutine 2:
 *
 *   z = softmax(ξ);  s_k = J_k;  g_k = z_k (s_k − Σ_j z_j s_j);  ξ ← ξ − β (g + η ξ)
 *
 * As `worst-task`, with a pull of ξ towards 0, which is uniform weights. It bounds how far the weights go over to the worst
 * task; as there, a task's improvement does not count.
 *
 * `optimizer` says where η ξ stands: `adamw` adds it to Adam's step, which is the printed form with g scaled by Adam, as the
 * paper does for Subroutine 1; `sgd` is the printed form to the letter; `adam-l2` adds it to g before Adam scales it, as the
 * public code does (`weight_decay` of torch's Adam).
 */
import type { PartDefinition } from '../part.ts';
import type { TaskWeighter } from '../types.ts';
import { checkXiOptimizer, type XiOptimizerOptions, xiOptimizers } from './adam.ts';
import { type PerformanceOptions, performanceChoices } from './performance.ts';
import { type RewardDescentState, rewardDescent } from './reward-descent.ts';

export type RegularisedOptions = PerformanceOptions &
  Omit<XiOptimizerOptions, 'weightDecay'> & {
    /** Pull towards uniform weights; 0 or more. Paper: 1e-5, 5e-4 and 1e-2. */
    readonly eta: number;
  };

const FORM = { kind: 'regularised', version: 1 } as const;

/** The weighter `regularised`. */
export const regularisedWeighter: PartDefinition<RegularisedOptions, TaskWeighter<RewardDescentState>> = {
  kind: 'regularised',
  defaults: { eta: 5e-4, performance: 'reward', unseen: 'hold', optimizer: 'adamw', learningRate: 0.025 },
  choices: { ...performanceChoices, optimizer: xiOptimizers },
  check: ({ eta, ...options }) => {
    if (!(eta >= 0)) return `η is ${eta}, expected 0 or more (the paper uses 1e-5 to 1e-2)`;
    if (!(eta * options.learningRate < 1)) {
      return `η is ${eta} and the learning rate ${options.learningRate}, expected a product below 1, for a step would carry ξ beyond 0`;
    }
    return checkXiOptimizer({ ...options, weightDecay: eta });
  },
  create: ({ eta, ...options }) => rewardDescent(FORM, { ...options, weightDecay: eta }),
};
