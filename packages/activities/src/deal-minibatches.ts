import { keyedRandom } from '@evenkeel/core';
import type { RunConfig } from '@evenkeel/protocol';

/** Minibatch by group. */
export type Minibatches = ReadonlyMap<string, number>;

/** Whole groups are dealt out to the minibatches in a keyed order, so that each holds nearly as many groups as the others. */
export function dealMinibatches(
  { seed, minibatches }: Pick<RunConfig, 'seed' | 'minibatches'>,
  step: number,
  groups: readonly string[],
): Minibatches {
  const order = keyedRandom(seed, 'batch/minibatch', step).shuffle(groups);
  return new Map(order.map((id, place) => [id, place % minibatches]));
}
