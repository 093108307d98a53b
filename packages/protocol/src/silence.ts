/**
 * How long something has been silent, as one sees it who looks from time to time and may himself have been away: stopped, starved of
 * the processor, or asleep with the machine. It knows neither clocks nor timers, and not what is silent.
 *
 * Invariant: a look that comes much later than it was due proves nothing. It only starts the count again, so that a laptop that is
 * opened in the morning finds its workers alive.
 */

/** Looks in the time of a bound. */
const LOOKS = 8;
const SHORTEST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 5_000;

/** So long without progress a worker is taken for hung, where nobody says otherwise. */
export const defaultStallMs = 120_000;

/** How often to look where silence counts after `boundMs`. */
export function lookIntervalMs(boundMs: number): number {
  return Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, boundMs / LOOKS));
}

/**
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { Silence } from '@evenkeel/protocol';
 *
 * const silence = new Silence(1000, 0);
 * deepEqual([silence.look(400), silence.look(800), silence.look(1000)], [false, false, true]);
 * silence.heard();
 * // The machine slept for an hour between two looks.
 * deepEqual([silence.look(3_600_000), silence.look(3_600_500), silence.look(3_601_000)], [false, false, true]);
 * ```
 */
export class Silence {
  readonly boundMs: number;
  #lookedAt: number;
  #silentMs = 0;

  /** @param now milliseconds of any clock that never goes back, as in `look` */
  constructor(boundMs: number, now: number = performance.now()) {
    this.boundMs = boundMs;
    this.#lookedAt = now;
  }

  /** It spoke. A word between two looks is taken for one at the earlier look. */
  heard(): void {
    this.#silentMs = 0;
  }

  /** Whether it has now been silent for the bound. */
  look(now: number = performance.now()): boolean {
    const elapsed = now - this.#lookedAt;
    this.#lookedAt = now;
    this.#silentMs = elapsed > this.boundMs / 2 ? 0 : this.#silentMs + elapsed;
    return this.#silentMs >= this.boundMs;
  }
}
