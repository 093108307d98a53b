/**
 * Strict worst-task reweighting, ε = 0. Source, first-hand: Multi-Task GRPO, the inner problem min over z of Σ_k z_k J_k
 * (equation 5 with ε = 0, where Ω drops out), by the descent of Subroutine 1:
 *
 *   z = softmax(ξ);  s_k = J_k;  g_k = z_k (s_k − Σ_j z_j s_j);  ξ ← ξ − β g
 *
 * It is IWU without the improvement: nothing but having the lowest reward decides, and nothing holds the weights back, so
 * they go over to the worst task whole, whether it can be learned or not. That is the fault the paper shows it for.
 *
 * Deviations: none known. The optimizer and its β are IWU's; there is no weight decay, for with one it is `regularised`.
 */
import type { PartDefinition } from '../part.ts';
import type { TaskWeighter } from '../types.ts';
import { checkXiOptimizer } from './adam.ts';
import { type PerformanceOptions, performanceChoices } from './performance.ts';
import { type RewardDescentState, rewardDescent } from './reward-descent.ts';

export type WorstTaskOptions = PerformanceOptions & {
  /** `adamw`: Adam, as in the paper's experiments. `sgd`: the formula as printed. */
  readonly optimizer: 'adamw' | 'sgd';
  /** β. */
  readonly learningRate: number;
};

const FORM = { kind: 'worst-task', version: 1 } as const;

/** The weighter `worst-task`. */
export const worstTaskWeighter: PartDefinition<WorstTaskOptions, TaskWeighter<RewardDescentState>> = {
  kind: 'worst-task',
  defaults: { performance: 'reward', unseen: 'hold', optimizer: 'adamw', learningRate: 0.025 },
  choices: { ...performanceChoices, optimizer: ['adamw', 'sgd'] },
  check: (options) => checkXiOptimizer({ ...options, weightDecay: 0 }),
  create: (options) => rewardDescent(FORM, { ...options, weightDecay: 0 }),
};
