import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clue, type ClueKind, encodeClue, type Grid, satisfies } from './clue.ts';
import { findGrid } from './grid.ts';

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
