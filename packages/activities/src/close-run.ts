import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportModel } from '@evenkeel/policy';
import { encodeMetrics, type MetricsRow } from '@evenkeel/store';
import type { ActivityContext } from './context.ts';
import { runFolder, stepRecordName, writeRunFile, writeRunRecord } from './run-folder.ts';
import { recordedSteps } from './state-record.ts';
import type { ControlActivities, StepTable } from './types.ts';

/** A step's table as rows of the `metrics` table: one per task. */
function metricsRows({ step, tasks }: StepTable): MetricsRow[] {
  return tasks.map(({ task, accuracy, reward, weight, filterRate, kept, drawn, improvement }) => ({
    ...{ step, task, accuracy, reward, weight, filterRate, kept, drawn, improvement },
  }));
}

/**
 * The trained policy as a model directory beside the run's records, all steps' metrics as one Arrow file (for pandas, polars or
 * DuckDB), and the weights' hash.
 */
export function closeRun(context: ActivityContext): ControlActivities['closeRun'] {
  return async ({ run, state }) => {
    const folder = runFolder(context.home, run);
    const path = join(folder, 'policy');
    const sha256 = await exportModel(context.store, state.policy, path);
    const rows: MetricsRow[] = [];
    // A branch has no steps of its own before the state that it began with.
    const first = ((await recordedSteps(context.home, run))[0] ?? 0) + 1;
    for (let step = first; step <= state.step; step++) {
      const text = await readFile(join(folder, stepRecordName(step)), 'utf8').catch(() => null);
      if (text === null) context.logger.warn(`Left step ${step} of ${run} out of metrics.arrow: its record is gone`);
      else rows.push(...metricsRows(JSON.parse(text) as StepTable));
    }
    await writeRunFile(context.home, run, 'metrics.arrow', encodeMetrics(rows));
    const result = { step: state.step, sha256, path: 'policy', policy: state.policy };
    await writeRunRecord(context.home, run, 'result.json', result);
    return { path, sha256 };
  };
}
