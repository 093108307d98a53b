/**
 * The ratio-preserving sampler. Source: Multi-Task GRPO, Algorithm 2:
 *
 *   n ~ Multinomial(B, z);  m_k = min(1 / (1 − ρ_k), M_acc);  first round: M_os · B prompts ∝ z_k m_k
 *   def_k = max(n_k − c_k, 0), c_k groups kept so far;  while Σ def > 0, at most N_rs times: M_os · B prompts ∝ def_k m_k
 *   then at most n_k groups of each task, and up to B at random from the surplus; all, if there are no more than B
 *
 * The factor m is acceptance-aware sampling: a task whose groups are often dropped is drawn more often.
 *
 * Deviations by option: `target: "first-round"` takes the public code's target; `resample: "deficit"` draws only as many
 * prompts as the deficits need (M_os · Σ def_k m_k, at most M_os · B), for those who pay for rollouts. Acceptance 1 − ρ_k is
 * at least 0.01, as in the public code.
 */
import type { PartDefinition } from '../part.ts';
import { byPosition, expectState } from '../state.ts';
import type { BatchPlanner, Plan, PlanInput, SelectInput, Selection } from '../types.ts';
import { drawOf, type PlannerState, rateKeeper, selectionOf, weightsByPosition } from './filter-rates.ts';
import { apportion, multinomial } from './multinomial.ts';

export type RpSamplerOptions = {
  /** M_os: prompts of a round, in units of B. */
  readonly oversample: number;
  /** M_acc: the most that a low acceptance can multiply a task's draws by. */
  readonly maxInflation: number;
  /** N_rs: rounds after the first. Paper: 10 in experiment 1, 2 in experiment 2. */
  readonly resamplingRounds: number;
  /** Off: m_k = 1. */
  readonly acceptanceAware: boolean;
  /** `multinomial` (the paper), or `first-round`: B times the shares that the first round happened to draw (the code). */
  readonly target: 'multinomial' | 'first-round';
  /** `full`: M_os · B prompts in every round (the paper). `deficit`: no more than the deficits need. */
  readonly resample: 'full' | 'deficit';
};

const FORM = { kind: 'rp-sampler', version: 1 } as const;
const ACCEPTANCE_FLOOR = 0.01;

type StepInput = Pick<PlanInput, 'weights' | 'prompts' | 'random'>;

/** The planner `rp-sampler`. */
export const rpSamplerPlanner: PartDefinition<RpSamplerOptions, BatchPlanner<PlannerState>> = {
  kind: 'rp-sampler',
  defaults: {
    oversample: 3,
    maxInflation: 5,
    resamplingRounds: 10,
    acceptanceAware: true,
    target: 'multinomial',
    resample: 'full',
  },
  choices: { target: ['multinomial', 'first-round'], resample: ['full', 'deficit'] },
  check: ({ oversample, maxInflation, resamplingRounds }) => {
    if (!(oversample > 0)) return `option "oversample" is ${oversample}, expected above 0`;
    if (!(maxInflation >= 1)) return `option "maxInflation" is ${maxInflation}, expected 1 or more`;
    if (Number.isInteger(resamplingRounds) && resamplingRounds >= 0) return undefined;
    return `option "resamplingRounds" is ${resamplingRounds}, expected a whole number of 0 or more`;
  },
  create: (options) => ({
    kind: 'rp-sampler',
    maxRounds: 1 + options.resamplingRounds,
    ...rateKeeper(FORM),
    plan: (state, input) => {
      expectState(state, FORM);
      return planRound(state, input, options);
    },
    select: (state, input) => {
      expectState(state, FORM);
      return selectBatch(state, input, options);
    },
  }),
};

/** m_k = min(1 / (1 − ρ_k), M_acc). */
function inflation(state: PlannerState, options: RpSamplerOptions): number[] {
  return state.rho.map((rho) =>
    options.acceptanceAware ? Math.min(1 / Math.max(1 - rho, ACCEPTANCE_FLOOR), options.maxInflation) : 1,
  );
}

function firstRound(state: PlannerState, { weights, prompts, random }: StepInput, options: RpSamplerOptions): number[] {
  const m_K = inflation(state, options);
  const share_K = weightsByPosition(state, weights).map((z, k) => z * m_K[k]!);
  return multinomial(Math.ceil(options.oversample * prompts), share_K, random('planner/round', 0));
}

/** n_k: the same at every round of the step, for it is keyed. */
function target(state: PlannerState, input: StepInput, options: RpSamplerOptions): number[] {
  if (options.target === 'first-round') return apportion(input.prompts, firstRound(state, input, options));
  return multinomial(input.prompts, weightsByPosition(state, input.weights), input.random('planner/target', 0));
}

function planRound(state: PlannerState, input: PlanInput, options: RpSamplerOptions): Plan {
  if (input.round === 0) return drawOf(state, firstRound(state, input, options));
  const kept_K = byPosition(state.tasks, input.kept);
  const deficit_K = target(state, input, options).map((n, k) => Math.max(n - kept_K[k]!, 0));
  if (deficit_K.every((deficit) => deficit === 0)) return { kind: 'done', reason: 'enough' };
  if (input.round > options.resamplingRounds) return { kind: 'done', reason: 'rounds-exhausted' };
  const m_K = inflation(state, options);
  const share_K = deficit_K.map((deficit, k) => deficit * m_K[k]!);
  const full = Math.ceil(options.oversample * input.prompts);
  const needed = Math.ceil(options.oversample * share_K.reduce((a, b) => a + b, 0));
  const draws = options.resample === 'full' ? full : Math.min(full, needed);
  return drawOf(state, multinomial(draws, share_K, input.random('planner/round', input.round)));
}

function selectBatch(state: PlannerState, input: SelectInput, options: RpSamplerOptions): Selection {
  const target_K = target(state, input, options);
  const { groups, prompts } = input;
  if (groups.length <= prompts) return selectionOf(state, input, { target_K, chosen: groups });
  const left = new Map(state.tasks.map((task, k) => [task, target_K[k]!]));
  const surplus: number[] = [];
  const chosen = new Set<number>();
  for (const [place, { task }] of groups.entries()) {
    const quota = left.get(task) ?? 0;
    if (quota === 0) {
      surplus.push(place);
      continue;
    }
    left.set(task, quota - 1);
    chosen.add(place);
  }
  const fill = input.random('planner/select', 0).shuffle(surplus);
  for (const place of fill.slice(0, prompts - chosen.size)) chosen.add(place);
  return selectionOf(state, input, { target_K, chosen: groups.filter((_, place) => chosen.has(place)) });
}
