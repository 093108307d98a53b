/** When a process that died is started anew: at once, then 200 ms, doubled up to 5 s; up for 10 s, and it counts as well again. */
export interface Backoff {
  /** Says that the process came up. */
  up(nowMs: number): void;
  /** Says that it died; the answer is the delay before its next start, or `gave-up` after more than ten deaths in a minute. */
  died(nowMs: number): number | 'gave-up';
}

const FIRST_MS = 200;
const LAST_MS = 5_000;
const WELL_AFTER_MS = 10_000;
const DEATHS = 10;
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
  let upSince: number | null = null;
  let deaths: number[] = [];
  return {
    up(nowMs) {
      upSince = nowMs;
    },
    died(nowMs) {
      if (upSince !== null && nowMs - upSince >= WELL_AFTER_MS) failures = 0;
      upSince = null;
      deaths = [...deaths.filter((death) => nowMs - death < WINDOW_MS), nowMs];
      if (deaths.length > DEATHS) return 'gave-up';
      failures += 1;
      return failures === 1 ? 0 : Math.min(FIRST_MS * 2 ** (failures - 2), LAST_MS);
    },
  };
}
