/** Logs of processes that live for weeks: the end of a long one is kept, the rest set aside as `.1`, over what was there. */
import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/** As `infra` sets a log aside when a process starts. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/**
 * Shortens the home's logs above 16 MB. Their processes write on at the end: they append. Lines that come between the copy and the cut
 * are lost.
 *
 * @returns the bytes that were freed
 */
export async function tidyLogs(home: string): Promise<number> {
  const folder = join(home, 'logs');
  let freed = 0;
  for (const name of (await readdir(folder).catch(() => null)) ?? []) {
    const path = join(folder, name);
    const bytes = (await stat(path).catch(() => null))?.size ?? 0;
    if (!name.endsWith('.log') || bytes <= LARGEST_BYTES) continue;
    freed += (await stat(`${path}.1`).catch(() => null))?.size ?? 0;
    await copyFile(path, `${path}.1`);
    await truncate(path);
  }
  return freed;
}
