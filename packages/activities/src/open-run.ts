import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { importModel } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import { initialAlgorithmState, loadRun } from './algorithm-state.ts';
import { readChanges } from './change-record.ts';
import { afterChanges } from './check-change.ts';
import { configuredRun } from './configured-run.ts';
import type { ActivityContext } from './context.ts';
import { runFolder, stepRecordName, writeRunRecord } from './run-folder.ts';
import { newestWholeState, proveState, stateRecordName } from './state-record.ts';
import type { ControlActivities, Evaluation, QueuedChange, RunState, StateRecord, StepTable } from './types.ts';

type OpenRunInput = Parameters<ControlActivities['openRun']>[0];

async function readJson<T>(folder: string, name: string): Promise<T | null> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as T);
}

/** The first evaluation of a run and the last until a step. */
async function evaluationsUntil(folder: string, step: number): Promise<Evaluation[]> {
  const names = await readdir(join(folder, 'evaluations')).catch(() => []);
  const until = names.filter((name) => /^\d+\.json$/.test(name) && Number.parseInt(name, 10) <= step).sort();
  const both = until.length > 1 ? [until[0]!, until.at(-1)!] : until;
  const found = await Promise.all(both.map((name) => readJson<Evaluation>(folder, `evaluations/${name}`)));
  return found.filter((evaluation) => evaluation !== null);
}

/** What a run begins with: the base policy taken into the store, the method's parts at their start. */
async function firstState(
  context: ActivityContext,
  config: RunConfig,
  modelFolder: (model: string) => string,
): Promise<RunState> {
  const base = await importModel(context.store, modelFolder(config.model));
  const algorithm = await context.store.putJson('algorithm-state', initialAlgorithmState(config));
  return { step: 0, base, policy: base, algorithm, checkpoint: null, redo: [] };
}

/**
 * Where a run begins, or goes on: from the newest state of its own whose artefacts are all there; else from the state that it branches
 * off from; else from the base. Changes that took effect after that state are queued to be made again at their steps, and after them
 * those that the run was started with.
 *
 * @throws {ConfigError} where a scheduled change could not be made; `changes-damaged`
 */
export function openRun(
  context: ActivityContext,
  modelFolder: (model: string) => string,
): ControlActivities['openRun'] {
  return async (input) => {
    const { run } = input;
    const folder = runFolder(context.home, run);
    const found = await newestWholeState(context, run);
    const start = found ?? (await beginning(context, input, modelFolder));
    const { config } = await loadRun(context, start.config);
    const { step } = start.state;
    const recorded = await readChanges(context.home, run);
    const until = recorded.filter((change) => change.step < step).length;
    const scheduled = input.scheduled ?? [];
    const taken = recorded.filter((change) => change.scheduled === true).length;
    const queue: QueuedChange[] = [
      ...recorded.slice(until).map((record) => ({
        ...{ step: record.step, change: record.change, again: true as const },
        ...(record.scheduled === undefined ? {} : { scheduled: record.scheduled }),
      })),
      ...scheduled.slice(taken).map((entry) => ({ ...entry, scheduled: true as const })),
    ];
    afterChanges(config, run, queue);
    if (found === null) await writeRunRecord(context.home, run, stateRecordName(step), start);
    else context.logger.info(`Run ${run} goes on from its state after step ${step}`);
    return {
      ...configuredRun(config, start.state),
      config: start.config,
      changes: until,
      queue,
      evaluations: await evaluationsUntil(folder, step),
      table: step === 0 ? null : await readJson<StepTable>(folder, stepRecordName(step)),
    };
  };
}

async function beginning(
  context: ActivityContext,
  { config: configRef, branch }: OpenRunInput,
  modelFolder: (model: string) => string,
): Promise<StateRecord> {
  if (branch !== undefined) {
    const { step, config, state } = branch;
    await proveState(context, branch);
    return { version: 1, step, config, state };
  }
  const { config } = await loadRun(context, configRef);
  return { version: 1, step: 0, config: configRef, state: await firstState(context, config, modelFolder) };
}
