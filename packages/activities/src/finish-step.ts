import { observeStep, type Tallies, tallyObjectives } from '@evenkeel/algorithms';
import { faultPoint } from '@evenkeel/protocol';
import { z } from 'zod';
import { advanceRun } from './advance-run.ts';
import { loadAlgorithmState, loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { stepRecordName, writeRunRecord } from './run-folder.ts';
import { stateRecordName } from './state-record.ts';
import { stepTable } from './step-table.ts';
import type { ControlActivities, Doubts, StateRecord } from './types.ts';

interface StoredTally {
  readonly tasks: Tallies;
  readonly realised: Readonly<Record<string, number>>;
  readonly doubts?: Doubts;
}

const tallySchema = z.looseObject({
  tasks: z.record(z.string(), z.looseObject({})),
  realised: z.record(z.string(), z.number()),
});

/** The end of a step: weighter and planner learn from it, the run's state moves on, the step's table and the state are written. */
export function finishStep(context: ActivityContext): ControlActivities['finishStep'] {
  return async (input) => {
    const { config, method } = await loadRun(context, input.config);
    const algorithm = await loadAlgorithmState(context, input.state.algorithm);
    const stored = await context.store.getJson<StoredTally>(
      input.outcome.tally,
      tallySchema as unknown as z.ZodType<StoredTally>,
    );
    const step = input.state.step;
    const objectives = Object.entries(input.update?.objectives ?? {});
    const tallies = tallyObjectives(stored.tasks, {
      before: Object.fromEntries(objectives.map(([task, { before }]) => [task, before])),
      after: Object.fromEntries(objectives.map(([task, { after }]) => [task, after])),
    });
    const next = observeStep(method, algorithm.method, { step, tasks: tallies });
    const cursors = { ...algorithm.cursors };
    for (const round of input.rounds) {
      if (round.replaces !== undefined) continue;
      for (const [task, count] of Object.entries(round.counts)) cursors[task] = (cursors[task] ?? 0) + count;
    }

    const table = stepTable({
      ...input,
      tasks: config.tasks.map(({ name }) => name),
      tallies,
      trained: stored.realised,
      doubts: stored.doubts ?? {},
      weights: method.weighter.weights(algorithm.method.weighter),
      filterRates: method.planner.filterRates(next.planner),
    });
    await writeRunRecord(context.home, input.run, stepRecordName(step + 1), table);
    const stateRef = await context.store.putJson('algorithm-state', { version: 1, method: next, cursors });
    const state = advanceRun(input, stateRef);
    const record: StateRecord = { version: 1, step: state.step, config: input.config, state };
    await writeRunRecord(context.home, input.run, stateRecordName(state.step), record);
    faultPoint('activity/step-finished');
    return { state, table };
  };
}
