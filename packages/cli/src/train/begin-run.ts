/** What is asked of a run when `train` begins or goes on with it: started from where it belongs, changed, resumed or ended. */
import { readStateRecord, recordedSteps } from '@evenkeel/activities';
import { type ArtefactRef, ConfigError } from '@evenkeel/core';
import type { RunSettings } from '@evenkeel/protocol';
import { readResult } from '../run-records.ts';
import { recordEngineChange } from './claim-engine.ts';
import { clearPauseReason } from './pause-reason.ts';
import type { RunClient, StartOptions } from './run-client.ts';
import type { RunRecord } from './run-record.ts';

export interface BeginOptions {
  readonly home: string;
  readonly record: RunRecord;
  /** Its configuration, in the store. */
  readonly config: ArtefactRef;
  readonly client: RunClient;
  /** It was there before this command. */
  readonly goesOn: boolean;
  /** Settings to change before it goes on; null where there are none. */
  readonly settings: RunSettings | null;
  /** End it where it stands. */
  readonly stop: boolean;
}

/**
 * Starts a run or goes on with it.
 *
 * @throws {ConfigError} `branch-origin-gone`; and where the run refuses its new settings
 */
export async function beginRun(options: BeginOptions): Promise<void> {
  const { home, record, client, goesOn, settings, stop } = options;
  const { run } = record;
  const branch = await branchStart(options);
  if (branch !== null) await pauseOrigin(home, branch.of, client);
  await client.start({
    ...{ run, config: options.config, method: record.config.method.name },
    ...(record.scheduled === undefined ? {} : { scheduled: record.scheduled }),
    ...(branch === null ? {} : { branch }),
  });
  await recordEngineChange(home, record, client);
  if (settings !== null) await client.change(run, { kind: 'set', settings });
  if (stop) await client.update(run, 'stop');
  else if (goesOn) await client.update(run, 'resume').catch(() => undefined);
  await clearPauseReason(home, run);
}

/** Where a branch begins; null for a run that is none, or that has states of its own to go on from. */
async function branchStart({
  home,
  record,
  config,
}: BeginOptions): Promise<NonNullable<StartOptions['branch']> | null> {
  const { run, branch } = record;
  if (branch === undefined || (await recordedSteps(home, run)).length > 0) return null;
  const origin = await readStateRecord(home, branch.of, branch.step);
  if (origin === null) {
    throw new ConfigError(
      `Cannot begin branch "${run}": the state of run "${branch.of}" after step ${branch.step} is not kept any more, expected it in ${home}: restore it from a backup, or roll back to another step`,
      { code: 'branch-origin-gone' },
    );
  }
  return { ...branch, config, state: origin.state };
}

/** Of the two only the branch is to go on by itself: asked once, when it begins. */
async function pauseOrigin(home: string, origin: string, client: RunClient): Promise<void> {
  if ((await readResult(home, origin)) !== null) return;
  // A run whose history is gone does nothing that could be paused.
  await client.update(origin, 'pause').catch(() => undefined);
}
