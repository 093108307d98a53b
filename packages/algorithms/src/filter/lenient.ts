import { isConstant, rewardsOf } from '../advantage/rewards.ts';
import type { NoOptions, PartDefinition } from '../part.ts';
import type { DropReason, Group, GroupFilter } from '../types.ts';

/**
 * Drops a group only if its rewards are all the same, so that it has no gradient. Source: DAPO's dynamic sampling; the
 * lenient filter of Multi-Task GRPO, experiment 2.
 */
export function lenientVerdict(group: Group): 'keep' | DropReason {
  const rewards_G = rewardsOf(group);
  if (rewards_G.length < 2) return 'too-few-rewards';
  return isConstant(rewards_G) ? 'constant-reward' : 'keep';
}

/** The filter `lenient`. */
export const lenientFilter: PartDefinition<NoOptions, GroupFilter> = {
  kind: 'lenient',
  defaults: {},
  create: () => ({ kind: 'lenient', verdict: lenientVerdict }),
};
