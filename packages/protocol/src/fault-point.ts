/**
 * Named places at which a test kills a process: `EVENKEEL_FAULT=worker/before-commit:2` kills the process that reaches the place for
 * the second time. `worker/before-commit:2=temporal` kills another of the same home, by its name, at that moment: the home is
 * `EVENKEEL_FAULT_HOME`. `worker/before-run~step-000003:2` counts only where the place is reached with a key that holds these
 * characters. In place of a process stands what else may happen to a thread: `=hang`, an endless loop; `=sleep`, it waits for ever;
 * `=sleep-1500`, for so many milliseconds. Several faults stand behind each other with commas. With `EVENKEEL_FAULT_ONCE=<file>` each
 * happens once over all processes that are started with the same environment: a file is made first, and where it exists nothing
 * happens. Without `EVENKEEL_FAULT` it costs a comparison.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Fault {
  readonly name: string;
  /** What the key must hold; empty for any, also none. */
  readonly pattern: string;
  /** The process to be killed; null for the one that reaches the place. */
  readonly target: string | null;
  /** Or what keeps the thread from going on: an endless loop, or a wait of so many milliseconds. */
  readonly stuck: 'loop' | number | null;
  readonly marker: string | undefined;
  left: number;
}

let faults: readonly Fault[] | undefined;

/**
 * A place at which a test may kill this process, or another of its home, as `kill -9` does, or keep this thread from going on.
 *
 * @param key what is worked on, where there is such a thing
 * @throws {RangeError} where EVENKEEL_FAULT is no list of `name`, `name~key`, `name:count` or `name:count=process`
 */
export function faultPoint(name: string, key = ''): void {
  faults ??= readFaults(process.env);
  if (faults.length === 0) return;
  for (const fault of faults) {
    if (fault.name !== name || !key.includes(fault.pattern) || --fault.left > 0) continue;
    if (fault.stuck !== null) {
      if (fault.marker !== undefined && !createMarker(fault.marker)) continue;
      fault.left = Number.POSITIVE_INFINITY;
      stayStuck(fault.stuck);
      continue;
    }
    const pid = fault.target === null ? process.pid : pidOf(fault.target, process.env.EVENKEEL_FAULT_HOME ?? '');
    // A process that is not up just now is killed the next time.
    if (pid === null || (fault.marker !== undefined && !createMarker(fault.marker))) continue;
    fault.left = Number.POSITIVE_INFINITY;
    process.kill(pid, 'SIGKILL');
  }
}

function readFaults(environment: NodeJS.ProcessEnv): readonly Fault[] {
  const text = environment.EVENKEEL_FAULT;
  if (text === undefined || text === '') return [];
  return text.split(',').map((part, at) => {
    const match = /^([a-z0-9/-]+)(?:~([^,:=]+))?(?::([1-9][0-9]*))?(?:=([a-z0-9-]+))?$/.exec(part);
    if (match === null) {
      throw new RangeError(
        `Cannot read EVENKEEL_FAULT: it is ${JSON.stringify(text)}, expected name, name:count or name:count=process, also name~key:count=hang, with commas between`,
      );
    }
    const once = environment.EVENKEEL_FAULT_ONCE;
    const stuck = stuckOf(match[4] ?? '');
    return {
      name: match[1]!,
      pattern: match[2] ?? '',
      left: Number(match[3] ?? 1),
      target: stuck === null ? (match[4] ?? null) : null,
      stuck,
      marker: once === undefined ? undefined : at === 0 ? once : `${once}.${at}`,
    };
  });
}

function stuckOf(action: string): Fault['stuck'] {
  if (action === 'hang') return 'loop';
  const sleep = /^sleep(?:-([1-9][0-9]*))?$/.exec(action);
  return sleep === null ? null : Number(sleep[1] ?? Number.POSITIVE_INFINITY);
}

function stayStuck(stuck: 'loop' | number): void {
  while (stuck === 'loop');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stuck);
}

/** As the supervisor recorded it; null where it is not up. */
function pidOf(target: string, home: string): number | null {
  try {
    if (target === 'supervisor') {
      const { supervisor } = JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8')) as {
        supervisor: { pid: number };
      };
      return supervisor.pid;
    }
    const recorded = JSON.parse(readFileSync(join(home, 'processes.json'), 'utf8')) as Record<string, { pid: number }>;
    return recorded[target]?.pid ?? null;
  } catch {
    return null;
  }
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
