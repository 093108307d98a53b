import { join } from 'node:path';
import { exportModel } from '@evenkeel/policy';
import type { ActivityContext } from './context.ts';
import { runFolder, writeRunRecord } from './run-folder.ts';
import type { ControlActivities } from './types.ts';

/** The trained policy as a model directory beside the run's records, and its weights' hash. */
export function closeRun(context: ActivityContext): ControlActivities['closeRun'] {
  return async ({ run, state }) => {
    const path = join(runFolder(context.home, run), 'policy');
    const sha256 = await exportModel(context.store, state.policy, path);
    await writeRunRecord(context.home, run, 'result.json', { step: state.step, sha256, path: 'policy', policy: state.policy });
    return { path, sha256 };
  };
}
