import { readChanges } from '@evenkeel/activities';
import { changedConfig, type RunConfig } from '@evenkeel/protocol';
import type { RunRecord } from './run-record.ts';

/**
 * A run's configuration as it is now: what it began with, and every change that took effect since. A change that waits for the step
 * under way is not in it.
 *
 * @throws {ConfigError} `changes-damaged` where one of its changes cannot be read
 */
export async function currentConfig(home: string, { run, config }: RunRecord): Promise<RunConfig> {
  const changes = await readChanges(home, run);
  return changes.reduce((before, { step, change }) => changedConfig(before, change, { run, step }), config);
}
