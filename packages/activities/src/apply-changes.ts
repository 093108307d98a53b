import { buildMethod, withTasks } from '@evenkeel/algorithms';
import { type ArtefactRef, hashOf } from '@evenkeel/core';
import { type AppliedChange, faultPoint, type RunConfig, type UpdateSettings } from '@evenkeel/protocol';
import { loadAlgorithmState, loadRun } from './algorithm-state.ts';
import { changeRecordName } from './change-record.ts';
import { afterChanges } from './check-change.ts';
import { configuredRun } from './configured-run.ts';
import type { ActivityContext } from './context.ts';
import { writeRunRecord } from './run-folder.ts';
import type { ControlActivities, QueuedChange, RunState } from './types.ts';

function updateSettings({ minibatches, optimizer, method }: RunConfig): UpdateSettings {
  return { minibatches, optimizer, objective: method.objective };
}

/** The updates since the checkpoint say what they were made under, where what comes next is made under something else. */
function stampedRedo(redo: RunState['redo'], before: RunConfig, after: RunConfig): RunState['redo'] {
  const settings = updateSettings(before);
  if (hashOf(settings) === hashOf(updateSettings(after))) return redo;
  return redo.map((entry) => (entry.settings === undefined ? { ...entry, settings } : entry));
}

/** What is known of the tasks that stay, and a neutral start for new ones. A task that comes back goes on in its sequence of puzzles. */
async function algorithmFor(
  context: ActivityContext,
  before: RunConfig,
  after: RunConfig,
  algorithm: ArtefactRef,
): Promise<ArtefactRef> {
  const tasks = after.tasks.map(({ name }) => name);
  if (hashOf(tasks) === hashOf(before.tasks.map(({ name }) => name))) return algorithm;
  const state = await loadAlgorithmState(context, algorithm);
  const fresh = Object.fromEntries(tasks.map((task) => [task, 0]));
  const next = {
    ...state,
    method: withTasks(buildMethod(after.method), state.method, tasks),
    cursors: { ...fresh, ...state.cursors },
  };
  return await context.store.putJson('algorithm-state', next);
}

function recordOf({ change, scheduled }: QueuedChange, number: number, step: number): AppliedChange {
  return { version: 1, number, step, change, ...(scheduled === undefined ? {} : { scheduled }) };
}

/**
 * Changes take effect: a configuration, an algorithm state and a redo log for them, and a record of each. A pure function of its
 * input: done again, it writes the same bytes.
 */
export function applyChanges(context: ActivityContext): ControlActivities['applyChanges'] {
  return async ({ run, config: configRef, state, changes, done }) => {
    const { config: before } = await loadRun(context, configRef);
    const { step } = state;
    const after = afterChanges(
      before,
      run,
      changes.map((entry) => ({ ...entry, step })),
    );
    const config = after === before ? configRef : await context.store.putJson('config', after);
    const next: RunState = {
      ...state,
      algorithm: await algorithmFor(context, before, after, state.algorithm),
      redo: stampedRedo(state.redo, before, after),
    };
    for (const [place, entry] of changes.entries()) {
      const number = done + place + 1;
      await writeRunRecord(context.home, run, changeRecordName(number), recordOf(entry, number, step));
    }
    faultPoint('activity/change-applied');
    return { config, ...configuredRun(after, next) };
  };
}
