import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CurvePoint } from './run-measures.ts';
import { arrivalAt, ratioError, spreadOf, valueAt } from './statistics.ts';

const point = (step: number, worst: number): CurvePoint => {
  return { step, rollouts: 100 * step, accuracies: { a: worst }, worst, mean: worst };
};
const curve = [point(0, 0.2), point(10, 0.4), point(20, 0.3), point(30, 0.8)];
const worst = ({ worst: value }: CurvePoint) => value;

describe('valueAt()', () => {
  test('is linear between two evaluations, exact at them, and null outside', () => {
    expect(valueAt(curve, 'step', 10, worst)).toBe(0.4);
    expect(valueAt(curve, 'step', 5, worst)).toBeCloseTo(0.3, 12);
    expect(valueAt(curve, 'rollouts', 2500, worst)).toBeCloseTo(0.55, 12);
    expect(valueAt(curve, 'step', 31, worst)).toBeNull();
    expect(valueAt(curve.slice(1), 'step', 5, worst)).toBeNull();
    expect(valueAt(curve, 'step', 5, ({ accuracies }) => accuracies.b)).toBeNull();
  });
});

describe('arrivalAt()', () => {
  test('is where the threshold is first crossed, and null where it never is', () => {
    expect(arrivalAt(curve, 'step', 0.3)).toBeCloseTo(5, 12);
    expect(arrivalAt(curve, 'rollouts', 0.55)).toBeCloseTo(2500, 9);
    expect(arrivalAt(curve, 'step', 0.9)).toBeNull();
    expect(arrivalAt(curve, 'step', 0.1)).toBe(0);
  });
});

describe('spreadOf()', () => {
  test('of equal values has no width', () => {
    expect(spreadOf([0.5, 0.5, 0.5], 'x')).toEqual({
      ...{ mean: 0.5, low: 0.5, high: 0.5, least: 0.5, most: 0.5 },
      values: [0.5, 0.5, 0.5],
    });
  });

  test('holds the mean, lies within the values, and is the same each time', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }), (values) => {
        const { mean, low, high, least, most } = spreadOf(values, 'y');
        expect(low).toBeLessThanOrEqual(mean + 1e-12);
        expect(high).toBeGreaterThanOrEqual(mean - 1e-12);
        expect(low).toBeGreaterThanOrEqual(least - 1e-12);
        expect(high).toBeLessThanOrEqual(most + 1e-12);
      }),
      { seed: 1, numRuns: 12 },
    );
    expect(spreadOf([1, 2, 5], 'z')).toEqual(spreadOf([1, 2, 5], 'z'));
  });

  test('of normal values is about as wide as theory says', () => {
    // Values at ±1 in equal number: the mean's standard error is 1 / √40.
    const values = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 1 : -1));
    const { low, high } = spreadOf(values, 'width');
    expect(high - low).toBeGreaterThan(0.5);
    expect(high - low).toBeLessThan(0.72);
  });

  test('of nothing is refused', () => {
    expect(() => spreadOf([], 'x')).toThrow('Cannot compute a spread: there are no values, expected at least one');
  });
});

describe('ratioError()', () => {
  test('is 0 where the trained shares are the weights, 1 where all went elsewhere, null where nothing was trained', () => {
    expect(
      ratioError([
        { weight: 0.25, trained: 1 },
        { weight: 0.75, trained: 3 },
      ]),
    ).toBe(0);
    expect(
      ratioError([
        { weight: 1, trained: 0 },
        { weight: 0, trained: 5 },
      ]),
    ).toBe(1);
    expect(ratioError([{ weight: 1, trained: 0 }])).toBeNull();
  });
});
