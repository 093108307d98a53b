/**
 * `evenkeel backup`: a copy of a home from which its runs go on anywhere, taken at rest or while it works. What names is copied before what
 * is named: the histories first, then the runs' records, the commits, and the artefacts last, so that whatever the copy names is in it.
 */
import { constants } from 'node:fs';
import { copyFile, lstat, open, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { copyDatabase } from '@evenkeel/infra';
import { ensureFolder, storeErrorFrom, syncFolder } from '@evenkeel/store';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { bytesText } from '../view/bytes-text.ts';
import { requireStore } from './gc.ts';

/** Made again by the next start, or of no use elsewhere. */
const LEFT_OUT = new Set([
  'supervisor.lock',
  'processes.json',
  'endpoints.json',
  'workers',
  'temporal',
  'cache',
  'logs',
  'tools',
  'store',
]);

/** Of the store, in this order; `attempts/`, `temporary/` and `damaged/` mean nothing elsewhere. */
const STORE_PARTS = ['journal', 'commits', 'objects'] as const;

/** What is never changed once it is there: a copy of the same size is the same. */
const UNCHANGING = /^store\/(commits|objects)\//;

export const backupCommand: Command = {
  name: 'backup',
  summary: 'copy a home, at rest or at work, so that its runs go on from the copy anywhere',
  usage: 'DIR',
  flags: {},
  help: `
Again into the same DIR copies only what is new. The copy is a home: a run goes on from it on any machine of the same kind with
evenkeel train --run NAME --home DIR, from where the copy was taken; what was committed by then is not done again. The server's program, logs
and caches are left out. Do not let gc run meanwhile. The original and the copy are two homes from then on: a run that goes on in both is
the same run twice.

Examples:
  evenkeel backup /mnt/backup/home
  evenkeel train --run first-run --home /mnt/backup/home`,
  async run({ positionals, home, json, print, printJson }) {
    const target = resolve(
      positional(positionals, { least: 1, most: 1 }, 'the folder to copy to: evenkeel backup DIR')[0]!,
    );
    requireStore(home);
    if (target === home || target.startsWith(home + sep)) {
      throw new ConfigError(`Cannot copy ${home} to ${target}: it lies within the home, expected a folder elsewhere`);
    }
    try {
      await ensureFolder(join(target, 'temporal'));
      const withHistories = copyDatabase(home, join(target, 'temporal', 'temporal.db'));
      if (withHistories) await syncFile(join(target, 'temporal', 'temporal.db'));
      let [files, bytes] = [0, 0];
      const others = (await readdir(home)).filter((name) => !LEFT_OUT.has(name) && !name.startsWith('.')).sort();
      for (const part of [...others, ...STORE_PARTS.map((name) => join('store', name))]) {
        for await (const path of filesBelow(join(home, part))) {
          const copied = await copyOne(path, join(target, relative(home, path)), UNCHANGING.test(relative(home, path)));
          if (copied === 0) continue;
          files++;
          bytes += copied;
        }
      }
      if (json) printJson({ kind: 'backup', home, target, files, bytes, histories: withHistories });
      else print(`Copied ${files} new or changed files (${bytesText(bytes)}) to ${target}`);
      return exitCodes.done;
    } catch (thrown) {
      throw storeErrorFrom(`copy ${home}`, target, thrown);
    }
  },
};

async function* filesBelow(path: string): AsyncGenerator<string> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  // A link to a package elsewhere stays one: where it leads nowhere, a run has the package's code in its store.
  if (found.isFile() || found.isSymbolicLink()) yield path;
  if (!found.isDirectory()) return;
  for (const name of (await readdir(path)).sort()) {
    // Drafts, which are about to be renamed or removed.
    if (!name.startsWith('.') && !/^\d+-[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name)) yield* filesBelow(join(path, name));
  }
}

/** Copies one file, synced and renamed into its place; returns its bytes, 0 where there was nothing to be done. */
async function copyOne(from: string, to: string, isUnchanging: boolean): Promise<number> {
  const [source, there] = await Promise.all([lstat(from).catch(() => null), stat(to).catch(() => null)]);
  if (source === null || (isUnchanging && there?.size === source.size)) return 0;
  await ensureFolder(dirname(to));
  const draft = join(dirname(to), `.${process.pid}.draft`);
  try {
    if (source.isSymbolicLink()) await symlink(await readlink(from), draft);
    else {
      await copyFile(from, draft, constants.COPYFILE_FICLONE);
      await syncFile(draft);
    }
    await rename(draft, to);
  } catch (thrown) {
    await rm(draft, { force: true });
    // Taken away since it was seen: a record that was replaced, or an artefact that no run needs any more.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw thrown;
  }
  await syncFolder(dirname(to));
  return source.size;
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
