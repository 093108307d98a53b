/**
 * What a person finds of a run in `<home>/runs/<run>`: small JSON records, one file each, written whole or not at all, the same
 * when they are written again. The truth lies in the store and in the workflow's history; these are for reading.
 */
import { dirname, join } from 'node:path';
import { ensureFolder, replaceFile, storeErrorFrom } from '@evenkeel/store';

export function runFolder(home: string, run: string): string {
  return join(home, 'runs', run);
}

/** The file of a step's table, within the run's folder. */
export function stepRecordName(step: number): string {
  return `steps/${String(step).padStart(6, '0')}.json`;
}

/**
 * Writes one file by a temporary one and a rename. Synced, as its folder is: after a power cut it is there, whole.
 *
 * @throws {StoreError} `disk-full` (retryable), `read-only`, `store-io`
 */
export async function writeRunFile(
  home: string,
  run: string,
  name: string,
  content: Uint8Array | string,
): Promise<string> {
  const path = join(runFolder(home, run), name);
  try {
    await ensureFolder(dirname(path));
    await replaceFile(path, Buffer.from(content), dirname(path));
  } catch (thrown) {
    throw storeErrorFrom("write a run's record", path, thrown);
  }
  return path;
}

/** Writes one record as JSON. */
export async function writeRunRecord(home: string, run: string, name: string, value: unknown): Promise<string> {
  return await writeRunFile(home, run, name, `${JSON.stringify(value, null, 2)}\n`);
}
