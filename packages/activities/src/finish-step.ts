import { accuracyOf, improvementOf, meanAccuracy, meanRewardOf, observeStep, type Tallies, tallyObjectives, worstTask } from '@evenkeel/algorithms';
import { z } from 'zod';
import { loadAlgorithmState, loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { writeRunRecord } from './run-folder.ts';
import type { ControlActivities, RunState, StepTable, TaskRow } from './types.ts';

interface StoredTally {
  readonly tasks: Tallies;
  readonly realised: Readonly<Record<string, number>>;
}

const tallySchema = z.looseObject({
  tasks: z.record(z.string(), z.looseObject({})),
  realised: z.record(z.string(), z.number()),
});

/** The end of a step: weighter and planner learn from it, the run's state moves on, the step's table is written. */
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
      for (const [task, count] of Object.entries(round.counts)) cursors[task] = (cursors[task] ?? 0) + count;
    }

    const weights = method.weighter.weights(algorithm.method.weighter);
    const filterRates = method.planner.filterRates(next.planner);
    const rows = config.tasks.map(({ name }): TaskRow => {
      const stats = tallies[name];
      return {
        task: name,
        weight: weights[name] ?? 0,
        filterRate: filterRates[name] ?? 0,
        accuracy: stats === undefined ? 0 : (accuracyOf(stats) ?? 0),
        reward: stats === undefined ? 0 : (meanRewardOf(stats) ?? 0),
        drawn: stats?.groups ?? 0,
        kept: stats?.kept ?? 0,
        trained: stored.realised[name] ?? 0,
        improvement: stats === undefined ? null : improvementOf(stats),
      };
    });
    const accuracies = Object.fromEntries(rows.filter((row) => row.drawn > 0).map((row) => [row.task, row.accuracy]));
    const worst = worstTask(accuracies);
    const metrics = input.update?.metrics;
    const table: StepTable = {
      step: step + 1,
      tasks: rows,
      worst: worst ?? { task: '', accuracy: 0 },
      mean: meanAccuracy(accuracies) ?? 0,
      rounds: input.rounds.length,
      sequences: input.sequences,
      completionTokens: input.completionTokens,
      trainedTokens: metrics?.trainedTokens ?? 0,
      shortfall: input.outcome.shortfall,
      loss: metrics?.loss ?? 0,
      gradientNorm: metrics?.gradientNorm ?? 0,
      clipFraction: metrics?.clipFraction ?? 0,
      entropy: metrics?.entropy ?? 0,
    };
    await writeRunRecord(context.home, input.run, `steps/${String(step + 1).padStart(6, '0')}.json`, table);
    const stateRef = await context.store.putJson('algorithm-state', { version: 1, method: next, cursors });
    return { state: advance(input.state, { algorithm: stateRef, ...input }), table };
  };
}

/** The run's state after a step: an update without a checkpoint is one more entry of the redo log. */
function advance(
  state: RunState,
  { algorithm, outcome, update }: Pick<Parameters<ControlActivities['finishStep']>[0], 'outcome' | 'update'> & Pick<RunState, 'algorithm'>,
): RunState {
  const step = state.step + 1;
  if (update === null || outcome.batch === null) return { ...state, step, algorithm };
  const { policy, optimizer } = update;
  if (optimizer !== null) return { ...state, step, algorithm, policy, checkpoint: { step, policy, optimizer }, redo: [] };
  return { ...state, step, algorithm, policy, redo: [...state.redo, { step: state.step, batch: outcome.batch, policy }] };
}
