/**
 * What a store is, whatever lies behind it: content-addressed artefacts, a commit index in which the first commit under a
 * key wins, and a journal of the work that was started. It does not know what the artefacts or the keys mean.
 */
import type { ArtefactRef, Json } from '@evenkeel/core';
import type { z } from 'zod';
import type { Attempt, EarlierAttempts } from './attempts.ts';
import type { Content } from './content.ts';

/** Bytes by the hash of their content. */
export interface ArtefactStore {
  /** Keeps the bytes, whole or in parts, durably; free where they are kept already. `kind` is a word for people, not part of the address. */
  put(kind: string, content: Content): Promise<ArtefactRef>;
  /** The bytes, proved against hash and size. @throws {StoreError} `artefact-missing`, `artefact-corrupt` */
  get(ref: ArtefactRef): Promise<Uint8Array>;
  /**
   * Fills the parts, which together have the artefact's size, with its bytes, proved as `get` proves them: nothing is held twice.
   * Where it fails, the parts hold anything.
   */
  getInto(ref: ArtefactRef, into: Content): Promise<void>;
  /** The bytes `from` … `to − 1`, fewer where it ends before; not proved, for a look at what an artefact begins with. */
  getStretch(ref: ArtefactRef, from: number, to: number): Promise<Uint8Array>;
  /** Whether the bytes are there, with the right size. Does not read them. */
  has(ref: ArtefactRef): Promise<boolean>;
  /** Keeps a value as canonical JSON. */
  putJson(kind: string, value: unknown): Promise<ArtefactRef>;
  /** The value, validated. @throws {StoreError} as `get`, and `artefact-invalid` */
  getJson<T>(ref: ArtefactRef, schema: z.ZodType<T>): Promise<T>;
}

/** What a finished job left under its key: a small result and the artefacts that it names. */
export interface Commit {
  readonly version: 1;
  readonly key: string;
  /** The attempt that won. */
  readonly attempt: number;
  readonly result: Json;
  readonly refs: readonly ArtefactRef[];
}

/** A commit in a listing. */
export interface ListedCommit extends Commit {
  /** When it was committed: milliseconds since 1970, by the file system's clock. For people and tests; nothing is decided by it. */
  readonly committedAt: number;
}

/** Results by key, exactly once. */
export interface CommitIndex {
  /**
   * Commits a result. The first commit under a key wins, whichever attempt it is from; whoever comes later gets the first's.
   *
   * @throws {StoreError} `artefact-missing` where a reference's bytes are not in the store
   */
  commit(
    key: string,
    outcome: { readonly result: Json; readonly refs: readonly ArtefactRef[]; readonly attempt: number },
  ): Promise<Commit>;
  lookup(key: string): Promise<Commit | null>;
  /** Every commit whose key starts with the prefix, by key. Cheap where the prefix holds the key's first two segments. */
  listCommits(prefix?: string): Promise<ListedCommit[]>;
}

/** One line of the work journal. */
export interface JournalEvent {
  readonly key: string;
  /** `started`: work begins; `committed`: its commit is durable; `found`: an earlier commit was returned instead of work. */
  readonly kind: 'started' | 'committed' | 'found';
  readonly worker: string;
  readonly pid: number;
  /** Milliseconds since 1970. For people and tests; nothing is decided by it. */
  readonly at: number;
}

/** What was worked on, so that it can be proved that nothing was done twice. */
export interface WorkJournal {
  /** Appends an event; `at` is now where it is not given. */
  journal(event: Omit<JournalEvent, 'at'> & { readonly at?: number }): Promise<void>;
  /** The events of all processes, by time. A last line that a kill cut off is left out. */
  readJournal(): Promise<JournalEvent[]>;
}

/** What is being worked on, so that a job that kills its worker each time is known. */
export interface AttemptCounts {
  /** What became of the attempts until now; nothing is noted. `session`: of whoever asks, see {@link Attempt}. */
  earlierAttempts(key: string, session: string): EarlierAttempts;
  /** Notes that work on a key begins, and says what became of the attempts before. */
  beginAttempt(key: string, attempt: Attempt): EarlierAttempts;
  /** Takes the count back: the work ended, however, and its process lives. */
  endAttempt(key: string): void;
}

export interface Store extends ArtefactStore, CommitIndex, WorkJournal, AttemptCounts {
  close(): Promise<void>;
}
