/**
 * `runs/<run>/states`: where the run stood after each step, so that it goes on from there when its history is lost, when it is started
 * again after it failed, or under another name as a branch. A record names artefacts; whether they are all there, reading them says.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtefactRef, EvenkeelError } from '@evenkeel/core';
import { loadArchitecture } from '@evenkeel/policy';
import { artefactRefSchema, redoEntrySchema } from '@evenkeel/protocol';
import { z } from 'zod';
import { loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { runFolder } from './run-folder.ts';
import type { StateRecord } from './types.ts';

const step = z.number().int().nonnegative();

const stateRecordSchema = z.strictObject({
  version: z.literal(1),
  step,
  config: artefactRefSchema,
  state: z.strictObject({
    step,
    base: artefactRefSchema,
    policy: artefactRefSchema,
    algorithm: artefactRefSchema,
    checkpoint: z.strictObject({ step, policy: artefactRefSchema, optimizer: artefactRefSchema }).nullable(),
    redo: z.array(redoEntrySchema),
  }),
});

/** The file of the state after a step, within the run's folder. */
export function stateRecordName(step: number): string {
  return `states/${String(step).padStart(6, '0')}.json`;
}

/** The steps of which a run has a state record, in their order. */
export async function recordedSteps(home: string, run: string): Promise<number[]> {
  const names = await readdir(join(runFolder(home, run), 'states')).catch(() => []);
  return names
    .filter((name) => /^\d{6,}\.json$/.test(name))
    .map((name) => Number(name.slice(0, -'.json'.length)))
    .sort((a, b) => a - b);
}

/** The state after a step; null where there is no record of it, or none that can be read. */
export async function readStateRecord(home: string, run: string, step: number): Promise<StateRecord | null> {
  try {
    const text = await readFile(join(runFolder(home, run), stateRecordName(step)), 'utf8');
    const parsed = stateRecordSchema.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.step === step && parsed.data.state.step === step ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Every artefact without which a run cannot go on from this state, but for those that its configuration names. */
export function artefactsOf({ config, state }: Pick<StateRecord, 'config' | 'state'>): ArtefactRef[] {
  const { base, policy, algorithm, checkpoint, redo } = state;
  return [
    ...[config, base, policy, algorithm],
    ...(checkpoint === null ? [] : [checkpoint.policy, checkpoint.optimizer]),
    ...redo.map(({ batch }) => batch),
  ];
}

/**
 * Reads everything that a run needs to go on from this state.
 *
 * @throws {StoreError} `artefact-missing`, `artefact-corrupt`, naming what is not there
 */
export async function proveState(
  context: Pick<ActivityContext, 'store'>,
  record: Pick<StateRecord, 'config' | 'state'>,
): Promise<void> {
  const { store } = context;
  for (const ref of new Map(artefactsOf(record).map((ref) => [ref.sha256, ref])).values()) await store.get(ref);
  await loadArchitecture(store, record.state.policy);
  const { config } = await loadRun(context, record.config);
  for (const set of Object.values(config.inputs.prompts ?? {})) await store.get(set);
}

/** The newest state from which the run can go on; null where there is none. @throws {StoreError} where the disk fails */
export async function newestWholeState(context: ActivityContext, run: string): Promise<StateRecord | null> {
  for (const step of (await recordedSteps(context.home, run)).reverse()) {
    const record = await readStateRecord(context.home, run, step);
    if (record === null) {
      context.logger.warn(`Passed over the state of ${run} after step ${step}: its record cannot be read`);
      continue;
    }
    try {
      await proveState(context, record);
      return record;
    } catch (thrown) {
      if (!(thrown instanceof EvenkeelError) || thrown.retryable) throw thrown;
      context.logger.warn(`Passed over the state of ${run} after step ${step}: ${thrown.message}`);
    }
  }
  return null;
}
