import { expect, test } from 'vitest';
import { stateNumber } from './state.ts';

test('stateNumber() keeps eight digits at any size, and never a negative zero', () => {
  expect([1 / 3, -123456789, 1.23456789e-30].map(stateNumber)).toEqual([0.33333333, -123456790, 1.2345679e-30]);
  expect(Object.is(stateNumber(-0), 0)).toBe(true);
});
