import { keyedRandom } from '@evenkeel/core';
import type { RandomFor } from './types.ts';

/**
 * The draws of one step: each is a function of the run's seed, the step, what is drawn and its index, so that a resumed
 * step draws the same.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const random = stepRandom(7, 42);
 * equal(random('planner/target', 0).uint32(), stepRandom(7, 42)('planner/target', 0).uint32());
 * ```
 */
export function stepRandom(seed: number, step: number): RandomFor {
  return (stream, index) => keyedRandom(seed, `algorithms/${stream}`, step, index);
}
