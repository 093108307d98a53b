/** The engine in a run's record: compared before anything of the run is started, and kept up where it changes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder, writeRunRecord } from '@evenkeel/activities';
import type { RunConfig } from '@evenkeel/protocol';
import { decideEngine, type EngineDecision, engineChange, engineNow, engineText } from './engine.ts';
import type { RunClient } from './run-client.ts';
import { findRunRecord, type RunRecord, readRunRecord } from './run-record.ts';

/**
 * Takes the present engine for a run, or refuses to. A run that has ended is left as it is: nothing of it is computed any more.
 *
 * @param accept whether another engine than the run began under is accepted
 * @throws {ConfigError} `engine-differs`
 */
export async function claimEngine(
  home: string,
  { run, threads, device }: Pick<RunConfig, 'run' | 'threads' | 'device'>,
  accept: boolean,
): Promise<EngineDecision | null> {
  if (existsSync(join(runFolder(home, run), 'result.json'))) return null;
  const { engineBefore: pending, ...record } = await readRunRecord(home, run);
  const origin = record.branch === undefined ? undefined : (await findRunRecord(home, record.branch.of))?.engine;
  const now = engineNow({ threads, device });
  const decision = await decideEngine({ home, record: { ...record, engineBefore: pending }, origin, accept, now });
  const { engine, before } = decision;
  const unchanged = engineText(engine) === (record.engine && engineText(record.engine));
  if (unchanged && before === (pending ?? null)) return decision;
  await writeRunRecord(home, run, 'run.json', {
    ...{ ...record, engine },
    ...(before === null ? {} : { engineBefore: before }),
  });
  return decision;
}

/**
 * Tells the run of the engine that it goes on under, where that is not recorded yet: between two steps, and so before it is resumed.
 * A kill in between costs nothing, the next start tells it again.
 */
export async function recordEngineChange(
  home: string,
  { run, engine, engineBefore }: RunRecord,
  client: Pick<RunClient, 'change'>,
): Promise<void> {
  if (engine === undefined || engineBefore === undefined) return;
  await client.change(run, engineChange(engineBefore, engine));
  const { engineBefore: _, ...record } = await readRunRecord(home, run);
  await writeRunRecord(home, run, 'run.json', record);
}
