/**
 * Faithful GRPO: other things wanted of an answer as constraints, with a price that rises while they are not met. Source,
 * secondary (a third party's repository "inspired by" the paper):
 *
 *   max E[R] subject to E[R_k] ≥ τ_k:  A = A_task + Σ_k λ_k A_k, each normalised in its group by itself
 *   λ_k ← clip(λ_k + η (τ_k − mean R_k), 0, λ_max) after each step, mean over all of the step's rollouts, before the filter
 *
 * The paper's τ and η are not established. η 0.01 and λ_max 5 are that repository's; λ_k = 0 at first is ours.
 */
import type { PartDefinition } from '../part.ts';
import { expectState, stateNumber } from '../state.ts';
import type { AdvantageEstimator, Group, PartState, StepStats } from '../types.ts';
import { advantagesOfComponent, checkComponentNumbers } from './components.ts';
import { grpoAdvantages } from './grpo.ts';
import { finiteRewards, inPlaces, isConstant } from './rewards.ts';

export type FgrpoAdvantageOptions = {
  /** τ_k by component: what its mean shall be at least. */
  readonly thresholds: Readonly<Record<string, number>>;
  /** η. */
  readonly learningRate: number;
  /** λ_max. */
  readonly maxPrice: number;
  /** Added to the standard deviations. */
  readonly eps: number;
};

/** The prices λ by component. */
export interface FgrpoState extends PartState {
  /** The last step observed; −1 before the first. */
  readonly lastStep: number;
  readonly prices: Readonly<Record<string, number>>;
}

const FORM = { kind: 'fgrpo', version: 1 } as const;

function ofGroup(group: Group, prices: FgrpoState['prices'], eps: number): (number | null)[] {
  const normalised = (values_G: readonly number[]) =>
    isConstant(values_G) ? values_G.map(() => 0) : grpoAdvantages(values_G, { eps });
  const sum_G = normalised(finiteRewards(group));
  for (const [name, price] of Object.entries(prices)) {
    const part_G = advantagesOfComponent(group, name, normalised);
    for (let i = 0; i < sum_G.length; i++) sum_G[i] = sum_G[i]! + price * part_G[i]!;
  }
  return inPlaces(group, sum_G);
}

function observe(state: FgrpoState, { step, tasks }: StepStats, options: FgrpoAdvantageOptions): FgrpoState {
  if (step <= state.lastStep) return state;
  const prices = Object.entries(options.thresholds).map(([name, threshold]) => {
    let [sum, count] = [0, 0];
    for (const { components } of Object.values(tasks)) {
      sum += components?.[name]?.sum ?? 0;
      count += components?.[name]?.count ?? 0;
    }
    const price = state.prices[name] ?? 0;
    // A step without a rollout that has the component says nothing of it.
    const moved = count === 0 ? price : price + options.learningRate * (threshold - sum / count);
    if (!Number.isFinite(moved)) {
      throw new RangeError(`Cannot update prices: the mean of component "${name}" is ${sum / count}`);
    }
    return [name, stateNumber(Math.min(options.maxPrice, Math.max(0, moved)))];
  });
  return { ...state, lastStep: step, prices: Object.fromEntries(prices) };
}

/** The advantage `fgrpo`. */
export const fgrpoAdvantage: PartDefinition<FgrpoAdvantageOptions, AdvantageEstimator<FgrpoState>> = {
  kind: 'fgrpo',
  defaults: { thresholds: { formatted: 0.95 }, learningRate: 0.01, maxPrice: 5, eps: 1e-6 },
  check: ({ thresholds, learningRate, maxPrice, eps }) => {
    if (!(learningRate > 0)) return `option "learningRate" is ${learningRate}, expected above 0`;
    if (!(maxPrice > 0)) return `option "maxPrice" is ${maxPrice}, expected above 0`;
    return eps > 0 ? checkComponentNumbers('thresholds', thresholds, 'threshold') : 'option "eps" must be above 0';
  },
  components: ({ thresholds }) => Object.keys(thresholds),
  create: (options) => ({
    kind: 'fgrpo',
    components: Object.keys(options.thresholds),
    memory: {
      init: () => ({
        ...FORM,
        lastStep: -1,
        prices: Object.fromEntries(Object.keys(options.thresholds).map((name) => [name, 0])),
      }),
      observe: (state, stats) => {
        expectState(state, FORM);
        return observe(state, stats, options);
      },
    },
    estimate: (groups, state) => {
      if (state === undefined)
        throw new TypeError('Cannot compute advantages: fgrpo got no state, expected its prices');
      expectState(state, FORM);
      return groups.map((group) => ofGroup(group, state.prices, options.eps));
    },
  }),
};
