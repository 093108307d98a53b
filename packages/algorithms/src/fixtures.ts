/** Groups and statistics for the tests. */
import { emptyStats } from './task-stats.ts';
import type { Group, TaskStats } from './types.ts';

/** A group from its rewards: 1 is correct, 0.1 is formatted, null has no verdict. */
export function groupOf(id: string, task: string, rewards: readonly (number | null)[]): Group {
  return {
    id,
    task,
    promptId: `${id}/prompt`,
    rollouts: rewards.map((reward, place) => ({
      id: `${id}/${place}`,
      reward,
      correct: reward === 1,
      formatted: reward !== null && reward > 0,
      tokens: 5,
    })),
  };
}

/** Statistics with the given fields, 0 elsewhere. */
export function statsOf(fields: Partial<TaskStats>): TaskStats {
  return { ...emptyStats, ...fields };
}
