/**
 * The Temporal server's SQLite file before a server is given it: what no server can use (cut off, overwritten, half made by a first
 * start that was killed) is set aside under a dated name, never deleted, and never found out by the server in mid-run. Runs do not
 * depend on the file: what they need to go on lies in `store/` and `runs/`.
 *
 * A file that is whole but older than the store (a copy put back, a power cut) is sound: commits make good what it does not know.
 */
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Logger } from '@evenkeel/core';
import { homeError } from '../home-files.ts';
import { TEMPORAL_NAMESPACE } from './namespace.ts';

/** What belongs to one SQLite file: each only has a meaning beside the first. */
const SUFFIXES = ['', '-journal', '-wal', '-shm'] as const;

/** Indexes are ten times as dear to check as pages. */
const THOROUGH_BYTES = 64 * 1024 * 1024;

/** The server's schema has names in double quotes where text is meant. */
export const AS_THE_SERVER = { enableDoubleQuotedStringLiterals: true } as const;

export function databaseFile(home: string): string {
  return join(home, 'temporal', 'temporal.db');
}

/** What the index beside a `-wal` tells of it. */
interface WalIndex {
  /** Of one `-wal` from its first frame on: another one has another. */
  readonly salt: string;
  /** Frames of it that are whole. */
  readonly frames: number;
  /** Frames of it that were, or were being, taken over into the file. */
  readonly takenOver: number;
  readonly beingTakenOver: number;
}

/** Layout: https://www.sqlite.org/walformat.html, "The WAL-Index File Format". Null where there is none. */
function readWalIndex(file: string): WalIndex | null {
  if (!existsSync(`${file}-shm`)) return null;
  const bytes = readFileSync(`${file}-shm`);
  if (bytes.length < 136) return null;
  return {
    salt: bytes.toString('hex', 32, 40),
    frames: bytes.readUInt32LE(16),
    takenOver: bytes.readUInt32LE(96),
    beingTakenOver: bytes.readUInt32LE(128),
  };
}

/**
 * Whether a `-wal` lost frames of which later ones are in the file already: earlier pages would be laid over later ones, which no
 * integrity check need notice. A kill cannot do that, nor a power cut (a `-wal` is synced before it is taken over); a damaged disk can.
 */
function isMixed(before: WalIndex | null, after: WalIndex | null): boolean {
  if (before === null || after === null) return false;
  if (before.salt === after.salt) return after.frames < before.beingTakenOver;
  // Gone, or not even its header is whole: what was taken over is whole where nothing was under way.
  return after.frames === 0 && before.beingTakenOver > before.takenOver;
}

/**
 * What is wrong with a server's file; null where it is sound, or is not there. Reads all of it, an eighth of a second for each
 * 100 MB; while it is small, every index too. SQLite itself leaves out what a cut-off `-wal` holds no more: what is left is an earlier state, whole.
 */
export function examineDatabase(file: string): string | null {
  if (!existsSync(file)) return existsSync(`${file}-wal`) ? 'it is gone, with its -wal left behind' : null;
  const index = readWalIndex(file);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, ...AS_THE_SERVER });
    const look = statSync(file).size <= THOROUGH_BYTES ? 'integrity_check' : 'quick_check';
    const rows = database.prepare(`PRAGMA ${look}(1)`).all();
    const finding = String(Object.values(rows[0] ?? {})[0] ?? 'no answer');
    if (finding !== 'ok') return finding.replaceAll('\n', ' ');
    if (isMixed(index, readWalIndex(file))) return 'its -wal lost frames of which later ones were taken over';
    const named = database.prepare('SELECT count(*) AS namespaces FROM namespaces WHERE name = ?');
    if (named.get(TEMPORAL_NAMESPACE)?.namespaces === 1) return null;
    return 'its first start was cut off: it has no namespace';
  } catch (thrown) {
    const { message } = thrown as Error;
    return message.startsWith('no such table') ? 'its first start was cut off: it has no namespace' : message;
  } finally {
    database?.close();
  }
}

/**
 * Sets a file that no server can use aside, so that a new one is made in its place.
 *
 * @returns where it lies now; null where there was nothing to be done
 * @throws {InfraError} `home-unwritable`
 */
export function setAsideDamaged(home: string, log: Logger): string | null {
  const file = databaseFile(home);
  const reason = examineDatabase(file);
  if (reason === null) return null;
  const aside = freeName(`${file}.damaged-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`);
  for (const suffix of SUFFIXES) {
    try {
      // SQLite's own naming, so that the pair can still be looked into.
      if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    } catch (cause) {
      throw homeError(aside + suffix, cause);
    }
  }
  log.warn(
    `The Temporal server's file cannot be used (${reason}): set aside as ${aside}, a new one is made; runs go on from what they committed`,
  );
  return aside;
}

function freeName(wanted: string): string {
  const isTaken = (name: string) => SUFFIXES.some((suffix) => existsSync(name + suffix));
  let name = wanted;
  for (let number = 2; isTaken(name); number++) name = `${wanted}-${number}`;
  return name;
}
