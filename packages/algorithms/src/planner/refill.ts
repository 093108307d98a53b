import type { PartDefinition } from '../part.ts';
import { byPosition, expectState } from '../state.ts';
import type { BatchPlanner, SelectInput } from '../types.ts';
import { drawOf, type PlannerState, rateKeeper, selectionOf, weightsByPosition } from './filter-rates.ts';
import { apportion, multinomial } from './multinomial.ts';

export type RefillOptions = {
  /** Prompts of a round, in units of B. */
  readonly oversample: number;
  /** Rounds at most. */
  readonly maxRounds: number;
};

const FORM = { kind: 'refill', version: 1 } as const;

/**
 * The planner `refill`: rounds of `oversample · B` prompts from the mixture until B groups have passed the filter; B of
 * them, drawn at random, are the batch (a plan has its prompts task by task; the public code takes the first B of a shuffled one). Source: DAPO's dynamic sampling, as the baseline of Multi-Task GRPO runs it (×3, 10 rounds). Where
 * the rounds run out, the batch is short, as in the public code. Tasks whose groups pass more often take more of the batch
 * than the mixture says: the fault that the RP sampler mends.
 */
export const refillPlanner: PartDefinition<RefillOptions, BatchPlanner<PlannerState>> = {
  kind: 'refill',
  defaults: { oversample: 3, maxRounds: 10 },
  check: ({ oversample, maxRounds }) => {
    if (!(oversample > 0)) return `option "oversample" is ${oversample}, expected above 0`;
    if (Number.isInteger(maxRounds) && maxRounds >= 1) return undefined;
    return `option "maxRounds" is ${maxRounds}, expected a whole number of 1 or more`;
  },
  create: ({ oversample, maxRounds }) => ({
    kind: 'refill',
    maxRounds,
    ...rateKeeper(FORM),
    plan: (state, { weights, prompts, round, kept, random }) => {
      expectState(state, FORM);
      const total = byPosition(state.tasks, kept).reduce((a, b) => a + b, 0);
      if (total >= prompts) return { kind: 'done', reason: 'enough' };
      if (round >= maxRounds) return { kind: 'done', reason: 'rounds-exhausted' };
      const draws = Math.ceil(oversample * prompts);
      return drawOf(state, multinomial(draws, weightsByPosition(state, weights), random('planner/round', round)));
    },
    select: (state, input) => {
      expectState(state, FORM);
      const target_K = apportion(input.prompts, weightsByPosition(state, input.weights));
      return selectionOf(state, input, { target_K, chosen: someOf(input) });
    },
  }),
};

/** B of the groups, in the order of the plan. */
function someOf({ groups, prompts, random }: SelectInput): SelectInput['groups'] {
  if (groups.length <= prompts) return groups;
  const places = random('planner/select', 0).shuffle(groups.map((_, place) => place));
  const chosen = new Set(places.slice(0, prompts));
  return groups.filter((_, place) => chosen.has(place));
}
