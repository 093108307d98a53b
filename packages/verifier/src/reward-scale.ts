/** A manifest's reward scale as questions. It knows no verdict but its reward. */
import { type RewardScale, standardRewards } from './contract.ts';

export interface RewardBounds {
  /** Of a correct answer. */
  readonly largest: number;
  /** Of no answer in the form. */
  readonly smallest: number;
  /** Whether an answer in the form but wrong has a reward of its own: three values or more, or a range. */
  readonly hasMiddle: boolean;
  /** For messages: `1, 0.1, 0`, or `-1 to 1`. */
  readonly text: string;
  allows(reward: number): boolean;
}

/**
 * @param scale the manifest's `rewards`; left out, the standard one
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(rewardBounds().allows(0.5), false);
 * equal(rewardBounds({ min: 0, max: 1 }).allows(0.5), true);
 * ```
 */
export function rewardBounds(scale: RewardScale = standardRewards): RewardBounds {
  if ('min' in scale) {
    const { min, max } = scale;
    return {
      largest: max,
      smallest: min,
      hasMiddle: true,
      text: `${min} to ${max}`,
      allows: (reward) => reward >= min && reward <= max,
    };
  }
  return {
    largest: Math.max(...scale),
    smallest: Math.min(...scale),
    hasMiddle: scale.length > 2,
    text: scale.join(', '),
    allows: (reward) => scale.includes(reward),
  };
}
