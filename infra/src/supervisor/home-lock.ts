/**
 * One supervisor per home: the lock file names the process that holds it, with the moment of its start, so that the lock of a dead
 * process, or of a pid that is somebody else's now, is taken over. The file is made whole by a hard link, which only one can make.
 */
import { linkSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { homeError, makeFolder, readIfThere, writeAtomically } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';
import { identifyProcess, isLiving, type ProcessIdentity, processIdentitySchema } from '../process/process-identity.ts';

/** A held lock. */
export interface HomeLock {
  release(): void;
}

const lockPath = (home: string): string => join(home, 'supervisor.lock');

/** The supervisor that holds the home, or null where none lives. */
export function livingSupervisor(home: string): ProcessIdentity | null {
  const holder = parse(readIfThere(lockPath(home)));
  return holder !== null && isLiving(holder) ? holder : null;
}

/**
 * Takes the home for this process.
 *
 * @throws {InfraError} `home-in-use` with the holder's pid; `home-unwritable`
 */
export function lockHome(home: string): HomeLock {
  makeFolder(home);
  const path = lockPath(home);
  const mine = JSON.stringify(identifyProcess(process.pid));
  const draft = join(home, `.lock-${process.pid}`);
  writeAtomically(draft, mine);
  try {
    while (!tryToLink(draft, path)) takeAwayDead(path, home);
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    release() {
      if (readIfThere(path) === mine) rmSync(path, { force: true });
    },
  };
}

function tryToLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw homeError(path, cause);
  }
}

/** Removes the lock of a dead holder; a living one is an error. Whoever else removes it at the same moment does no harm. */
function takeAwayDead(path: string, home: string): void {
  const text = readIfThere(path);
  const holder = parse(text);
  if (holder !== null && isLiving(holder)) {
    throw new InfraError(
      `Cannot supervise ${home}: process ${holder.pid} already does, expected a home of its own (--home) or its end`,
      { code: 'home-in-use', retryable: true, pid: holder.pid },
    );
  }
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  // Between reading and renaming somebody else may have taken the dead lock away and made a living one: that goes back.
  if (readIfThere(aside) !== text) tryToLink(aside, path);
  rmSync(aside, { force: true });
}

function parse(text: string | null): ProcessIdentity | null {
  if (text === null) return null;
  try {
    return processIdentitySchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
