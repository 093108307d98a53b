import type { Doubt, Doubts } from './types.ts';

/** What was doubtful in several rounds, together. */
export function addDoubts(rounds: readonly (Doubts | undefined)[]): Doubts {
  const sum: Record<string, Doubt> = {};
  for (const [task, doubt] of rounds.flatMap((round) => Object.entries(round ?? {}))) {
    sum[task] = addDoubt(sum[task] ?? {}, doubt);
  }
  return sum;
}

function addDoubt(a: Doubt, b: Doubt): Doubt {
  const failures: Record<string, number> = { ...a.failures };
  for (const [code, count] of Object.entries(b.failures ?? {})) failures[code] = (failures[code] ?? 0) + count;
  const retried = (a.retried ?? 0) + (b.retried ?? 0);
  return { ...(Object.keys(failures).length === 0 ? {} : { failures }), ...(retried === 0 ? {} : { retried }) };
}
