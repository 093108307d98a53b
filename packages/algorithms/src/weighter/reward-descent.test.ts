import { canonicalJson } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from '../../golden/algorithms.golden.json' with { type: 'json' };
import { statsOf } from '../fixtures.ts';
import type { StepStats, TaskStats, TaskWeighter } from '../types.ts';
import { iwuWeighter } from './iwu.ts';
import { type RegularisedOptions, regularisedWeighter } from './regularised.ts';
import type { RewardDescentState } from './reward-descent.ts';
import { type WorstTaskOptions, worstTaskWeighter } from './worst-task.ts';

const TASKS = ['countdown', 'zebra', 'arc'];
const worstTask = (options: Partial<WorstTaskOptions> = {}) =>
  worstTaskWeighter.create({ ...worstTaskWeighter.defaults, ...options });
const regularised = (options: Partial<RegularisedOptions> = {}) =>
  regularisedWeighter.create({ ...regularisedWeighter.defaults, ...options });

/** Statistics whose mean reward and accuracy is J, of a task that improved by I. */
function seen(J: number, I = 0): TaskStats {
  const earned = { rollouts: 1000, correct: Math.round(J * 1000), rewardSum: J * 1000 };
  return statsOf({ groups: 10, kept: 5, ...earned, advantages: 40, objectiveBefore: 0, objectiveAfter: I });
}

function step(number: number, J_K: readonly number[], I = 0): StepStats {
  return { step: number, tasks: Object.fromEntries(TASKS.map((task, k) => [task, seen(J_K[k]!, I)])) };
}

/** The state after the same step many times. */
function repeat(weighter: TaskWeighter<RewardDescentState>, times: number, J_K: readonly number[]): RewardDescentState {
  let state = weighter.init(TASKS);
  for (let number = 0; number < times; number++) state = weighter.observe(state, step(number, J_K));
  return state;
}

type GoldenRow = { readonly J: number[]; readonly xi: number[]; readonly z: number[] };

function expectGolden(weighter: TaskWeighter<RewardDescentState>, rows: readonly GoldenRow[]): void {
  let state = weighter.init(TASKS);
  for (const [number, row] of rows.entries()) {
    state = weighter.observe(state, step(number, row.J));
    const weights = weighter.weights(state);
    for (const [k, task] of TASKS.entries()) {
      expect(state.xi[k]).toBeCloseTo(row.xi[k]!, 7);
      expect(weights[task]).toBeCloseTo(row.z[k]!, 7);
    }
  }
}

describe('golden values', () => {
  test.each(['sgd', 'adamw'] as const)('four steps of worst-task with %s agree with torch', (optimizer) => {
    expectGolden(worstTask({ optimizer }), golden['worst-task'][optimizer]);
  });

  test.each(['sgd', 'adamw', 'adam-l2'] as const)('four steps of regularised with %s agree with torch', (optimizer) => {
    expectGolden(regularised({ optimizer, eta: golden.regularised.eta }), golden.regularised[optimizer]);
  });

  test('by hand: at uniform weights J = 0.6, 0.3, 0.0 moves ξ by −β (J − 0.3) / 3', () => {
    const { xi } = repeat(worstTask({ optimizer: 'sgd', learningRate: 0.3 }), 1, [0.6, 0.3, 0]);
    expect(xi.map((value) => value.toFixed(9))).toEqual(['-0.030000000', '0.000000000', '0.030000000']);
  });

  test('by hand: where all tasks earn the same, η alone moves ξ, by the factor 1 − β η', () => {
    for (const optimizer of ['sgd', 'adamw'] as const) {
      const weighter = regularised({ optimizer, eta: 0.5, learningRate: 0.1 });
      const state = { ...weighter.init(TASKS), xi: [2, 0, -1] };
      const { xi } = weighter.observe(state, step(0, [0.4, 0.4, 0.4]));
      expect(xi.map((value) => value.toFixed(9))).toEqual(['1.900000000', '0.000000000', '-0.950000000']);
    }
  });
});

describe('what the weights do', () => {
  test('worst-task goes over to the worst task whole, also where it never improves', () => {
    const { arc } = worstTask().weights(repeat(worstTask(), 400, [0.8, 0.7, 0]));
    expect(arc).toBeGreaterThan(0.99);
  });

  test('η holds them back: the larger, the closer to equal', () => {
    const share = (eta: number) => regularised({ eta }).weights(repeat(regularised({ eta }), 400, [0.8, 0.7, 0])).arc!;
    const shares = [0, 1e-2, 0.5, 5].map(share);
    expect([...shares].sort((a, b) => b - a)).toEqual(shares);
    expect(shares.at(-1)).toBeLessThan(0.5);
    expect(share(0)).toBe(worstTask().weights(repeat(worstTask(), 400, [0.8, 0.7, 0])).arc);
  });

  test('improvement does not count, and is not asked for', () => {
    for (const weighter of [worstTask(), regularised()]) {
      expect(weighter.needsObjectives).toBe(false);
      const one = weighter.observe(weighter.init(TASKS), step(0, [0.5, 0.4, 0.3], 0.09));
      expect(weighter.observe(weighter.init(TASKS), step(0, [0.5, 0.4, 0.3], -0.09))).toEqual(one);
      const unmeasured = { arc: { ...seen(0.3), objectiveBefore: null, objectiveAfter: null } };
      expect(() => weighter.observe(weighter.init(TASKS), { step: 0, tasks: unmeasured })).not.toThrow();
    }
  });

  test('worst-task is IWU without improvement: the same steps where nothing improved and λ is 1', () => {
    const iwu = iwuWeighter.create({ ...iwuWeighter.defaults, lambda: 1, weightDecay: 0 });
    let state = iwu.init(TASKS);
    for (let number = 0; number < 30; number++) state = iwu.observe(state, step(number, [0.8, 0.3, 0.5]));
    expect(repeat(worstTask(), 30, [0.8, 0.3, 0.5]).xi).toEqual(state.xi);
  });

  test('they always sum to 1', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const rows = fc.array(fc.tuple(unit, unit, unit), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(rows, fc.constantFrom(worstTask(), regularised({ eta: 1e-2 })), (J_S_K, weighter) => {
        let state = weighter.init(TASKS);
        for (const [number, J_K] of J_S_K.entries()) state = weighter.observe(state, step(number, J_K));
        const z_K = Object.values(weighter.weights(state));
        expect(z_K.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        expect(z_K.every((z) => z > 0)).toBe(true);
      }),
      { seed: 1 },
    );
  });
});

