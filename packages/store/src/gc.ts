/**
 * A sweep over one store: commits that are no longer wanted go, then the artefacts that nobody names any more. What is wanted, the caller
 * says; what an artefact or a key means is not known here.
 *
 * Safe beside living processes, without a lock: an artefact that was used since the sweep's cutoff stays, whatever is said of it
 * (folder-store.ts refreshes its age at each use). It is first moved aside, looked at again, and only then deleted: a use before the move
 * is seen in its age, a use after the move takes it back.
 *
 * Safe at any kill, of processes and of the machine: a commit goes before its artefacts, and its going is on the disk before the first of
 * them is touched. So whatever commit is there is whole; what is left aside is put back or deleted by the next sweep.
 */
import { link, mkdir, rename, rmdir, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './durable-file.ts';
import { storeErrorFrom, systemCode } from './errors.ts';
import type { FolderStore } from './folder-store.ts';
import type { Commit } from './store.ts';
import {
  type AgedCommit,
  absentIsNull,
  artefactFiles,
  type CommitFile,
  commitFiles,
  fileAt,
  namesIn,
} from './survey.ts';

/**
 * What becomes of a commit: it stays, with what it names; it goes; or it stays as long as all that it names stays for other reasons.
 */
export type CommitFate = 'keep' | 'drop' | 'follow';

/** The moments of a sweep at which a test may kill it. */
export const sweepMoments = [
  'commit-dropped',
  'commits-dropped',
  'marked',
  'moved-aside',
  'looked-again',
  'deleted',
  'journal-dropped',
] as const;
export type SweepMoment = (typeof sweepMoments)[number];

export interface SweepOptions {
  /** The fate of each commit; asked once. */
  readonly fates: (commits: readonly AgedCommit[]) => readonly CommitFate[];
  /**
   * Hashes of the artefacts that stay, beside those that kept commits name. Asked before commits go, and again after, so that whatever
   * names an artefact by then is heard.
   */
  readonly marked: () => Promise<ReadonlySet<string>>;
  /** Whether what was last used at this moment stays for that alone. */
  readonly staysByAge: (usedAt: number) => boolean;
  /** Only these artefacts may go; default: any. */
  readonly only?: (commits: readonly Commit[]) => ReadonlySet<string>;
  /** Nothing is changed: what would go is told. */
  readonly dryRun?: boolean;
  /** Stops between two files; what was deleted until then is told. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (looked: number) => void;
  /** For tests; the sweep waits for what it gives. */
  readonly at?: (moment: SweepMoment) => void | Promise<void>;
}

/** Files and their bytes. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

export interface SweepReport {
  /** By key. */
  readonly dropped: readonly Commit[];
  readonly commits: Amount;
  /** Each artefact that went. */
  readonly artefacts: readonly { readonly sha256: string; readonly bytes: number }[];
  readonly journal: Amount;
  /** Artefacts that stay. */
  readonly left: Amount;
  /** Commits that stay. */
  readonly kept: readonly Commit[];
  /** Files of commits that cannot be read, and were let alone. */
  readonly damaged: readonly string[];
}

/** The journal of processes that have ended is bounded: what is oldest goes. */
const JOURNAL_BYTES = 64 * 1024 * 1024;
const PROGRESS_EVERY = 1_000;

type ListedFile = CommitFile & { readonly commit: AgedCommit };

/**
 * Sweeps the store once.
 *
 * @throws {StoreError} where the disk refuses
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { openFolderStore, sweepStore } from '@evenkeel/store';
 *
 * const store = await openFolderStore(await mkdtemp(join(tmpdir(), 'store-')));
 * const wanted = await store.put('text', new TextEncoder().encode('wanted'));
 * const unwanted = await store.put('text', new TextEncoder().encode('unwanted'));
 * const { artefacts } = await sweepStore(store, {
 *   fates: () => [],
 *   marked: async () => new Set([wanted.sha256]),
 *   staysByAge: () => false,
 * });
 * deepEqual(artefacts, [{ sha256: unwanted.sha256, bytes: 8 }]);
 * deepEqual([await store.has(wanted), await store.has(unwanted)], [true, false]);
 * await store.close();
 * ```
 */
