/**
 * The store in a folder of a local disk:
 *
 *     objects/<2 hex>/<62 hex>                       artefacts by SHA-256
 *     commits/<run>/<step>/<64 hex>.json             commits: folders by hash of the key's first two segments, file by hash of the key
 *     journal/<pid>-<random>.jsonl                   files of one writing process, appended only
 *     attempts/<64 hex>.json                         what is being worked on, by hash of the key
 *     temporary/                                     files that are not yet what they will be
 *     damaged/                                       what a disk fault spoilt, set aside
 *     aside/<64 hex>                                 artefacts that a sweep (gc.ts) is about to delete
 *
 * Invariants: a file under objects/ and commits/ is whole from the moment it is there; none is ever changed. Many processes
 * may use the folder at once. Nothing outside this package knows the layout. Whoever puts an artefact, looks for it, reads it or finds a
 * commit that names it refreshes its age, by which a sweep knows that it is in use, and takes it back where it was moved aside.
 *
 * What a disk spoils nevertheless is found when it is read (an artefact by its hash, a commit by its own) and set aside, so that from then
 * on it counts as not there: a commit whose artefacts are not there is none either, and its work is done again.
 */
import { hash, randomUUID } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { link, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type ArtefactRef, canonicalJson, type Json } from '@evenkeel/core';
import { z } from 'zod';
import { type Attempt, beginAttempt, type EarlierAttempts, earlierAttempts, endAttempt } from './attempts.ts';
import {
  type Content,
  contentBytes,
  hashContent,
  hashFile,
  holdsContent,
  readInto,
  readStretch,
  readWhole,
} from './content.ts';
import { createFile, ensureFolder, replaceFile, syncFolder } from './durable-file.ts';
import { StoreError, storeErrorFrom, systemCode } from './errors.ts';
import { parseJournal } from './journal.ts';
import { openSealed, sealJson } from './sealed-json.ts';
import { setAside } from './set-aside.ts';
import type { Commit, JournalEvent, ListedCommit, Store } from './store.ts';

/** Of an artefact that cannot be read. */
const WAY_OUT = 'the work that made it makes it again, see evenkeel check; or restore the file from a copy';

const DAY_MS = 86_400_000;
/** A journal file that has grown so long is followed by another, so that old ones can be removed. */
const JOURNAL_FILE_BYTES = 4 * 1024 * 1024;
/** A sweep may take an empty folder away, or a commit, just when it is looked for: then it is looked for again. */
const ATTEMPTS = 10;

const refSchema = z.strictObject({
  kind: z.string().min(1).max(40),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().nonnegative(),
});

const commitSchema = z.strictObject({
  version: z.literal(1),
  key: z.string(),
  attempt: z.number().int().nonnegative(),
  // Parsed JSON is JSON; only its absence has to be refused.
  result: z.custom<Json>((value) => value !== undefined),
  refs: z.array(refSchema),
});

/**
 * Opens the store in a folder, which is made where it is missing; proves that it can be written, so that a read-only or
 * full disk is told at once and not after an hour.
 *
 * @throws {StoreError} `read-only`, `disk-full`, `store-io`
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { openFolderStore } from '@evenkeel/store';
 *
 * const store = await openFolderStore(await mkdtemp(join(tmpdir(), 'store-')));
 * const ref = await store.put('text', new TextEncoder().encode('twelve'));
 * equal(new TextDecoder().decode(await store.get(ref)), 'twelve');
 * await store.commit('demo/answer', { result: 12, refs: [ref], attempt: 1 });
 * const winner = await store.commit('demo/answer', { result: 13, refs: [], attempt: 2 });
 * equal(winner.result, 12);
 * await store.close();
 * ```
 */
