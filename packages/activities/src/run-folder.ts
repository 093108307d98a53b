/**
 * What a person finds of a run in `<home>/runs/<run>`: small JSON records, one file each, written whole or not at all, the same
 * when they are written again. The truth lies in the store and in the workflow's history; these are for reading.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export function runFolder(home: string, run: string): string {
  return join(home, 'runs', run);
}

/** The file of a step's table, within the run's folder. */
export function stepRecordName(step: number): string {
  return `steps/${String(step).padStart(6, '0')}.json`;
}

/** Writes one file by a temporary one and a rename. */
export async function writeRunFile(
  home: string,
  run: string,
  name: string,
  content: Uint8Array | string,
): Promise<string> {
  const path = join(runFolder(home, run), name);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return path;
}

/** Writes one record as JSON. */
export async function writeRunRecord(home: string, run: string, name: string, value: unknown): Promise<string> {
  return await writeRunFile(home, run, name, `${JSON.stringify(value, null, 2)}\n`);
}
