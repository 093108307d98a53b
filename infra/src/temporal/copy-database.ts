import { existsSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AS_THE_SERVER, databaseFile } from './database-file.ts';

/**
 * Copies the server's file as it is at one moment, also while the server writes to it; over a copy that is there.
 *
 * @returns whether there was one
 */
export function copyDatabase(home: string, target: string): boolean {
  const file = databaseFile(home);
  if (!existsSync(file)) return false;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(target + suffix, { force: true });
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000, ...AS_THE_SERVER });
  try {
    database.prepare('VACUUM INTO ?').run(target);
  } finally {
    database.close();
  }
  return true;
}
