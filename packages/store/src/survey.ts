/** What lies in a store, for whoever tidies or measures it: looking makes nothing young, and what cannot be read stops nothing. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from './errors.ts';
import { type FolderStore, parseCommit } from './folder-store.ts';
import type { Commit } from './store.ts';

/** A commit with its age. */
export interface AgedCommit extends Commit {
  /** When it was written: milliseconds since 1970. */
  readonly at: number;
  /** Bytes of its record. */
  readonly bytes: number;
}

/** An artefact with its age. */
export interface AgedArtefact {
  readonly sha256: string;
  readonly path: string;
  /** When it was last used: milliseconds since 1970. */
  readonly at: number;
  readonly bytes: number;
}

/** A file of the commit index; `commit` is null where the record cannot be read. */
export interface CommitFile {
  readonly path: string;
  readonly commit: AgedCommit | null;
}

/** Every file of the commit index. What goes in the meantime is left out. */
export async function* commitFiles({ folder }: FolderStore): AsyncGenerator<CommitFile> {
  const root = join(folder, 'commits');
  for (const run of await namesIn(root)) {
    for (const step of await namesIn(join(root, run))) {
      for (const name of await namesIn(join(root, run, step))) {
        const path = join(root, run, step, name);
        const [text, found] = await Promise.all([readFile(path, 'utf8').catch(absentIsNull), fileAt(path)]);
        if (text === null || found === null) continue;
        const commit = parseCommit(text);
        yield { path, commit: commit === null ? null : { ...commit, ...found } };
      }
    }
  }
}

/** Every artefact. */
export async function* artefactFiles({ folder }: FolderStore): AsyncGenerator<AgedArtefact> {
  const objects = join(folder, 'objects');
  for (const first of await namesIn(objects)) {
    for (const rest of await namesIn(join(objects, first))) {
      const sha256 = `${first}${rest}`;
      if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
      const path = join(objects, first, rest);
      const found = await fileAt(path);
      if (found !== null) yield { sha256, path, ...found };
    }
  }
}

/** When the file was last used, and its bytes; null where there is none. */
export async function fileAt(path: string): Promise<{ readonly at: number; readonly bytes: number } | null> {
  const found = await stat(path).catch(absentIsNull);
  return found === null ? null : { at: found.mtimeMs, bytes: found.size };
}

/** For `catch`: nothing there is no failure. */
export function absentIsNull(thrown: unknown): null {
  const code = systemCode(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw thrown;
}

/** The names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(absentIsNull)) ?? [];
}
