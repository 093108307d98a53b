import { rewardsOf } from '../advantage/rewards.ts';
import type { NoOptions, PartDefinition } from '../part.ts';
import type { DropReason, Group, GroupFilter } from '../types.ts';

/** Keeps every group that has something to compare: at least two rollouts with a reward. */
export function noneVerdict(group: Group): 'keep' | DropReason {
  return rewardsOf(group).length < 2 ? 'too-few-rewards' : 'keep';
}

/** The filter `none`. */
export const noneFilter: PartDefinition<NoOptions, GroupFilter> = {
  kind: 'none',
  defaults: {},
  create: () => ({ kind: 'none', verdict: noneVerdict }),
};
