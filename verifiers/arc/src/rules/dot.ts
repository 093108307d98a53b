/** A block and a dot of a fixed colour: the block goes to the dot, grows to it, or is mirrored at it. */
import { blank, type Grid, paint } from '../grid.ts';
import { ONE_COLOR, SAME_CELLS } from '../invariant.ts';
import { between, type Rule } from '../rule.ts';

/** A block of one colour beside a dot. */
interface BlockAndDot {
  readonly dot: number;
  readonly start: number;
  readonly size: number;
  readonly color: number;
}

/** Reads a grid that holds one dot and one block, whose colour is above the dot's; null where it is not one. */
function blockAndDot(grid: Grid, dotColor: number): BlockAndDot | null {
  const dot = grid.indexOf(dotColor);
  const start = grid.findIndex((cell) => cell > dotColor);
  if (dot < 0 || start < 0) return null;
  const color = grid[start]!;
  let end = start;
  while (end < grid.length && grid[end] === color) end++;
  const isAlone = grid.every((cell, at) => cell === 0 || at === dot || (at >= start && at < end));
  return isAlone ? { dot, start, size: end - start, color } : null;
}

function write(length: number, dotColor: number, { dot, start, size, color }: BlockAndDot): number[] {
  const cells = blank(length);
  cells[dot] = dotColor;
  paint(cells, start, size, color);
  return cells;
}

/** A dot anywhere, and on one of the sides where there is room for it a block. */
function drawBlockAndDot(dotColor: number): Rule['draw'] {
  return (random, length) => {
    const color = between(random, dotColor + 1, 9);
    const size = between(random, 1, length - 1);
    const dot = between(random, 0, length - 1);
    const fitsLeft = dot >= size;
    const fitsRight = dot + size < length;
    if (!fitsLeft && !fitsRight) return null;
    const isLeft = fitsLeft && (!fitsRight || random.integer(2) === 0);
    const start = isLeft ? between(random, 0, dot - size) : between(random, dot + 1, length - size);
    return write(length, dotColor, { dot, start, size, color });
  };
}

/** The block goes towards the dot until it touches it, but not further than `reach` cells. */
function touch(name: string, dotColor: number, reach: number): Rule {
  return {
    name,
    invariants: SAME_CELLS,
    draw: drawBlockAndDot(dotColor),
    apply(grid) {
      const seen = blockAndDot(grid, dotColor);
      if (seen === null) return null;
      const { dot, start, size } = seen;
      const distance = start < dot ? Math.min(dot - start - size, reach) : -Math.min(start - dot - 1, reach);
      return write(grid.length, dotColor, { ...seen, start: start + distance });
    },
  };
}

/** The block grows until it covers the dot; its other end stays. */
const scale: Rule = {
  name: 'block_scale_to_dot',
  invariants: ONE_COLOR,
  draw: drawBlockAndDot(2),
  apply(grid) {
    const seen = blockAndDot(grid, 2);
    if (seen === null) return null;
    const { dot, start, size, color } = seen;
    const from = Math.min(start, dot);
    return blank(grid.length).fill(color, from, Math.max(start + size, dot + 1));
  },
};

/** The block goes to the other side of the dot, as far from it as it was. */
const reflect: Rule = {
  name: 'reflect_block_around_dot',
  invariants: SAME_CELLS,
  draw(random, length) {
    const dot = between(random, 0, length - 1);
    const size = between(random, 1, length - 1);
    const start = between(random, 0, length - size);
    const color = between(random, 3, 9);
    if (dot >= start && dot < start + size) return null;
    const grid = write(length, 2, { dot, start, size, color });
    return reflect.apply(grid) === null ? null : grid;
  },
  apply(grid) {
    const seen = blockAndDot(grid, 2);
    if (seen === null) return null;
    const start = 2 * seen.dot - (seen.start + seen.size - 1);
    if (start < 0 || start + seen.size > grid.length) return null;
    return write(grid.length, 2, { ...seen, start });
  },
};

export const dotRules: readonly Rule[] = [
  touch('block_touch_dot', 1, Number.POSITIVE_INFINITY),
  ...[1, 2, 3, 4].map((reach) => touch(`block_touch_dot_${reach}pix`, 2, reach)),
  scale,
  reflect,
];
