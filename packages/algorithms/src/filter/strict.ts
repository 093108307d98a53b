import type { NoOptions, PartDefinition } from '../part.ts';
import type { DropReason, Group, GroupFilter } from '../types.ts';

/**
 * Drops a group if none of its rollouts is fully correct, or all are: a group that differs in form alone goes too. Source:
 * the strict filter of Multi-Task GRPO, experiment 1. It looks at `correct`, never at the reward.
 */
export function strictVerdict(group: Group): 'keep' | DropReason {
  const scored = group.rollouts.filter(({ reward }) => reward !== null);
  if (scored.length < 2) return 'too-few-rewards';
  const correct = scored.filter((rollout) => rollout.correct).length;
  if (correct === 0) return 'none-correct';
  return correct === scored.length ? 'all-correct' : 'keep';
}

/** The filter `strict`. */
export const strictFilter: PartDefinition<NoOptions, GroupFilter> = {
  kind: 'strict',
  defaults: {},
  create: () => ({ kind: 'strict', verdict: strictVerdict }),
};
