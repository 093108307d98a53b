import { expect, test } from 'vitest';
import { agreementOf } from './same-model.ts';

test('agreementOf() gives the largest difference', () => {
  expect(agreementOf([Float32Array.of(-1, -2), Float32Array.of(-3)], [[-1, -2.00001], [-3]])).toBeCloseTo(1e-5, 6);
});

test('agreementOf() refuses two that cannot be the same model', () => {
  expect(() => agreementOf([Float32Array.of(-1)], [[-1.5]])).toThrow('log-probabilities differ by 0.5');
  expect(() => agreementOf([Float32Array.of(-1)], [[]])).toThrow('sequence 0 has 0 log-probabilities there, 1 here');
});
