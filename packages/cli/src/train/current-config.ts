import { ConfigError, EvenkeelError } from '@evenkeel/core';
import { parseRunConfig, type RunConfig } from '@evenkeel/protocol';
import type { ArtefactStore } from '@evenkeel/store';
import { z } from 'zod';
import { lastState } from '../run-records.ts';
import type { RunRecord } from './run-record.ts';

/**
 * A run's configuration as it is now: what it was started with, and every change that took effect since. Between two steps only:
 * a change that waits for the step under way is not in it.
 *
 * @throws {ConfigError} `config-lost` where the store no longer has it
 */
export async function currentConfig(home: string, record: RunRecord, store: ArtefactStore): Promise<RunConfig> {
  const state = await lastState(home, record.run);
  if (state === null) return record.config;
  try {
    return parseRunConfig(await store.getJson(state.config, z.unknown()));
  } catch (cause) {
    if (!(cause instanceof EvenkeelError)) throw cause;
    throw new ConfigError(
      `Cannot read the configuration of run "${record.run}" after step ${state.step}: ${cause.message}; expected it in the store: restore it from a backup, or roll back to a step that is whole`,
      { code: 'config-lost', cause },
    );
  }
}