export async function sweepStore(store: FolderStore, options: SweepOptions): Promise<SweepReport> {
  try {
    return await new Sweep(store, options).run();
  } catch (thrown) {
    throw storeErrorFrom('sweep the store', store.folder, thrown);
  }
}

class Sweep {
  readonly #store: FolderStore;
  readonly #options: SweepOptions;
  readonly #aside: string;
  readonly #artefacts: { sha256: string; bytes: number }[] = [];
  #left = { count: 0, bytes: 0 };
  #looked = 0;

  constructor(store: FolderStore, options: SweepOptions) {
    this.#store = store;
    this.#options = options;
    this.#aside = join(store.folder, 'aside');
  }

  async run(): Promise<SweepReport> {
    const { fates, marked } = this.#options;
    const { files, damaged } = await this.#listCommits();
    const fate = fates(files.map(({ commit }) => commit));
    const kept = files.filter((_, index) => fate[index] === 'keep');
    const named = new Set(await marked());
    for (const { commit } of kept) for (const { sha256 } of commit.refs) named.add(sha256);
    const going = files.filter((_, index) => fate[index] === 'drop');
    for (const [index, file] of files.entries()) {
      if (fate[index] !== 'follow') continue;
      if (await this.#staysWhole(file.commit, named)) kept.push(file);
      else going.push(file);
    }
    const dropped = await this.#dropCommits(going);
    const stays = new Set(await marked());
    // Of those, too, that a signal kept from going.
    const gone = new Set(dropped);
    for (const file of files) if (!gone.has(file)) for (const { sha256 } of file.commit.refs) stays.add(sha256);
    await this.#options.at?.('marked');
    await this.#sweepArtefacts(stays, this.#options.only?.(dropped.map(({ commit }) => commit)));
    return {
      dropped: dropped.map(({ commit }) => commit),
      commits: { count: dropped.length, bytes: dropped.reduce((sum, { commit }) => sum + commit.bytes, 0) },
      artefacts: this.#artefacts,
      left: this.#left,
      journal: this.#options.only === undefined ? await this.#dropJournal(kept) : { count: 0, bytes: 0 },
      kept: kept.map(({ commit }) => commit),
      damaged,
    };
  }

  get #stopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  #look(): void {
    if (++this.#looked % PROGRESS_EVERY === 0) this.#options.onProgress?.(this.#looked);
  }

  async #listCommits(): Promise<{ files: ListedFile[]; damaged: string[] }> {
    const files: ListedFile[] = [];
    const damaged: string[] = [];
    for await (const { path, commit } of commitFiles(this.#store)) {
      this.#look();
      if (commit === null) damaged.push(path);
      else files.push({ path, commit });
    }
    return { files, damaged };
  }

  /** Whether all that a commit names stays for other reasons. */
  async #staysWhole(commit: Commit, named: ReadonlySet<string>): Promise<boolean> {
    for (const ref of commit.refs) {
      if (named.has(ref.sha256)) continue;
      const found = await fileAt(this.#store.pathOf(ref));
      if (found === null || !this.#options.staysByAge(found.at)) return false;
    }
    return commit.refs.length > 0;
  }

  /** Their going is durable when this returns. */
  async #dropCommits(going: readonly ListedFile[]): Promise<ListedFile[]> {
    if (this.#options.dryRun === true) return [...going];
    const dropped: ListedFile[] = [];
    const folders = new Set<string>();
    for (const file of going) {
      if (this.#stopped) break;
      await unlink(file.path).catch(absentIsNull);
      dropped.push(file);
      folders.add(dirname(file.path));
      await this.#options.at?.('commit-dropped');
    }
    const changed = new Set<string>();
    for (const folder of folders) {
      // Where a folder went, its going in the folder above says it all; where another commit came into it, it stays.
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      changed.add(removed ? dirname(folder) : folder);
    }
    for (const folder of changed) await syncFolder(folder).catch(absentIsNull);
    for (const folder of changed) await rmdir(folder).catch(() => {});
    await this.#options.at?.('commits-dropped');
    return dropped;
  }

  async #sweepArtefacts(stays: ReadonlySet<string>, only: ReadonlySet<string> | undefined): Promise<void> {
    const { staysByAge, dryRun } = this.#options;
    if (dryRun !== true) await this.#settleAside(stays, only);
    for await (const { sha256, path, at, bytes } of artefactFiles(this.#store)) {
      if (this.#stopped) return;
      this.#look();
      const before = this.#artefacts.length;
      if (!stays.has(sha256) && only?.has(sha256) !== false && !staysByAge(at)) {
        if (dryRun === true) this.#artefacts.push({ sha256, bytes });
        else await this.#deleteArtefact(sha256, path);
      }
      if (this.#artefacts.length > before) continue;
      this.#left.count++;
      this.#left.bytes += bytes;
    }
  }

  async #deleteArtefact(sha256: string, path: string): Promise<void> {
    const aside = join(this.#aside, sha256);
    const moved = await rename(path, aside).then(() => true, absentIsNull);
    if (moved === null) return;
    await this.#options.at?.('moved-aside');
    const found = await fileAt(aside);
    if (found === null) return;
    if (this.#options.staysByAge(found.at)) {
      await putBack(aside, path);
      return;
    }
    await this.#options.at?.('looked-again');
    await unlink(aside).catch(absentIsNull);
    // Whoever used it in this moment has taken it back, by a name of its own.
    if ((await fileAt(path)) === null) this.#artefacts.push({ sha256, bytes: found.bytes });
    await this.#options.at?.('deleted');
  }

  /** What a sweep that was killed, or another that is under way, has moved aside. */
  async #settleAside(stays: ReadonlySet<string>, only: ReadonlySet<string> | undefined): Promise<void> {
    await mkdir(this.#aside, { recursive: true });
    for (const sha256 of await namesIn(this.#aside)) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
      const aside = join(this.#aside, sha256);
      const path = join(this.#store.folder, 'objects', sha256.slice(0, 2), sha256.slice(2));
      const found = await fileAt(aside);
      if (found === null) continue;
      if (stays.has(sha256) || only?.has(sha256) === false || this.#options.staysByAge(found.at)) {
        await putBack(aside, path);
        continue;
      }
      await unlink(aside).catch(absentIsNull);
      if ((await fileAt(path)) === null) this.#artefacts.push({ sha256, bytes: found.bytes });
    }
  }

  /** Files of processes that have ended: those older than every commit that stays, and the oldest above the bound. */
  async #dropJournal(kept: readonly ListedFile[]): Promise<Amount> {
    const { staysByAge, dryRun } = this.#options;
    const oldest = Math.min(...kept.map(({ commit }) => commit.at));
    const folder = join(this.#store.folder, 'journal');
    const ended: { readonly path: string; readonly at: number; readonly bytes: number }[] = [];
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      const found = await fileAt(path);
      const pid = Number.parseInt(name, 10);
      if (found !== null && pid > 0 && !isUp(pid) && !staysByAge(found.at)) ended.push({ path, ...found });
    }
    ended.sort((a, b) => b.at - a.at);
    let bytes = 0;
    const gone = { count: 0, bytes: 0 };
    for (const file of ended) {
      bytes += file.bytes;
      if (file.at >= oldest && bytes <= JOURNAL_BYTES) continue;
      if (dryRun !== true) {
        if (this.#stopped) break;
        await unlink(file.path).catch(absentIsNull);
        await this.#options.at?.('journal-dropped');
      }
      gone.count++;
      gone.bytes += file.bytes;
    }
    return gone;
  }
}

/** Puts an artefact back to where it was; one that was put there anew is the same. */
async function putBack(aside: string, path: string): Promise<void> {
  await link(aside, path).catch(async (thrown: unknown) => {
    if (systemCode(thrown) !== 'EEXIST') return absentIsNull(thrown);
    // Another file of the same content: it is as young as the younger of the two.
    const found = await fileAt(aside);
    const there = await fileAt(path);
    if (found === null || there === null || there.at >= found.at) return null;
    await utimes(path, new Date(found.at), new Date(found.at)).catch(absentIsNull);
    return null;
  });
  await syncFolder(dirname(path));
  await unlink(aside).catch(absentIsNull);
}

function isUp(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCode(thrown) === 'EPERM';
  }
}
