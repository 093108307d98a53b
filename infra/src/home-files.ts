/**
 * Writing below a home: atomically, and with an error that says what to do where the disk refuses. It does not know what is
 * written.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolders } from '@evenkeel/store/make-folders';
import { InfraError } from './infra-error.ts';

const WISHES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full, expected free space: free some, or choose another folder with --home',
  EDQUOT: 'the disk quota is used up, expected free space: free some, or choose another folder with --home',
  EROFS: 'the file system is read-only, expected a writable one: choose another folder with --home',
  EACCES: 'permission is denied, expected write access: change its owner, or choose another folder with --home',
  EPERM: 'permission is denied, expected write access: change its owner, or choose another folder with --home',
  ENOTDIR: 'a file stands in the way, expected a folder: choose another folder with --home',
  EEXIST: 'a file stands in the way, expected a folder: choose another folder with --home',
};

/** The failure of a write below a home as an error that says what to do. */
export function homeError(path: string, cause: unknown): InfraError {
  const system = (cause as NodeJS.ErrnoException)?.code ?? '';
  const state =
    WISHES[system] ?? `${cause instanceof Error ? cause.message : String(cause)}, expected a writable folder`;
  const isFull = system === 'ENOSPC' || system === 'EDQUOT';
  const code = isFull ? 'disk-full' : 'home-unwritable';
  return new InfraError(`Cannot write ${path}: ${state}`, { code, retryable: isFull, cause });
}

/** A small file that follows something in memory. */
export interface FollowingFile {
  /** Writes what it is now; where the disk is full, as soon as it no longer is. */
  update(): void;
  /** No write comes after this. */
  close(): void;
}

const AGAIN_MS = 200;

/**
 * A file that others read, written whole at each change. A full disk must not end the process whose memory it follows: the latest content
 * is written once there is room.
 *
 * @throws {InfraError} `disk-full`, `home-unwritable` where its first write fails
 */
export function followingFile(path: string, content: () => string, mode?: number): FollowingFile {
  let again: NodeJS.Timeout | undefined;
  let isClosed = false;
  writeAtomically(path, content(), mode);
  function update(): void {
    clearTimeout(again);
    if (isClosed) return;
    try {
      writeAtomically(path, content(), mode);
    } catch (error) {
      if ((error as InfraError).code !== 'disk-full') throw error;
      again = setTimeout(update, AGAIN_MS).unref();
    }
  }
  return {
    update,
    close() {
      isClosed = true;
      clearTimeout(again);
    },
  };
}

/** Makes a folder with its parents. */
export function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (cause) {
    throw homeError(path, cause);
  }
}

/** A whole new content or the old one, never a part: written beside, flushed, renamed. */
export function writeAtomically(path: string, content: string, mode = 0o644): void {
  const draft = join(dirname(path), `.${process.pid}-${(drafts++).toString(36)}.tmp`);
  try {
    const file = openSync(draft, 'w', mode);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw homeError(path, cause);
  }
}

let drafts = 0;

/** The file's text, or null where it does not exist. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}

/** JSON of a file that this package wrote, or null where it is missing or cut off. */
export function readJson(path: string): unknown {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
