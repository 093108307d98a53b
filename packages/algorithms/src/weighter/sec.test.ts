import { canonicalJson } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from '../../golden/algorithms.golden.json' with { type: 'json' };
import { groupOf, statsOf } from '../fixtures.ts';
import { tallyAdvantages, tallyGroups } from '../task-stats.ts';
import type { StepStats } from '../types.ts';
import { type SecOptions, secWeighter } from './sec.ts';

const TASKS = ['countdown', 'zebra', 'arc'];
const sec = (options: Partial<SecOptions> = {}) => secWeighter.create({ ...secWeighter.defaults, ...options });

/** A step whose mean |A| is q_k; null: the task was not drawn. */
function step(number: number, q_K: readonly (number | null)[]): StepStats {
  const tasks: Record<string, ReturnType<typeof statsOf>> = {};
  for (const [k, q] of q_K.entries()) {
    if (q !== null) {
      tasks[TASKS[k]!] = statsOf({ groups: 5, kept: 5, rollouts: 40, advantages: 40, absAdvantageSum: 40 * q });
    }
  }
  return { step: number, tasks };
}

describe('golden values', () => {
  test('one step from Q = 0 gives Q and weights of the catalogue', () => {
    const state = sec().observe(sec().init(TASKS), step(0, [0.1, 0.3, null]));
    expect(state.q).toEqual([0.05, 0.15, 0]);
    expect(Object.values(sec().weights(state)).map((z) => z.toFixed(4))).toEqual(['0.2918', '0.4810', '0.2272']);
  });

  test('three steps agree with torch, from the advantages of the rollouts on', () => {
    let state = sec().init(TASKS);
    for (const [number, row] of golden.sec.entries()) {
      const groups = row.advantages.flatMap((A, k) =>
        A.length === 0
          ? []
          : [
              groupOf(
                `${k}`,
                TASKS[k]!,
                A.map((a) => Number(a > 0)),
              ),
            ],
      );
      const drawn = row.advantages.filter((A) => A.length > 0);
      const verdicts = groups.map(() => 'keep' as const);
      state = sec().observe(state, {
        step: number,
        tasks: tallyAdvantages(tallyGroups(groups, verdicts), groups, drawn),
      });
      const weights = sec().weights(state);
      for (const [k, task] of TASKS.entries()) {
        expect(state.q[k]).toBeCloseTo(row.Q[k]!, 7);
        expect(weights[task]).toBeCloseTo(row.z[k]!, 7);
      }
    }
  });
});

describe('what counts', () => {
  test('the mean is over rollouts, not over groups: large groups count more', () => {
    const groups = [groupOf('a', 'arc', [1, 0]), groupOf('b', 'arc', [0, 0, 0, 0, 0, 0])];
    const advantages = [
      [0.8, -0.8],
      [0, 0, 0, 0, 0, 0],
    ];
    const tasks = tallyAdvantages(tallyGroups(groups, ['keep', 'keep']), groups, advantages);
    expect(sec().observe(sec().init(TASKS), { step: 0, tasks }).q[2]).toBe(0.1);
  });

  test('a rollout without a verdict is not in the mean', () => {
    const groups = [groupOf('a', 'arc', [1, 0, null])];
    const tasks = tallyAdvantages(tallyGroups(groups, ['keep']), groups, [[0.7, -0.7, null]]);
    expect(sec().observe(sec().init(TASKS), { step: 0, tasks }).q[2]).toBe(0.35);
  });

  test('α is the share of the new value, and τ how much the best task takes', () => {
    const first = sec({ learningRate: 0.25 }).observe(sec().init(TASKS), step(0, [0.8, 0, 0]));
    expect(first.q).toEqual([0.2, 0, 0]);
    expect(sec({ learningRate: 0.25 }).observe(first, step(1, [0.4, 0, 0])).q).toEqual([0.25, 0, 0]);
    expect(sec({ temperature: 0.05 }).weights(first).countdown).toBeGreaterThan(sec().weights(first).countdown!);
    expect(sec({ temperature: 100 }).weights(first).countdown).toBeCloseTo(1 / 3, 2);
  });

  test('objectives are not asked for', () => {
    expect(sec().needsObjectives).toBe(false);
  });
});

