/**
 * One process at a time at a thing of a home: what is read, changed and written back, or moved into place in several steps. A lock
 * names its process; that of a process that is gone holds nobody.
 */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFile, ensureFolder } from '@evenkeel/store';
import { VerifierHostError } from './errors.ts';

const RETRY_MS = 25;
const LONGEST_WAIT_MS = 60_000;
const me = Buffer.from(`${process.pid}@${hostname()}`);

/** By path: those of this process wait for one another without asking the file system. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs the action while nobody else, in this process or another, runs one under the same name in the same home.
 *
 * @throws {VerifierHostError} `verifier-install` (retryable) if another process keeps the lock for a minute
 */
export async function withHomeLock<T>(home: string, name: string, act: () => Promise<T>): Promise<T> {
  const path = join(home, `.${name}.lock`);
  const before = queues.get(path) ?? Promise.resolve();
  const turn = before.then(async () => {
    await ensureFolder(home);
    await take(path);
    try {
      return await act();
    } finally {
      await rm(path, { force: true });
    }
  });
  const settled = turn.catch(() => {});
  queues.set(path, settled);
  try {
    return await turn;
  } finally {
    if (queues.get(path) === settled) queues.delete(path);
  }
}

async function take(path: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    if (await createFile(path, me, dirname(path))) return;
    const holder = await readFile(path, 'utf8').catch(() => null);
    if (holder !== null && isGone(holder)) await breakLock(path, holder);
    else if (waitedMs >= LONGEST_WAIT_MS) {
      throw new VerifierHostError(
        `Cannot change ${path.replace(/\.lock$/, '')}: process ${holder ?? 'unknown'} is at it since a minute, expected it to end; where it is none of Evenkeel's any more, remove ${path}`,
        { code: 'verifier-install', retryable: true },
      );
    } else await sleep(RETRY_MS);
  }
}

/** Of this machine and no longer running. */
function isGone(holder: string): boolean {
  const [, pid, host] = /^(\d+)@(.+)$/.exec(holder) ?? [];
  if (pid === undefined || host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Only one can move a file away; if what was moved is no longer the lock that was looked at, it is given back. */
async function breakLock(path: string, holder: string): Promise<void> {
  const aside = `${path}-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8').catch(() => '')) === holder) await rm(aside, { force: true });
  else await rename(aside, path);
}
