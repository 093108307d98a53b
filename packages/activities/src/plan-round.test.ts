import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialAlgorithmState } from './algorithm-state.ts';
import { configOf } from './fixtures.ts';
import { shardsOf, trainingDraws } from './plan-round.ts';

describe('shardsOf()', () => {
  test('cuts the prompts into shards of at most the size, in order, without gap or overlap', () => {
    fc.assert(
      fc.property(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 100 }), (total, size) => {
        const shards = shardsOf(total, size);
        expect(shards.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, place) => from + place))).toEqual(
          Array.from({ length: total }, (_, place) => place),
        );
        expect(shards.every(({ from, to }) => to > from && to - from <= size)).toBe(true);
        expect(shards).toHaveLength(Math.ceil(total / size));
      }),
      { seed: 20260501 },
    );
  });
});

describe('trainingDraws()', () => {
  const config = configOf({ seed: 9, tasks: ['countdown', 'zebra:easy', 'arc'] });
  const which = { split: 'train', seed: 9 };
  const state = { ...initialAlgorithmState(config), cursors: { countdown: 40, 'zebra-easy': 7, arc: 0 } };

  test("goes on in each task's sequence where its cursor stands", () => {
    expect(trainingDraws(config, state, { countdown: 3, 'zebra-easy': 2 }, [])).toEqual([
      { task: 'countdown', verifier: 'countdown', level: 'tiny', style: 'compact', ...which, from: 40, count: 3 },
      { task: 'zebra-easy', verifier: 'zebra', level: 'easy', style: 'chat', ...which, from: 7, count: 2 },
    ]);
  });

  test('goes on behind the earlier rounds of the step, so that no puzzle is drawn twice', () => {
    const earlier = [{ counts: { countdown: 3, arc: 5 } }, { counts: { countdown: 2 } }];
    expect(
      trainingDraws(config, state, { countdown: 1, arc: 1 }, earlier).map(({ task, from }) => [task, from]),
    ).toEqual([
      ['countdown', 45],
      ['arc', 5],
    ]);
  });

  test('leaves out a task of which nothing is drawn, and refuses one that the run does not have', () => {
    expect(trainingDraws(config, state, { countdown: 0 }, [])).toEqual([]);
    expect(() => trainingDraws(config, state, { sudoku: 1 }, [])).toThrow(
      'Cannot find task "sudoku": the run has countdown, zebra-easy, arc',
    );
  });
});
