import { expect, test } from 'vitest';
import { buildMethod, resolveMethod } from './method.ts';
import { weightedReward } from './reward.ts';

test('the reward `verdict` is the verifier’s own, and none where it gave none', () => {
  const { reward } = buildMethod(resolveMethod('mt-grpo'));
  expect([{ verdict: 0.1 }, { verdict: null }, {}].map((components) => reward.combine(components))).toEqual([
    0.1,
    null,
    null,
  ]);
});

test('weightedReward() leaves undefined parts out, and a rollout without any', () => {
  const weights = { verdict: 1, tags: 0.1 };
  expect(weightedReward({ verdict: 1, tags: 0.5 }, weights)).toBeCloseTo(1.05, 12);
  expect(weightedReward({ verdict: null, tags: 0.5, other: 9 }, weights)).toBeCloseTo(0.05, 12);
  expect(weightedReward({ verdict: null, other: 9 }, weights)).toBeNull();
});

test('weightedReward() reads own components only: a name that every object has is no component', () => {
  expect(weightedReward({ verdict: 1 }, { verdict: 1, constructor: 5 })).toBe(1);
});
