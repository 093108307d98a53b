/**
 * When a process that died is started anew: at once, then after 200 ms, doubled up to 5 s; up for 10 s, and it counts as well again.
 * One that has never come up will hardly do so: it is given up sooner, so that a wrong setting is heard of within seconds.
 */
export interface Backoff {
  /** Says that the process came up. */
  up(nowMs: number): void;
  /** Says that it died; the answer is the delay before its next start, or `gave-up`: the eleventh death in a minute, or the fifth without having come up. */
  died(nowMs: number): number | 'gave-up';
}

const FIRST_MS = 200;
const LAST_MS = 5_000;
const WELL_AFTER_MS = 10_000;
const DEATHS = 10;
const DEATHS_BEFORE_UP = 4;
const WINDOW_MS = 60_000;

/**
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * const backoff = createBackoff();
 * deepEqual([backoff.died(0), backoff.died(0), backoff.died(200)], [0, 200, 400]);
 * ```
 */
export function createBackoff(): Backoff {
  let failures = 0;
  let everUp = false;
  let upSince: number | null = null;
  let deaths: number[] = [];
  return {
    up(nowMs) {
      upSince = nowMs;
      everUp = true;
    },
    died(nowMs) {
      if (upSince !== null && nowMs - upSince >= WELL_AFTER_MS) failures = 0;
      upSince = null;
      deaths = [...deaths.filter((death) => nowMs - death < WINDOW_MS), nowMs];
      if (deaths.length > (everUp ? DEATHS : DEATHS_BEFORE_UP)) return 'gave-up';
      failures += 1;
      return failures === 1 ? 0 : Math.min(FIRST_MS * 2 ** (failures - 2), LAST_MS);
    },
  };
}
