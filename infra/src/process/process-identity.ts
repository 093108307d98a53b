/**
 * Which process a recorded pid was: numbers are used again, so a pid alone must never be shot at. The identity adds the moment
 * of the process's start, from /proc where there is one and from `ps` elsewhere. A zombie counts as dead.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

export const processIdentitySchema = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

/** A process, told apart from every later one with the same pid. */
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** The identity of a living process; null where there is none with that pid. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const startedAt = existsSync('/proc/self/stat') ? startFromProc(pid) : startFromPs(pid);
  return startedAt === null ? null : { pid, startedAt };
}

/** Whether the process still lives. */
export function isLiving(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/**
 * Sends a signal to a process and to the group that it leads, if it is still the one that was recorded.
 *
 * @returns whether it was there
 */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isLiving(identity)) return false;
  return signalGroup(identity.pid, signal) || signalOne(identity.pid, signal);
}

/** Sends a signal to a process group; false where there is none. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  return signalOne(-pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function startFromProc(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The command's name may hold blanks and brackets: the fields start behind the last bracket, with field 3, the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return `${bootId()}/${fields[19]}`;
}

let cachedBootId: string | null = null;

function bootId(): string {
  if (cachedBootId === null) {
    try {
      cachedBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      cachedBootId = 'unknown';
    }
  }
  return cachedBootId;
}

function startFromPs(pid: number): string | null {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  if (status !== 0) return null;
  const [state, ...start] = stdout.trim().split(/\s+/);
  return state === undefined || state.startsWith('Z') ? null : start.join(' ');
}
