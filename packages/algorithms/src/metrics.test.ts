import { describe, expect, test } from 'vitest';
import { meanAccuracy, meanInterval, relativeGain, wilsonInterval, worstTask } from './metrics.ts';

const accuracies = { countdown: 0.6, zebra: 0.3, arc: 0.3 };

test('worst is the lowest, the first of equals; mean counts each task once; nothing has neither', () => {
  expect(worstTask(accuracies)).toEqual({ task: 'zebra', accuracy: 0.3 });
  expect(meanAccuracy(accuracies)).toBeCloseTo(0.4, 12);
  expect([worstTask({}), meanAccuracy({})]).toEqual([null, null]);
});

test('relativeGain() is the mean gain in per cent of the base, and null where a base is 0', () => {
  expect(relativeGain(accuracies, { countdown: 0.5, zebra: 0.4, arc: 0.2 })).toBeCloseTo(
    (100 * (0.2 - 0.25 + 0.5)) / 3,
    9,
  );
  expect(relativeGain(accuracies, { countdown: 0.5, zebra: 0.4, arc: 0 })).toBeNull();
  expect(relativeGain(accuracies, { countdown: 0.5 })).toBeNull();
});

describe('wilsonInterval()', () => {
  test('has the known values', () => {
    // The formula once more, by hand, in Python.
    const rows: [number, number, string, string][] = [
      [0, 10, '0.0000', '0.2775'],
      [5, 10, '0.2366', '0.7634'],
      [100, 200, '0.4314', '0.5686'],
      [200, 200, '0.9812', '1.0000'],
    ];
    for (const [successes, trials, low, high] of rows) {
      const interval = wilsonInterval(successes, trials);
      expect([interval.low.toFixed(4), interval.high.toFixed(4)]).toEqual([low, high]);
    }
  });

  test('refuses counts that cannot be', () => {
    expect(() => wilsonInterval(3, 2)).toThrow('Cannot compute an interval: 3 of 2 successes');
    expect(() => wilsonInterval(0, 0)).toThrow('trials >= 1');
  });
});

test('meanInterval() is narrower than that of one task, and wider than nothing at the ends', () => {
  const half = { successes: 100, trials: 200 };
  const one = meanInterval({ arc: half });
  const three = meanInterval({ arc: half, zebra: half, countdown: half });
  expect(three.high - three.low).toBeCloseTo((one.high - one.low) / Math.sqrt(3), 9);
  const sure = meanInterval({ arc: { successes: 200, trials: 200 } });
  expect(sure.low).toBeLessThan(1);
  expect(sure.high).toBe(1);
});
