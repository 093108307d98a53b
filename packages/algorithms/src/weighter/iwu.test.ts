import { canonicalJson } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from '../../golden/algorithms.golden.json' with { type: 'json' };
import { statsOf } from '../fixtures.ts';
import type { StepStats, TaskStats } from '../types.ts';
import { type IwuOptions, type IwuState, iwuWeighter } from './iwu.ts';
import { softmaxGradient } from './softmax-descent.ts';

const TASKS = ['countdown', 'zebra', 'arc'];
const iwu = (options: Partial<IwuOptions> = {}) => iwuWeighter.create({ ...iwuWeighter.defaults, ...options });

/** Statistics whose mean reward and accuracy is J and whose improvement is I. */
function seen(I: number, J: number): TaskStats {
  return statsOf({
    groups: 10,
    kept: 5,
    rollouts: 1000,
    correct: Math.round(J * 1000),
    rewardSum: J * 1000,
    advantages: 40,
    objectiveBefore: 0,
    objectiveAfter: I,
  });
}

function step(number: number, I: readonly number[], J: readonly number[]): StepStats {
  return { step: number, tasks: Object.fromEntries(TASKS.map((task, k) => [task, seen(I[k]!, J[k]!)])) };
}

describe('golden values', () => {
  test('the gradient at uniform weights is the one of the catalogue', () => {
    const s_K = [0.05 + 0.2 * 0.6, 0.2 * 0.3, -0.02 + 0.2 * 0.1];
    const g_K = softmaxGradient([1 / 3, 1 / 3, 1 / 3], s_K);
    expect(g_K.map((g) => g.toFixed(5))).toEqual(['0.03111', '-0.00556', '-0.02556']);
  });

  test('one plain descent step raises the worst task as in the catalogue', () => {
    const weighter = iwu({ optimizer: 'sgd', weightDecay: 0 });
    const { xi } = weighter.observe(weighter.init(TASKS), step(0, [0.05, 0, -0.02], [0.6, 0.3, 0.1]));
    expect(xi.map((value) => value.toFixed(6))).toEqual(['-0.000778', '0.000139', '0.000639']);
  });

  test.each(['sgd', 'adamw', 'adam-l2'] as const)('four steps with %s agree with torch, clipping included', (name) => {
    const weighter = iwu({ optimizer: name, weightDecay: name === 'sgd' ? 0 : 1e-2 });
    let state = weighter.init(TASKS);
    for (const [number, row] of golden.iwu[name].entries()) {
      state = weighter.observe(state, step(number, row.I, row.J));
      const weights = weighter.weights(state);
      for (const [k, task] of TASKS.entries()) {
        expect(state.xi[k]).toBeCloseTo(row.xi[k]!, 7);
        expect(weights[task]).toBeCloseTo(row.z[k]!, 7);
      }
    }
  });
});

describe('what the weights do', () => {
  test('they start equal', () => {
    expect(iwu().weights(iwu().init(TASKS))).toEqual({ countdown: 1 / 3, zebra: 1 / 3, arc: 1 / 3 });
  });

  test('they always sum to 1 and stay in order of the scores while these stay', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const rows = fc.array(fc.tuple(unit, unit, unit), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(rows, fc.double({ min: 0, max: 2, noNaN: true }), (J_S_K, lambda) => {
        const weighter = iwu({ lambda });
        let state = weighter.init(TASKS);
        for (const [number, J_K] of J_S_K.entries()) {
          state = weighter.observe(state, step(number, [0.3, -0.3, 0], J_K));
          const z_K = Object.values(weighter.weights(state));
          expect(z_K.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
          expect(z_K.every((z) => z > 0)).toBe(true);
        }
      }),
      { seed: 1 },
    );
  });

  test('a task that stays behind gains weight, step for step', () => {
    const weighter = iwu();
    let state = weighter.init(TASKS);
    let before = 1 / 3;
    for (let number = 0; number < 50; number++) {
      state = weighter.observe(state, step(number, [0.02, 0.02, 0], [0.8, 0.7, 0.1]));
      const { arc } = weighter.weights(state);
      expect(arc).toBeGreaterThan(before);
      before = arc!;
    }
    expect(before).toBeGreaterThan(0.5);
  });

  test('an improvement beyond the clip counts as the clip', () => {
    const weighter = iwu();
    const at = (I: number) => weighter.observe(weighter.init(TASKS), step(0, [I, 0, 0], [0.5, 0.5, 0.5]));
    expect(at(0.1)).toEqual(at(7));
    expect(at(0.1)).not.toEqual(at(0.05));
  });
});

