import type { NoOptions, PartDefinition } from '../part.ts';
import { expectState } from '../state.ts';
import type { BatchPlanner, PlanInput } from '../types.ts';
import { drawOf, type PlannerState, rateKeeper, selectionOf, weightsByPosition } from './filter-rates.ts';
import { multinomial } from './multinomial.ts';

const FORM = { kind: 'plain', version: 1 } as const;

/**
 * The planner `plain`: B prompts from the mixture, n ~ Multinomial(B, z), in one round. What the filter drops is not
 * replaced: the batch is then smaller. Source: GRPO.
 */
export const plainPlanner: PartDefinition<NoOptions, BatchPlanner<PlannerState>> = {
  kind: 'plain',
  defaults: {},
  create: () => ({
    kind: 'plain',
    maxRounds: 1,
    ...rateKeeper(FORM),
    plan: (state, input) => {
      expectState(state, FORM);
      if (input.round >= 1) return { kind: 'done', reason: 'enough' };
      return drawOf(state, target(state, input));
    },
    select: (state, input) => {
      expectState(state, FORM);
      return selectionOf(state, input, {
        target_K: target(state, input),
        chosen: input.groups.slice(0, input.prompts),
      });
    },
  }),
};

function target(state: PlannerState, { weights, prompts, random }: Pick<PlanInput, 'weights' | 'prompts' | 'random'>) {
  return multinomial(prompts, weightsByPosition(state, weights), random('planner/target', 0));
}
