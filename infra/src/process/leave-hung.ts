/** The end of a process in which something does not go on: a thread in an endless loop, a call that does not come back. */
import { spawn } from 'node:child_process';

/** The exit status of a process that found itself hung. */
export const HUNG_EXIT = 86;

/**
 * Exits with 86. An orderly exit waits for the threads, which JavaScript ends and a native call does not: whatever still is there
 * after a second is killed.
 */
export function leaveHung(): never {
  spawn('/bin/sh', ['-c', `sleep 1; kill -KILL ${process.pid}`], { stdio: 'ignore' }).unref();
  process.exit(HUNG_EXIT);
}