describe('what J is', () => {
  const oneStep = (performance: IwuOptions['performance']) => {
    const weighter = iwu({ performance });
    const tasks = { countdown: statsOf({ groups: 1, rollouts: 8, correct: 2, rewardSum: 2.6 }) };
    return weighter.observe(weighter.init(['countdown', 'zebra']), { step: 0, tasks }).performance;
  };

  test('the mean reward by default, as in the paper; accuracy, or its average from 0, by name', () => {
    expect(oneStep('reward')).toEqual([0.325, null]);
    expect(oneStep('accuracy')).toEqual([0.25, null]);
    expect(oneStep('accuracy-ema')).toEqual([0.125, null]);
  });
});

describe('tasks that a step did not see', () => {
  const two = (weighter: ReturnType<typeof iwu>, state: IwuState, number: number) =>
    weighter.observe(state, { step: number, tasks: { countdown: seen(0, 0.9), zebra: seen(0, 0.5) } });

  test('a task never seen has gradient 0: after the first step its logit is still 0', () => {
    const state = two(iwu(), iwu().init(TASKS), 0);
    expect(state.xi[2]).toBe(0);
    expect(state.xi[0]).toBeLessThan(0);
    expect(state.xi[1]).toBeGreaterThan(0);
  });

  test('held, a low reward goes on raising the weight; neutral, its gradient is 0', () => {
    for (const [unseen, raises] of [
      ['hold', true],
      ['neutral', false],
    ] as const) {
      const weighter = iwu({ unseen, optimizer: 'sgd', weightDecay: 0 });
      const first = weighter.observe(weighter.init(TASKS), step(0, [0, 0, 0], [0.9, 0.5, 0.1]));
      const second = two(weighter, first, 1);
      expect(second.xi[2]! > first.xi[2]!).toBe(raises);
    }
  });

  test('a step that saw nothing moves nothing but its number', () => {
    const state = iwu().init(TASKS);
    expect(iwu().observe(state, { step: 4, tasks: {} })).toEqual({ ...state, lastStep: 4 });
  });
});

describe('the state', () => {
  test('a step observed twice counts once, and so does a step from before', () => {
    const weighter = iwu();
    const once = weighter.observe(weighter.init(TASKS), step(3, [0, 0, 0.1], [0.9, 0.2, 0.3]));
    expect(weighter.observe(once, step(3, [0, 0, 0.1], [0.9, 0.2, 0.3]))).toBe(once);
    expect(weighter.observe(once, step(2, [0, 0, 0.1], [0.1, 0.2, 0.3]))).toBe(once);
  });

  test('it goes through canonical JSON and on without a difference', () => {
    const weighter = iwu();
    let state = weighter.init(TASKS);
    let restored = state;
    for (let number = 0; number < 20; number++) {
      const stats = step(number, [0, -0.01 * number, 0], [0.5, 0.5, 0.5]);
      state = weighter.observe(state, stats);
      restored = weighter.observe(JSON.parse(canonicalJson(restored)), stats);
    }
    expect(restored).toEqual(state);
  });

  test('another version, or another part, is refused by name', () => {
    const state = iwu().init(TASKS);
    expect(() => iwu().weights({ ...state, version: 2 } as never)).toThrow(
      'Cannot go on from state: it is iwu version 2, expected iwu version 1',
    );
    expect(() => iwu().observe({ kind: 'uniform', version: 1 } as never, { step: 0, tasks: {} })).toThrow(
      'Cannot go on from state: it is uniform version 1, expected iwu version 1',
    );
  });
});

test('a task that was trained on without its objective is refused, for its improvement would be made up', () => {
  const tasks = { arc: { ...seen(0, 0.5), objectiveAfter: null } };
  expect(() => iwu().observe(iwu().init(TASKS), { step: 0, tasks })).toThrow(
    'Cannot update task weights: task "arc" was trained on without its objective',
  );
  const broken = { arc: { ...seen(0, 0.5), objectiveAfter: Number.NaN } };
  expect(() => iwu().observe(iwu().init(TASKS), { step: 0, tasks: broken })).toThrow(
    'the improvement of task "arc" is NaN',
  );
});

test('a reward that is not a number is refused by the name of its task', () => {
  const tasks = { arc: { ...seen(0, 0.5), rewardSum: Number.NaN } };
  expect(() => iwu().observe(iwu().init(TASKS), { step: 0, tasks })).toThrow(
    'Cannot update task weights: the mean reward of task "arc" is NaN',
  );
});
