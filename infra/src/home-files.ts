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
  const code = (cause as NodeJS.ErrnoException)?.code ?? '';
  const state = WISHES[code] ?? `${cause instanceof Error ? cause.message : String(cause)}, expected a writable folder`;
  return new InfraError(`Cannot write ${path}: ${state}`, { code: 'home-unwritable', cause });
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
