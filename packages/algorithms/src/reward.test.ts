import { expect, test } from 'vitest';
import { buildMethod, resolveMethod } from './method.ts';
import { checkRewardComponents, weightedReward } from './reward.ts';

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

test('checkRewardComponents() takes what some task declares, and refuses what none does', () => {
  const spec = (weights: Record<string, number>) =>
    resolveMethod('grpo', { reward: { kind: 'weighted', weights } }).reward;
  const declared = { words: ['format', 'brevity'], countdown: [] };
  expect(() => checkRewardComponents(spec({ verdict: 1, format: 0.2 }), declared)).not.toThrow();
  expect(() => checkRewardComponents(resolveMethod('grpo').reward, {})).not.toThrow();
  expect(() => checkRewardComponents(spec({ verdict: 1, lenght: 0.2 }), declared)).toThrow(
    'Cannot configure the reward weighted: no task\'s verifier declares the component "lenght", expected one of verdict, format, brevity (words: format, brevity)',
  );
  expect(() => checkRewardComponents(spec({ format: 1 }), { countdown: [] })).toThrow(/, expected one of verdict$/);
});