describe('what the weights do', () => {
  test('they start equal, always sum to 1, and stay finite however small τ is', () => {
    expect(sec().weights(sec().init(TASKS))).toEqual({ countdown: 1 / 3, zebra: 1 / 3, arc: 1 / 3 });
    const value = fc.option(fc.double({ min: 0, max: 8, noNaN: true }));
    const rows = fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(rows, fc.constantFrom(1e-4, 0.2, 10), (q_S_K, temperature) => {
        let state = sec().init(TASKS);
        for (const [number, q_K] of q_S_K.entries()) state = sec().observe(state, step(number, q_K));
        const z_K = Object.values(sec({ temperature }).weights(state));
        expect(z_K.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        expect(z_K.every((z) => z >= 0)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  test('a task that is never solved yields no advantage and loses weight: its known fault', () => {
    let state = sec().init(TASKS);
    for (let number = 0; number < 20; number++) state = sec().observe(state, step(number, [0.9, 0.8, 0]));
    const { countdown, zebra, arc } = sec().weights(state);
    expect(countdown).toBeGreaterThan(zebra!);
    expect(arc).toBeLessThan(0.02);
  });
});

describe('tasks without a rollout in the batch', () => {
  const first = sec().observe(sec().init(TASKS), step(0, [0.4, 0.4, 0.4]));
  const q = (unseen: SecOptions['unseen'], arc: StepStats['tasks'][string] | undefined) => {
    const tasks = { ...step(1, [0.4, 0.4]).tasks, ...(arc === undefined ? {} : { arc }) };
    return sec({ unseen }).observe(first, { step: 1, tasks }).q[2];
  };
  const dropped = statsOf({ groups: 5, kept: 0, rollouts: 40, dropped: { 'constant-reward': 5 } });
  const notChosen = statsOf({ groups: 5, kept: 3, rollouts: 40 });
  const abstained = statsOf({ groups: 5, kept: 0, dropped: { 'too-few-rewards': 5 } });

  test('decay by default, whatever the reason, as in the public code', () => {
    expect([undefined, dropped, notChosen, abstained].map((arc) => q('decay', arc))).toEqual([0.1, 0.1, 0.1, 0.1]);
  });

  test('held, Q stays, but falls where the filter dropped all of the groups', () => {
    expect([undefined, dropped, notChosen, abstained].map((arc) => q('hold', arc))).toEqual([0.2, 0.1, 0.2, 0.2]);
  });

  test('a step that trained on nothing moves nothing but its number', () => {
    for (const tasks of [{}, { arc: dropped, zebra: abstained }]) {
      for (const unseen of ['decay', 'hold'] as const) {
        expect(sec({ unseen }).observe(first, { step: 7, tasks })).toEqual({ ...first, lastStep: 7 });
      }
    }
  });
});

describe('the state', () => {
  test('a step observed twice counts once, and so does a step from before', () => {
    const once = sec().observe(sec().init(TASKS), step(3, [0.1, 0.2, 0.3]));
    expect(sec().observe(once, step(3, [0.1, 0.2, 0.3]))).toBe(once);
    expect(sec().observe(once, step(2, [0.9, 0.2, 0.3]))).toBe(once);
  });

  test('it goes through canonical JSON and on without a difference', () => {
    let state = sec().init(TASKS);
    let restored = state;
    for (let number = 0; number < 20; number++) {
      const stats = step(number, [1 / 3, 0.1 * number, number % 3 === 0 ? null : 0.7]);
      state = sec().observe(state, stats);
      restored = sec().observe(JSON.parse(canonicalJson(restored)), stats);
    }
    expect(restored).toEqual(state);
  });

  test('another version, or another part, is refused by name', () => {
    const state = sec().init(TASKS);
    expect(() => sec().weights({ ...state, version: 2 })).toThrow(
      'Cannot go on from state: it is sec version 2, expected sec version 1',
    );
    expect(() => sec().observe({ ...state, kind: 'iwu' }, step(0, [0, 0, 0]))).toThrow(
      'Cannot go on from state: it is iwu version 1, expected sec version 1',
    );
  });

  test('an advantage that is not a number is refused by the name of its task', () => {
    expect(() => sec().observe(sec().init(TASKS), step(0, [0.1, Number.NaN, 0.2]))).toThrow(
      'Cannot update task weights: the mean absolute advantage of task "zebra" is NaN',
    );
  });
});
