import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dealMinibatches } from './deal-minibatches.ts';

const ids = Array.from({ length: 64 }, (_, index) => `r0p${index}`);
const dealt = (seed: number, step: number) => [...dealMinibatches({ seed, minibatches: 4 }, step, ids)];

test('dealMinibatches() gives every group a minibatch, and each minibatch as many as the others, one more or less', () => {
  fc.assert(
    fc.property(fc.nat({ max: 200 }), fc.integer({ min: 1, max: 20 }), fc.nat(), (count, minibatches, step) => {
      const groups = Array.from({ length: count }, (_, index) => `g${index}`);
      const dealt = dealMinibatches({ seed: 1, minibatches }, step, groups);
      expect([...dealt.keys()].sort()).toEqual([...groups].sort());
      const sizes = new Array<number>(minibatches).fill(0);
      for (const minibatch of dealt.values()) sizes[minibatch]! += 1;
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
    { seed: 20260501 },
  );
});

test('dealMinibatches() is the same for the same seed and step, and another for another', () => {
  expect(dealt(1, 5)).toEqual(dealt(1, 5));
  expect(dealt(1, 5)).not.toEqual(dealt(1, 6));
  expect(dealt(1, 5)).not.toEqual(dealt(2, 5));
});
