/** The engine in a run's record: compared before anything of the run is started, and kept up where it changes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder, writeRunRecord } from '@evenkeel/activities';
import { decideEngine, type EngineDecision, engineText } from './engine.ts';
import { findRunRecord, readRunRecord } from './run-record.ts';

/**
 * Takes the present engine for a run, or refuses to. A run that has ended is left as it is: nothing of it is computed any more.
 *
 * @param accept whether another engine than the run began under is accepted
 * @throws {ConfigError} `engine-differs`
 */
export async function claimEngine(home: string, run: string, accept: boolean): Promise<EngineDecision | null> {
  if (existsSync(join(runFolder(home, run), 'result.json'))) return null;
  const { engineBefore: pending, ...record } = await readRunRecord(home, run);
  const origin = record.branch === undefined ? undefined : (await findRunRecord(home, record.branch.of))?.engine;
  const decision = await decideEngine({ home, record: { ...record, engineBefore: pending }, origin, accept });
  const { engine, before } = decision;
  const unchanged = engineText(engine) === (record.engine && engineText(record.engine));
  if (unchanged && before === (pending ?? null)) return decision;
  await writeRunRecord(home, run, 'run.json', {
    ...{ ...record, engine },
    ...(before === null ? {} : { engineBefore: before }),
  });
  return decision;
}

/** The change of engine stands in the run's record of changes now. */
export async function engineChangeRecorded(home: string, run: string): Promise<void> {
  const { engineBefore: _, ...record } = await readRunRecord(home, run);
  await writeRunRecord(home, run, 'run.json', record);
}