export async function openFolderStore(folder: string): Promise<FolderStore> {
  const root = resolve(folder);
  try {
    for (const part of ['objects', 'commits', 'journal', 'attempts', 'temporary']) await ensureFolder(join(root, part));
    const proof = join(root, 'temporary', `${process.pid}-${randomUUID()}`);
    await createFile(proof, new TextEncoder().encode('writable'), join(root, 'temporary'));
    await rm(proof);
    await sweepTemporary(join(root, 'temporary'));
  } catch (thrown) {
    throw storeErrorFrom('open store', root, thrown);
  }
  return new FolderStore(root);
}

/** Removes what killed processes left behind, a day after. */
async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > DAY_MS) await rm(path, { force: true });
  }
}

/** See {@link openFolderStore}. */
export class FolderStore implements Store {
  readonly folder: string;
  readonly #temporary: string;
  #journalFile: number | null = null;
  #journalBytes = 0;

  constructor(folder: string) {
    this.folder = folder;
    this.#temporary = join(folder, 'temporary');
  }

  /** Where an artefact's bytes lie, for programs that want a file. */
  pathOf(ref: ArtefactRef): string {
    const { sha256 } = checkedRef(ref);
    return join(this.folder, 'objects', sha256.slice(0, 2), sha256.slice(2));
  }

  async put(kind: string, content: Content): Promise<ArtefactRef> {
    const ref = checkedRef({ kind, sha256: hashContent(content), bytes: contentBytes(content) });
    const path = this.pathOf(ref);
    try {
      // Compared whole, not only by name: an artefact that a disk fault cut off is healed by whoever makes it again.
      if ((await this.#use(ref)) && (await holdsContent(path, content))) {
        // Whoever put it may have died before it synced the folder.
        await syncFolder(dirname(path));
        return ref;
      }
      await ensureFolder(dirname(path));
      await replaceFile(path, content, this.#temporary);
    } catch (thrown) {
      throw storeErrorFrom(`write artefact ${kind} ${ref.sha256.slice(0, 12)}`, this.folder, thrown);
    }
    return ref;
  }

  async get(ref: ArtefactRef): Promise<Uint8Array> {
    const path = this.pathOf(ref);
    const name = `${ref.kind} ${ref.sha256.slice(0, 12)}`;
    const read = () =>
      readWhole(path).catch((thrown: unknown) => {
        throw storeErrorFrom(`read artefact ${name}`, path, thrown);
      });
    const isDamaged = (bytes: Buffer) => hashContent(bytes) !== ref.sha256;
    await this.#use(ref).catch((thrown: unknown) => {
      throw storeErrorFrom(`read artefact ${name}`, path, thrown);
    });
    let bytes = await read();
    // Read twice before it is judged: memory and cables fail too, and somebody may be putting it again.
    if (bytes !== null && isDamaged(bytes)) bytes = await read();
    if (bytes === null) {
      throw new StoreError(
        `Cannot read artefact ${name}: ${path} does not exist, expected ${ref.bytes} bytes there: ${WAY_OUT}`,
        { code: 'artefact-missing' },
      );
    }
    if (isDamaged(bytes)) {
      const isStill = async (moved: string) => (await hashFile(moved))?.sha256 !== ref.sha256;
      const aside = await setAside(this.folder, path, isStill).catch(() => null);
      const found = hashContent(bytes).slice(0, 12);
      const place = aside === null ? '' : ` (set aside as ${aside})`;
      throw new StoreError(
        `Cannot read artefact ${name}: ${path} held ${bytes.byteLength} bytes with sha256 ${found}${place}, expected ${ref.bytes} bytes with sha256 ${ref.sha256.slice(0, 12)}: ${WAY_OUT}`,
        { code: 'artefact-corrupt' },
      );
    }
    if (bytes.byteLength !== ref.bytes) {
      throw new StoreError(
        `Cannot read artefact ${name}: ${path} holds ${bytes.byteLength} bytes, expected ${ref.bytes} as the reference has it: the record that it is from is damaged`,
        { code: 'artefact-invalid' },
      );
    }
    return bytes;
  }

