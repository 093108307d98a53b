/** Whole numbers from shares: by drawing, or by rounding. */
import type { KeyedRandom } from '@evenkeel/core';

/**
 * Counts of `draws` independent draws with the given shares: n ~ Multinomial(draws, share).
 *
 * @param share_K finite, ≥ 0, not all 0; shape [K]; they need not sum to 1
 * @throws {RangeError} if a share is negative or not finite, or all are 0
 */
export function multinomial(draws: number, share_K: readonly number[], random: KeyedRandom): number[] {
  const cumulative_K = cumulate(share_K);
  const total = cumulative_K[cumulative_K.length - 1]!;
  const counts_K = share_K.map(() => 0);
  for (let draw = 0; draw < draws; draw++) {
    const k = firstAbove(cumulative_K, random.uniform() * total);
    counts_K[k] = counts_K[k]! + 1;
  }
  return counts_K;
}

function cumulate(share_K: readonly number[]): number[] {
  let sum = 0;
  const cumulative_K = share_K.map((share) => {
    if (!(share >= 0 && share < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Cannot draw tasks: a share is ${share}, expected a finite number >= 0`);
    }
    sum += share;
    return sum;
  });
  if (!(sum > 0)) throw new RangeError('Cannot draw tasks: all shares are 0, expected one above 0');
  return cumulative_K;
}

/** The first place whose value is above the point; a place with share 0 is never met. */
function firstAbove(cumulative_K: readonly number[], point: number): number {
  let low = 0;
  let high = cumulative_K.length - 1;
  // A point that rounding has moved to the total belongs to the last place with a share.
  const last = cumulative_K[high]!;
  if (point >= last) return cumulative_K.indexOf(last);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cumulative_K[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The whole numbers nearest to `total · share_K` that sum to `total`: by largest remainder, the earlier task at a tie.
 */
export function apportion(total: number, share_K: readonly number[]): number[] {
  const cumulative_K = cumulate(share_K);
  const sum = cumulative_K[cumulative_K.length - 1]!;
  const exact_K = share_K.map((share) => (share / sum) * total);
  const counts_K = exact_K.map(Math.floor);
  const left = total - counts_K.reduce((a, b) => a + b, 0);
  const order = exact_K.map((exact, k) => [exact - counts_K[k]!, k] as const);
  order.sort(([a, i], [b, j]) => b - a || i - j);
  for (const [, k] of order.slice(0, left)) counts_K[k] = counts_K[k]! + 1;
  return counts_K;
}
