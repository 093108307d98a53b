import { describe, expect, test } from 'vitest';
import { rewardBounds } from './reward-scale.ts';

describe('rewardBounds()', () => {
  test('is the standard scale where none is declared', () => {
    const { largest, smallest, hasMiddle, text, allows } = rewardBounds();
    expect({ largest, smallest, hasMiddle, text }).toEqual({
      largest: 1,
      smallest: 0,
      hasMiddle: true,
      text: '1, 0.1, 0',
    });
    expect([1, 0.1, 0, 0.5, Number.NaN].map(allows)).toEqual([true, true, true, false, false]);
  });

  test('takes values in any order, and a range with its ends', () => {
    expect(rewardBounds([0, 3])).toMatchObject({ largest: 3, smallest: 0, hasMiddle: false });
    const range = rewardBounds({ min: -1, max: 1 });
    expect(range).toMatchObject({ largest: 1, smallest: -1, hasMiddle: true, text: '-1 to 1' });
    expect([-1, 0.3, 1, 1.1, Number.NaN].map(range.allows)).toEqual([true, true, true, false, false]);
  });
});
