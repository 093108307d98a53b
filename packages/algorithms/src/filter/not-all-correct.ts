import type { NoOptions, PartDefinition } from '../part.ts';
import type { DropReason, Group, GroupFilter } from '../types.ts';

/**
 * Drops a group only if all of its rollouts are fully correct: one in which all are wrong stays. Source: NGRPO, which learns
 * from those.
 */
function notAllCorrectVerdict(group: Group): 'keep' | DropReason {
  const scored = group.rollouts.filter(({ reward }) => reward !== null);
  if (scored.length < 2) return 'too-few-rewards';
  return scored.every(({ correct }) => correct) ? 'all-correct' : 'keep';
}

/** The filter `not-all-correct`. */
export const notAllCorrectFilter: PartDefinition<NoOptions, GroupFilter> = {
  kind: 'not-all-correct',
  defaults: {},
  create: () => ({ kind: 'not-all-correct', verdict: notAllCorrectVerdict }),
};
