import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from '../golden/algorithms.golden.json' with { type: 'json' };
import { exponential, softmax } from './exponential.ts';

describe('exponential()', () => {
  test('agrees with torch to 1e-15 relative, from the smallest to the largest results', () => {
    for (const [x, expected] of golden.exp as [number, number][]) {
      expect(Math.abs(exponential(x) - expected)).toBeLessThanOrEqual(Math.max(1e-15 * expected, 5e-324));
    }
  });

  test('agrees with the engine within two units in the last place, anywhere', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
        expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(4.5e-16);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('has the limits of e^x', () => {
    expect([Number.NEGATIVE_INFINITY, -1000, 1000, Number.NaN].map(exponential)).toEqual([
      0,
      0,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });
});

test('softmax() sums to 1, does not mind a shift, and survives large logits', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 }), (xi_K) => {
      const z_K = softmax(xi_K);
      expect(z_K.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      const shifted_K = softmax(xi_K.map((xi) => xi + 512));
      for (const [k, z] of z_K.entries()) expect(shifted_K[k]).toBeCloseTo(z, 9);
    }),
    { seed: 1 },
  );
  expect(softmax([1e6, 1e6])).toEqual([0.5, 0.5]);
});
