import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clue, type ClueKind, encodeClue, type Grid, satisfies } from './clue.ts';
import { findGrid, GridSearch } from './grid.ts';
import { SmallGridSearch } from './small-grid.ts';

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
/** All 216 grids of three houses and three characteristics. */
const allGrids: Grid[] = orders.flatMap((one) =>
  orders.flatMap((two) => orders.map((three) => [...one, ...two, ...three])),
);

const clue = fc
  .record({ kind: fc.constantFrom<ClueKind>('same', 'in', 'left', 'by'), a: fc.nat(8), b: fc.nat(8) })
  .map(({ kind, a, b }): Clue => ({ kind, a, b: kind === 'in' ? b % 3 : b }));

describe('findGrid()', () => {
  test('finds a grid exactly where trying all grids finds one', () => {
    fc.assert(
      fc.property(fc.array(clue, { maxLength: 6 }), fc.option(fc.constantFrom(...allGrids)), (clues, except) => {
        const fitting = allGrids.filter(
          (grid) => grid !== except && clues.every((each) => satisfies(grid, encodeClue(each))),
        );
        const found = findGrid({ houses: 3, characteristics: 3, clues }, except);
        if (fitting.length === 0) expect(found).toBeNull();
        else expect(fitting).toContainEqual(found);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  test('finds the only grid of a six-house puzzle, and no other', () => {
    // One characteristic: 0 left of 1 left of … left of 5; and a second that stands the other way round.
    const chain = [0, 1, 2, 3, 4].map((a): Clue => ({ kind: 'left', a, b: a + 1 }));
    const mirrored = [0, 1, 2, 3, 4, 5].map((a): Clue => ({ kind: 'same', a, b: 11 - a }));
    const problem = { houses: 6, characteristics: 2, clues: [...chain, ...mirrored] };
    const grid = [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0];
    expect(findGrid(problem, null)).toEqual(grid);
    expect(findGrid(problem, grid)).toBeNull();
  });
});

describe('SmallGridSearch', () => {
  const grids = fc.constantFrom(...allGrids);
  /** About two different values. */
  const twoValued = clue.filter(({ kind, a, b }) => kind === 'in' || a !== b);

  test('finds the very grid that the other search finds, clue after clue', () => {
    const [small, large] = [new SmallGridSearch(), new GridSearch(3, 3)];
    fc.assert(
      fc.property(fc.array(twoValued, { maxLength: 8 }), fc.option(grids), (clues, except) => {
        small.clear();
        large.clear();
        expect(small.find(except)).toEqual(large.find(except));
        for (const code of clues.map(encodeClue)) {
          small.add(code);
          large.add(code);
          expect(small.find(except)).toEqual(large.find(except));
        }
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  test('keeps the clues that the other search keeps', () => {
    const [small, large] = [new SmallGridSearch(), new GridSearch(3, 3)];
    fc.assert(
      fc.property(grids, fc.array(twoValued, { minLength: 30, maxLength: 60 }), (grid, clues) => {
        const told = grid.map((house, value) => encodeClue({ kind: 'in', a: value, b: house }));
        const truths = [...clues.map(encodeClue).filter((code) => satisfies(grid, code)), ...told];
        const kept = small.withoutNeedless([...truths]);
        expect(large.withoutNeedless([...truths], grid, [])).toEqual(kept);
        expect(kept.length).toBeLessThan(truths.length);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
