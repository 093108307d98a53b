/** Processor time of processes, from `/proc`: unlike the clock it does not depend on what else the machine does. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Hundredths of a second: what Linux counts in. */
const TICK_MS = 10;

interface ProcessTime {
  readonly parent: number;
  /** Its own, and that of its children that have ended. */
  readonly cpuMs: number;
}

function timeOf(pid: number): ProcessTime | null {
  try {
    // After the name in brackets, which may hold spaces: state, parent, … user, system, children's user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, place) => sum + Number(fields[place]), 0);
    return { parent: Number(fields[1]), cpuMs: TICK_MS * ticks };
  } catch {
    return null;
  }
}

/** Milliseconds of the processor that a process and all below it have used; null where there is no `/proc`. */
export function treeProcessorMs(root: number): number | null {
  let entries: string[];
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  const times = new Map(
    entries.flatMap((name) => ((time) => (time === null ? [] : [[Number(name), time] as const]))(timeOf(Number(name)))),
  );
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = times.get(at)?.parent)
      if (at === root) return true;
    return false;
  };
  return [...times].reduce((sum, [pid, { cpuMs }]) => (isBelow(pid) ? sum + cpuMs : sum), 0);
}
