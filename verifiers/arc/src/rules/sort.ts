/** Blocks of one colour are put in order of size, from the left edge, with one cell between. */
import { blank, type Grid, onlyColor, paint, segmentsOf } from '../grid.ts';
import { ONE_COLOR, SAME_CELLS } from '../invariant.ts';
import { anyColor, between, type Rule } from '../rule.ts';

function packed(length: number, sizes: readonly number[], color: number): number[] {
  const cells = blank(length);
  let at = 0;
  for (const size of sizes) {
    paint(cells, at, size, color);
    at += size + 1;
  }
  return cells;
}

function sorted(grid: Grid, sizes: readonly number[]): number[] {
  return packed(
    grid.length,
    sizes.toSorted((a, b) => a - b),
    onlyColor(grid),
  );
}

/** Any two or more blocks. */
const sortBySize: Rule = {
  name: 'sort_blocks_by_size',
  invariants: SAME_CELLS | ONE_COLOR,
  draw(random, length) {
    const color = anyColor(random);
    const cells = blank(length);
    let blocks = 0;
    for (let at = 0; at < length; ) {
      if (length - at < 2 || random.uniform() >= 0.4) {
        at++;
        continue;
      }
      const size = between(random, 1, Math.min(length - at, 6));
      paint(cells, at, size, color);
      at += size + between(random, 1, 4);
      blocks++;
    }
    return blocks < 2 ? null : cells;
  },
  apply(grid) {
    const sizes = segmentsOf(grid).map(({ size }) => size);
    return onlyColor(grid) === 0 || sizes.length < 2 ? null : sorted(grid, sizes);
  },
};

/** How many blocks of the sizes 1, 2, 3, … fit, each with a cell behind it. */
function longestSequence(length: number): number {
  let count = 0;
  for (let used = 0; used + count + 2 <= length; used += count + 1) count++;
  return count;
}

/** Blocks of all sizes from 1 up, as many as fit, packed already. */
const sortSequence: Rule = {
  name: 'sort_complete_sequence',
  invariants: SAME_CELLS | ONE_COLOR,
  draw(random, length) {
    const count = longestSequence(length);
    if (count < 2) return null;
    const sizes = random.shuffle(Array.from({ length: count }, (_, at) => at + 1));
    return packed(length, sizes, anyColor(random));
  },
  apply(grid) {
    const blocks = segmentsOf(grid);
    const sizes = blocks.map(({ size }) => size);
    if (onlyColor(grid) === 0 || sizes.length < 2 || blocks[0]!.start !== 0) return null;
    const isPacked = blocks.every(
      ({ start, size }, at) => (blocks[at + 1]?.start ?? start + size + 1) === start + size + 1,
    );
    const isComplete = sizes.toSorted((a, b) => a - b).every((size, at) => size === at + 1);
    return isPacked && isComplete ? sorted(grid, sizes) : null;
  },
};

export const sortRules: readonly Rule[] = [sortBySize, sortSequence];
