/**
 * What a person finds of a run in `<home>/runs/<run>`: small JSON records, one file each, written whole or not at all, the same
 * when they are written again. The truth lies in the store and in the workflow's history; these are for reading.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export function runFolder(home: string, run: string): string {
  return join(home, 'runs', run);
}

/** Writes one record by a temporary file and a rename. */
export async function writeRunRecord(home: string, run: string, name: string, value: unknown): Promise<string> {
  const path = join(runFolder(home, run), name);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return path;
}
