import { canonicalJson } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { statsOf } from './fixtures.ts';
import { buildMethod, initMethod, type MethodState, methods, observeStep, resolveMethod, withTasks } from './method.ts';

const NAMES = Object.keys(methods);

/** After three steps in which the tasks did differently. */
function trained(name: string, tasks: readonly string[]) {
  const method = buildMethod(resolveMethod(name));
  let state = initMethod(method, tasks);
  for (let step = 0; step < 3; step++) {
    const shown = tasks.map((task, k) => {
      const numbers = { groups: 8, kept: 2 + k, rollouts: 64, correct: 8 * k, formatted: 60, rewardSum: 10 * k };
      const signal = { absAdvantageSum: 5 + 9 * k, advantages: 32, objectiveBefore: 0, objectiveAfter: 0.02 * k };
      return [task, statsOf({ ...numbers, ...signal })] as const;
    });
    state = observeStep(method, state, { step, tasks: Object.fromEntries(shown) });
  }
  return { method, state };
}

/** Of each part, the fields by task. */
function known(state: MethodState, task: string): unknown {
  return [state.weighter, state.planner].map((part) => {
    const fields = part as unknown as Record<string, unknown>;
    const k = (fields.tasks as string[]).indexOf(task);
    const arrays = Object.entries(fields).filter(([, value]) => Array.isArray(value));
    return Object.fromEntries(arrays.map(([name, value]) => [name, (value as unknown[])[k]]));
  });
}

describe.each(NAMES)('withTasks() of %s', (name) => {
  test('leaves what is known of the tasks that stay, whatever their places', () => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const next = withTasks(method, state, ['new', 'c', 'a']);
    for (const task of ['a', 'c']) expect(known(next, task)).toEqual(known(state, task));
    expect(withTasks(method, state, ['a', 'b', 'c'])).toEqual(state);
  });

  test('gives a new task a weight in the middle of the others, and no group dropped yet', () => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const next = withTasks(method, state, ['a', 'b', 'c', 'new']);
    const weights = method.weighter.weights(next.weighter);
    const others = [weights.a!, weights.b!, weights.c!];
    expect(weights.new).toBeGreaterThanOrEqual(Math.min(...others));
    expect(weights.new).toBeLessThanOrEqual(Math.max(...others));
    expect(method.planner.filterRates(next.planner).new).toBe(0);
  });

  test('forgets a retired task, and goes on with the shares of the others among themselves', () => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const next = withTasks(method, state, ['a', 'c']);
    expect(canonicalJson(next)).not.toContain('"b"');
    const [before, after] = [method.weighter.weights(state.weighter), method.weighter.weights(next.weighter)];
    expect(after.a! / after.c!).toBeCloseTo(before.a! / before.c!, 9);
    expect(after.a! + after.c!).toBeCloseTo(1, 12);
  });

  test('of other tasks altogether is the start of a run, but for the last step', () => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const next = withTasks(method, state, ['x', 'y']);
    const stats = { x: statsOf({ groups: 2, kept: 1, rollouts: 8, rewardSum: 1 }) };
    expect(observeStep(method, next, { step: 2, tasks: stats })).toEqual(next);
    const fresh = initMethod(method, ['x', 'y']);
    const without = ({ weighter, planner }: MethodState) =>
      [weighter, planner].map((part) => ({ ...part, lastStep: undefined }));
    expect(without(next)).toEqual(without(fresh));
  });

  test('is a state that the next step learns from', () => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const next = withTasks(method, state, ['a', 'new']);
    const numbers = { groups: 8, kept: 2, rollouts: 64, correct: 9, rewardSum: 12, absAdvantageSum: 9, advantages: 32 };
    const stats = statsOf({ ...numbers, objectiveBefore: 0, objectiveAfter: 0.01 });
    const observed = observeStep(method, next, { step: 3, tasks: { a: stats, new: stats } });
    const weights = method.weighter.weights(observed.weighter);
    expect(weights.a! + weights.new!).toBeCloseTo(1, 12);
    expect(method.planner.filterRates(observed.planner).new).toBeGreaterThan(0);
  });
});

test.each(['grpo', 'sec-dapo', 'mt-grpo', 'worst-task', 'regularised'])(
  'withTasks() of %s starts a new task at the geometric mean of the weights',
  (name) => {
    const { method, state } = trained(name, ['a', 'b', 'c']);
    const { a, b, c, ...added } = method.weighter.weights(withTasks(method, state, ['a', 'b', 'c', 'new']).weighter);
    expect(added.new).toBeCloseTo(Math.cbrt(a! * b! * c!), 6);
  },
);

test('withTasks() refuses no task, one that is there twice, and the state of another method', () => {
  const { method, state } = trained('mt-grpo', ['a', 'b']);
  expect(() => withTasks(method, state, [])).toThrow(/no tasks are given, expected at least one/);
  expect(() => withTasks(method, state, ['a', 'a'])).toThrow(/"a" is given twice/);
  expect(() => withTasks(buildMethod(resolveMethod('grpo')), state, ['a'])).toThrow(
    expect.objectContaining({ code: 'state-version' }),
  );
});
