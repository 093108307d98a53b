/**
 * Writing files so that a kill at any moment leaves either nothing or the whole file: temporary file, fsync, then rename
 * or link, then fsync of the folder.
 */
import { randomUUID } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Content, writeContent } from './content.ts';
import { systemCode } from './errors.ts';
import { makeFolders } from './make-folders.ts';

/** Makes a folder's entries durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Folders whose own entries this process has synced already. */
const durable = new Set<string>();

/**
 * Makes the folder and those above it, durably. A folder that is there already may have been made by a process that was killed, or has
 * not come to its sync yet: the first time, two folders above it are synced as well.
 */
export async function ensureFolder(folder: string): Promise<void> {
  const made = makeFolders(folder);
  for (const path of made) await syncFolder(dirname(path));
  if (durable.has(folder)) return;
  for (const path of [dirname(folder), dirname(dirname(folder))]) await syncFolder(path).catch(() => {});
  durable.add(folder);
}

/** Writes and syncs a new file of a random name; removes it again where that fails. Returns its path. */
async function writeTemporary(folder: string, content: Content): Promise<string> {
  const path = join(folder, `${process.pid}-${randomUUID()}`);
  try {
    const handle = await open(path, 'wx');
    try {
      await writeContent(handle, content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    await rm(path, { force: true }).catch(() => {});
    throw thrown;
  }
  return path;
}

/** Puts the bytes at the path, over what may be there. Both folders exist and lie on one file system. */
export async function replaceFile(path: string, content: Content, temporaryFolder: string): Promise<void> {
  const temporary = await writeTemporary(temporaryFolder, content);
  try {
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {});
    throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Puts the bytes at the path only where nothing is there yet. Returns whether it did. Exclusive between processes. */
export async function createFile(path: string, bytes: Uint8Array, temporaryFolder: string): Promise<boolean> {
  const temporary = await writeTemporary(temporaryFolder, bytes);
  let created = true;
  try {
    await link(temporary, path);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw thrown;
    created = false;
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
  // Also for the loser: the winner may not have come to its own sync, and what we return must not be lost after.
  await syncFolder(dirname(path));
  return created;
}
