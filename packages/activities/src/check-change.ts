import { ConfigError } from '@evenkeel/core';
import { changedConfig, parseRunChange, type RunConfig } from '@evenkeel/protocol';
import { loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { drawOf, drawRound } from './plan-round.ts';
import type { ControlActivities, QueuedChange } from './types.ts';

/** The configuration after changes, each at its step. @throws {ConfigError} that says which of them the run could not go on with */
export function afterChanges(config: RunConfig, run: string, changes: readonly QueuedChange[]): RunConfig {
  return changes.reduce((before, { step, change }) => changedConfig(before, change, { run, step }), config);
}

/**
 * Refuses a change before it is accepted: the configuration must be one that a run could begin with, a new task's verifier must draw
 * a puzzle, and what was scheduled for later must still be possible.
 */
export function checkChange(context: ActivityContext): ControlActivities['checkChange'] {
  return async ({ run, config: configRef, step, change: given, queue }) => {
    const change = parseRunChange(given);
    const { config } = await loadRun(context, configRef);
    const before = afterChanges(
      config,
      run,
      queue.filter((entry) => entry.step <= step),
    );
    const after = changedConfig(before, change, { run, step });
    try {
      afterChanges(
        after,
        run,
        queue.filter((entry) => entry.step > step),
      );
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConfigError(
        `Cannot change run "${run}": a change that is scheduled for a later step would fail then (${reason}), expected one that leaves it possible`,
        { code: 'change-invalid', cause: thrown },
      );
    }
    if (change.kind === 'add-task') {
      const first = { split: 'train', seed: after.seed, from: 0, count: 1, epochs: 'many' } as const;
      await drawRound(context, after, { round: 0, draws: [drawOf(after, change.task.name, first)] });
    }
    return null;
  };
}