  async getInto(ref: ArtefactRef, into: Content): Promise<void> {
    const path = this.pathOf(ref);
    if (contentBytes(into) !== ref.bytes) {
      throw new RangeError(
        `Cannot read artefact ${ref.kind} ${ref.sha256.slice(0, 12)}: there is room for ${contentBytes(into)} bytes, expected ${ref.bytes}`,
      );
    }
    if (await this.#readInto(ref, path, into)) return;
    // What is wrong with it, the other way to read it says; where nothing is any more, it has the bytes.
    const bytes = await this.get(ref);
    let start = 0;
    for (const part of into instanceof Uint8Array ? [into] : into) {
      part.set(bytes.subarray(start, start + part.byteLength));
      start += part.byteLength;
    }
  }

  async #readInto(ref: ArtefactRef, path: string, into: Content): Promise<boolean> {
    try {
      return (await this.#use(ref)) && (await readInto(path, into, ref.sha256));
    } catch (thrown) {
      throw storeErrorFrom(`read artefact ${ref.kind} ${ref.sha256.slice(0, 12)}`, path, thrown);
    }
  }

  async getStretch(ref: ArtefactRef, from: number, to: number): Promise<Uint8Array> {
    const path = this.pathOf(ref);
    const name = `${ref.kind} ${ref.sha256.slice(0, 12)}`;
    try {
      const bytes = (await this.#use(ref)) ? await readStretch(path, from, to) : null;
      if (bytes !== null) return bytes;
    } catch (thrown) {
      throw storeErrorFrom(`read artefact ${name}`, path, thrown);
    }
    throw new StoreError(
      `Cannot read artefact ${name}: ${path} does not exist, expected ${ref.bytes} bytes there: ${WAY_OUT}`,
      { code: 'artefact-missing' },
    );
  }

  async has(ref: ArtefactRef): Promise<boolean> {
    const path = this.pathOf(ref);
    try {
      return (await this.#use(ref)) && (await stat(path)).size === ref.bytes;
    } catch (thrown) {
      if (isAbsent(thrown)) return false;
      throw storeErrorFrom('look for artefact', path, thrown);
    }
  }

  putJson(kind: string, value: unknown): Promise<ArtefactRef> {
    return this.put(kind, new TextEncoder().encode(canonicalJson(value)));
  }

  async getJson<T>(ref: ArtefactRef, schema: z.ZodType<T>): Promise<T> {
    const text = new TextDecoder().decode(await this.get(ref));
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new StoreError(
      `Cannot read artefact ${ref.kind} ${ref.sha256.slice(0, 12)}: ${z.prettifyError(parsed.error)}, expected the shape of ${ref.kind}`,
      { code: 'artefact-invalid', cause: parsed.error },
    );
  }

  async commit(
    key: string,
    outcome: { readonly result: Json; readonly refs: readonly ArtefactRef[]; readonly attempt: number },
  ): Promise<Commit> {
    const path = this.#commitPath(key);
    const { attempt, refs } = outcome;
    for (const ref of refs) {
      if (await this.has(ref)) continue;
      throw new StoreError(
        `Cannot commit ${key}: artefact ${ref.kind} ${ref.sha256.slice(0, 12)} is not in the store, expected it to be put first`,
        { code: 'artefact-missing' },
      );
    }
    const commit = commitSchema.parse({ version: 1, key, attempt, result: withoutNegativeZero(outcome.result), refs });
    try {
      const bytes = new TextEncoder().encode(sealJson({ ...commit }));
      for (let look = 1; ; look++) {
        let created: boolean;
        try {
          await ensureFolder(dirname(path));
          created = await createFile(path, bytes, this.#temporary);
        } catch (thrown) {
          if (isAbsent(thrown) && look < ATTEMPTS) continue;
          throw thrown;
        }
        if (created) return commit;
        const winner = await this.#wholeCommit(path, key);
        if (winner !== null) return winner;
      }
    } catch (thrown) {
      if (thrown instanceof TypeError) throw thrown;
      throw storeErrorFrom(`commit ${key}`, path, thrown);
    }
  }

  async lookup(key: string): Promise<Commit | null> {
    const path = this.#commitPath(key);
    try {
      return await this.#wholeCommit(path, key);
    } catch (thrown) {
      throw storeErrorFrom(`look up ${key}`, path, thrown);
    }
  }

  /** The commit, where it is whole and its artefacts are there, as far as can be seen without reading them; else it is set aside. */
  async #wholeCommit(path: string, key: string): Promise<Commit | null> {
    const judge = async (bytes: Buffer): Promise<Commit | null> => {
      const commit = parseCommit(bytes.toString('utf8'));
      if (commit?.key !== key) return null;
      for (const ref of commit.refs) if (!(await this.has(ref))) return null;
      return commit;
    };
    const bytes = await readIfThere(path);
    if (bytes === null) return null;
    const commit = await judge(bytes);
    if (commit === null)
      await setAside(this.folder, path, async (moved) => (await judge(await readFile(moved))) === null);
    return commit;
  }

  async listCommits(prefix = ''): Promise<ListedCommit[]> {
    const commits: ListedCommit[] = [];
    try {
      for (const folder of await this.#commitFolders(prefix)) {
        for (const name of await namesIn(folder)) {
          const path = join(folder, name);
          const [text, found] = await Promise.all([readIfThere(path), stat(path).catch(() => null)]);
          // Swept since the folder was listed.
          if (text === null || found === null) continue;
          const commit = parseCommit(text.toString('utf8'));
          if (commit === null) {
            throw new StoreError(
              `Cannot read commit ${path}: it is damaged, expected a commit record: evenkeel check --repair sets it aside, and its work is done again`,
              { code: 'commit-corrupt' },
            );
          }
          // The inode's change: linking it to its final name, just after it was written.
          if (commit.key.startsWith(prefix)) commits.push({ ...commit, committedAt: found.ctimeMs });
        }
      }
    } catch (thrown) {
      throw storeErrorFrom('list commits', join(this.folder, 'commits'), thrown);
    }
    return commits.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  async journal(event: Omit<JournalEvent, 'at'> & { readonly at?: number }): Promise<void> {
    const path = join(this.folder, 'journal');
    const { key, kind, worker, pid, at = Date.now() } = event;
    try {
      this.#journalFile ??= openSync(join(path, `${process.pid}-${randomUUID()}.jsonl`), 'ax');
      // One write of one line: a kill leaves it whole, or cuts off the last line of this process's own file.
      const line = Buffer.from(`${canonicalJson({ key, kind, worker, pid, at })}\n`);
      appendWhole(this.#journalFile, line);
      this.#journalBytes += line.length;
      if (this.#journalBytes > JOURNAL_FILE_BYTES) await this.close();
    } catch (thrown) {
      throw storeErrorFrom('write journal', path, thrown);
    }
  }

  async readJournal(): Promise<JournalEvent[]> {
    const folder = join(this.folder, 'journal');
    const events: JournalEvent[] = [];
    try {
      for (const name of await namesIn(folder)) {
        const text = await readIfThere(join(folder, name));
        if (text !== null) events.push(...parseJournal(join(folder, name), text.toString('utf8')));
      }
    } catch (thrown) {
      throw storeErrorFrom('read journal', folder, thrown);
    }
    return events.sort((a, b) => a.at - b.at);
  }

  earlierAttempts(key: string, session: string): EarlierAttempts {
    const path = join(this.folder, 'attempts');
    try {
      return earlierAttempts(path, key, session);
    } catch (thrown) {
      throw storeErrorFrom(`look for attempts of ${key}`, path, thrown);
    }
  }

  beginAttempt(key: string, attempt: Attempt): EarlierAttempts {
    const path = join(this.folder, 'attempts');
    try {
      return beginAttempt(path, key, attempt);
    } catch (thrown) {
      throw storeErrorFrom(`note the attempt of ${key}`, path, thrown);
    }
  }

  endAttempt(key: string): void {
    const path = join(this.folder, 'attempts');
    try {
      endAttempt(path, key);
    } catch (thrown) {
      throw storeErrorFrom(`take back the attempt of ${key}`, path, thrown);
    }
  }

  async close(): Promise<void> {
    if (this.#journalFile !== null) closeSync(this.#journalFile);
    this.#journalFile = null;
    this.#journalBytes = 0;
  }

  /**
   * Refreshes an artefact's age, and takes it back where a sweep has moved it aside: whoever is told true may rely on it for the grace
   * time of every sweep. False where it is not there.
   */
  async #use(ref: ArtefactRef): Promise<boolean> {
    const path = this.pathOf(ref);
    for (let attempt = 1; ; attempt++) {
      const now = new Date();
      try {
        await utimes(path, now, now);
        return true;
      } catch (thrown) {
        // A file of another owner can be read; how old it is stays as it was.
        if (systemCode(thrown) === 'EPERM' || systemCode(thrown) === 'EROFS') return true;
        if (!isAbsent(thrown)) throw thrown;
      }
      try {
        await link(join(this.folder, 'aside', ref.sha256), path);
        await syncFolder(dirname(path));
      } catch (thrown) {
        // Not aside either: it was put back between the two looks, or it is gone.
        if (isAbsent(thrown) && attempt > 1) return false;
        if (!isAbsent(thrown) && systemCode(thrown) !== 'EEXIST') throw thrown;
        if (attempt === ATTEMPTS) return false;
      }
    }
  }

  #commitPath(key: string): string {
    if (key.length === 0 || key.length > 500 || /[\u0000-\u001f\u007f]/.test(key)) {
      throw new RangeError(`Cannot use commit key ${JSON.stringify(key)}: expected 1 to 500 printable characters`);
    }
    const [run = '', step = ''] = key.split('/');
    return join(this.folder, 'commits', folderName(run), folderName(step), `${hash('sha256', key, 'hex')}.json`);
  }

  /** The folders in which keys of this prefix can lie: a segment is known where a `/` follows it. */
  async #commitFolders(prefix: string): Promise<string[]> {
    const known = prefix.split('/').slice(0, -1);
    let folders = [join(this.folder, 'commits')];
    for (const segment of [known[0], known[1]]) {
      const next: string[] = [];
      for (const folder of folders) {
        const names = segment === undefined ? await namesIn(folder) : [folderName(segment)];
        next.push(...names.map((name) => join(folder, name)));
      }
      folders = next;
    }
    return folders;
  }
}

/** A full disk takes the beginning of a line: that must not stand before the next one. */
function appendWhole(file: number, line: Buffer): void {
  const written = writeSync(file, line);
  if (written === line.length) return;
  ftruncateSync(file, fstatSync(file).size - written);
  throw Object.assign(new Error(`ENOSPC: ${written} of ${line.length} bytes written`), { code: 'ENOSPC' });
}

/** Sixteen digits will do: two segments that met in one folder would still differ in their files' names. */
function folderName(segment: string): string {
  return hash('sha256', segment, 'hex').slice(0, 16);
}

function checkedRef(ref: ArtefactRef): ArtefactRef {
  const parsed = refSchema.safeParse(ref);
  if (parsed.success) return parsed.data;
  throw new TypeError(
    `Cannot use artefact reference: ${z.prettifyError(parsed.error)}, expected { kind, sha256: 64 hexadecimal digits, bytes }`,
  );
}

function isAbsent(thrown: unknown): boolean {
  return systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ENOTDIR';
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (isAbsent(thrown)) return null;
    throw thrown;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw thrown;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null where it is no commit record, or a damaged one. */
export function parseCommit(text: string): Commit | null {
  return commitSchema.safeParse(openSealed(text)).data ?? null;
}

/** JSON has no −0: it would come back as 0 from the disk, but not from memory. */
function withoutNegativeZero(value: Json): Json {
  if (value === 0) return 0;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutNegativeZero(field)]));
}
