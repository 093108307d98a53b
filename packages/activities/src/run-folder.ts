/**
 * What a person finds of a run in `<home>/runs/<run>`: small JSON records, one file each, written whole or not at all, the same
 * when they are written again. The truth lies in the store and in the workflow's history; these are for reading.
 */
import { dirname, join } from 'node:path';
import { replaceFile, storeErrorFrom } from '@evenkeel/store';
import { makeFolders } from '@evenkeel/store/make-folders';

export function runFolder(home: string, run: string): string {
  return join(home, 'runs', run);
}

/** The file of a step's table, within the run's folder. */
export function stepRecordName(step: number): string {
  return `steps/${String(step).padStart(6, '0')}.json`;
}

/**
 * Writes one file by a temporary one and a rename.
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
    makeFolders(dirname(path));
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
