/**
 * Which keys are being worked on, so that a job that kills its worker each time is known: one small file a key in `attempts/`, made
 * before the work begins and taken away when it ends in any way that its process lives to see. What is still there when the work
 * begins again was left by a process that died.
 *
 * Not synced, written over in one write: after a power cut a record may be gone or empty, and the count begins anew. It decides when
 * to give up, never what a result is.
 */

import { hash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '@evenkeel/core';
import { z } from 'zod';
import { systemCode } from './errors.ts';

/** Who begins. */
export interface Attempt {
  /** The worker's name. */
  readonly worker: string;
  readonly pid: number;
  /**
   * The life of what keeps the worker alive. A death is held against the job only where this outlived it: a machine that is
   * taken away says nothing of the jobs that ran on it.
   */
  readonly session: string;
}

/** What is known of the attempts before this one. */
export interface EarlierAttempts {
  /** Processes that died, one after the other, while they worked on the key. */
  readonly deaths: number;
  /** The last of them. */
  readonly last: Attempt | null;
}

const recordSchema = z.strictObject({
  key: z.string(),
  deaths: z.number().int().nonnegative(),
  worker: z.string(),
  pid: z.number().int(),
  session: z.string(),
});

/** What is known of the attempts at a key by now, as one of this session sees it. */
export function earlierAttempts(folder: string, key: string, session: string): EarlierAttempts {
  const before = readRecord(pathOf(folder, key), key);
  if (before === null) return { deaths: 0, last: null };
  const deaths = before.deaths + (before.session === session ? 1 : 0);
  return { deaths, last: { worker: before.worker, pid: before.pid, session: before.session } };
}

/** Notes that work begins, and says what became of the attempts before. */
export function beginAttempt(folder: string, key: string, { worker, pid, session }: Attempt): EarlierAttempts {
  const earlier = earlierAttempts(folder, key, session);
  const file = openSync(pathOf(folder, key), 'w');
  try {
    writeSync(file, canonicalJson({ key, deaths: earlier.deaths, worker, pid, session }));
  } finally {
    closeSync(file);
  }
  return earlier;
}

/** Takes the count back: the work ended, however, and its process lives. */
export function endAttempt(folder: string, key: string): void {
  try {
    unlinkSync(pathOf(folder, key));
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown;
  }
}

function pathOf(folder: string, key: string): string {
  return join(folder, `${hash('sha256', key, 'hex')}.json`);
}

/** Null where there is none, or none that can be read. */
function readRecord(path: string, key: string): z.infer<typeof recordSchema> | null {
  // Asked first: the usual answer is no, and an exception would cost more than the rest.
  if (!existsSync(path)) return null;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return null;
    throw thrown;
  }
  try {
    const parsed = recordSchema.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.key === key ? parsed.data : null;
  } catch {
    return null;
  }
}
