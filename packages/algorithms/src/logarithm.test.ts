import fc from 'fast-check';
import { expect, test } from 'vitest';
import { betaDensity, logarithm } from './logarithm.ts';

test('logarithm() agrees with the engine within a few units in the last place', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      expect(Math.abs(logarithm(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(Math.log(x))));
    }),
    { seed: 1, numRuns: 2000 },
  );
  expect(logarithm(1)).toBe(0);
  expect([0, Number.POSITIVE_INFINITY, Number.NaN, -1].map(logarithm)).toEqual([
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    Number.NaN,
  ]);
});

test('betaDensity() is the polynomial where α and β are whole, and integrates to 1 where not', () => {
  // Beta(2, 3): 12 p (1 − p)².
  for (const p of [0, 0.1, 0.5, 0.9, 1]) expect(betaDensity(p, 2, 3)).toBeCloseTo(12 * p * (1 - p) ** 2, 11);
  expect([0, 0.3, 1].map((p) => betaDensity(p, 1, 1))).toEqual([1, 1, 1]);
  const steps = 20_000;
  let area = 0;
  for (let i = 0; i < steps; i++) area += betaDensity((i + 0.5) / steps, 3.7, 1.9) / steps;
  expect(area).toBeCloseTo(1, 6);
});