describe.each([
  ['worst-task', worstTask],
  ['regularised', regularised],
] as const)('%s', (kind, make) => {
  test('starts with equal weights', () => {
    expect(make().weights(make().init(TASKS))).toEqual({ countdown: 1 / 3, zebra: 1 / 3, arc: 1 / 3 });
  });

  test('J is the mean reward before the filter; accuracy, or its average from 0, by name', () => {
    const tasks = { arc: statsOf({ groups: 1, kept: 0, rollouts: 8, correct: 2, rewardSum: 2.6 }) };
    const oneStep = (performance: WorstTaskOptions['performance']) => {
      const weighter = make({ performance });
      return weighter.observe(weighter.init(TASKS), { step: 0, tasks }).performance;
    };
    expect(oneStep('reward')).toEqual([null, null, 0.325]);
    expect(oneStep('accuracy')).toEqual([null, null, 0.25]);
    expect(oneStep('accuracy-ema')).toEqual([null, null, 0.125]);
  });

  test('a task whose verifier always abstains has gradient 0 and no J', () => {
    const tasks = { ...step(0, [0.9, 0.5, 0]).tasks, arc: statsOf({ groups: 10 }) };
    const state = make().observe(make().init(TASKS), { step: 0, tasks });
    expect([state.xi[2], state.performance[2], state.m[2]]).toEqual([0, null, 0]);
    expect(state.xi[1]).toBeGreaterThan(0);
  });

  test('a task that a step did not draw keeps its J, or has gradient 0 by name', () => {
    for (const [unseen, raises] of [
      ['hold', true],
      ['neutral', false],
    ] as const) {
      const weighter = make({ unseen, optimizer: 'sgd' });
      const first = weighter.observe(weighter.init(TASKS), step(0, [0.9, 0.5, 0.1]));
      const { arc: _, ...tasks } = step(1, [0.9, 0.5, 0]).tasks;
      const second = weighter.observe(first, { step: 1, tasks });
      expect(second.xi[2]! > first.xi[2]!).toBe(raises);
      expect(second.performance[2]).toBe(0.1);
    }
  });

  test('a step that saw nothing moves nothing but its number', () => {
    const state = make().init(TASKS);
    expect(make().observe(state, { step: 4, tasks: {} })).toEqual({ ...state, lastStep: 4 });
  });

  test('a step observed twice counts once, and so does a step from before', () => {
    const once = make().observe(make().init(TASKS), step(3, [0.9, 0.2, 0.3]));
    expect(make().observe(once, step(3, [0.9, 0.2, 0.3]))).toBe(once);
    expect(make().observe(once, step(2, [0.1, 0.2, 0.3]))).toBe(once);
  });

  test('the state, moments of the optimizer included, goes through canonical JSON and on without a difference', () => {
    let state = make().init(TASKS);
    let restored = state;
    for (let number = 0; number < 20; number++) {
      const stats = step(number, [0.5, 0.3 + number / 100, 0.2]);
      state = make().observe(state, stats);
      restored = make().observe(JSON.parse(canonicalJson(restored)), stats);
    }
    expect(restored).toEqual(state);
    expect(state.v.every((value) => value > 0)).toBe(true);
  });

  test('another version, or another part, is refused by name', () => {
    const state = make().init(TASKS);
    expect(() => make().weights({ ...state, version: 2 })).toThrow(
      `Cannot go on from state: it is ${kind} version 2, expected ${kind} version 1`,
    );
    expect(() => make().observe({ ...state, kind: 'iwu' }, { step: 0, tasks: {} })).toThrow(
      `Cannot go on from state: it is iwu version 1, expected ${kind} version 1`,
    );
  });

  test('a reward that is not a number is refused by the name of its task', () => {
    const tasks = { ...step(0, [0.9, 0.5, 0]).tasks, zebra: seen(Number.NaN) };
    expect(() => make().observe(make().init(TASKS), { step: 0, tasks })).toThrow(
      'Cannot update task weights: the mean reward of task "zebra" is NaN',
    );
  });
});
