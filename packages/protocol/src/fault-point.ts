/**
 * Named places at which a test kills the process: `EVENKEEL_FAULT=worker/before-commit:2` kills it when the place is reached
 * for the second time. With `EVENKEEL_FAULT_ONCE=<file>` it happens once over all processes that are started with the same
 * environment: the file is made first, and where it exists nothing happens. Without `EVENKEEL_FAULT` it costs a comparison.
 */
import { closeSync, openSync } from 'node:fs';

interface Fault {
  readonly name: string;
  readonly marker: string | undefined;
  left: number;
}

let fault: Fault | null | undefined;

/**
 * A place at which a test may kill this process, as `kill -9` does.
 *
 * @throws {RangeError} where EVENKEEL_FAULT is not `name` or `name:count`
 */
export function faultPoint(name: string): void {
  if (fault === undefined) fault = readFault(process.env);
  if (fault === null || fault.name !== name || --fault.left > 0) return;
  if (fault.marker !== undefined && !createMarker(fault.marker)) {
    fault = null;
    return;
  }
  process.kill(process.pid, 'SIGKILL');
}

function readFault(environment: NodeJS.ProcessEnv): Fault | null {
  const text = environment.EVENKEEL_FAULT;
  if (text === undefined || text === '') return null;
  const match = /^([a-z0-9/-]+)(?::([1-9][0-9]*))?$/.exec(text);
  if (match === null) {
    throw new RangeError(`Cannot read EVENKEEL_FAULT: it is ${JSON.stringify(text)}, expected name or name:count`);
  }
  return { name: match[1]!, left: Number(match[2] ?? 1), marker: environment.EVENKEEL_FAULT_ONCE };
}

function createMarker(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'));
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
}
