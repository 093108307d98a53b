/** A block is mirrored in its place. */
import { blank, type Grid, onlySegment, type Segment } from '../grid.ts';
import { SAME_CELLS, SAME_PLACES } from '../invariant.ts';
import { anyColor, between, colorBut, type Rule } from '../rule.ts';

function reverseInPlace(grid: Grid, { start, size }: Segment): number[] {
  const output = [...grid];
  for (let at = 0; at < size; at++) output[start + at] = grid[start + size - 1 - at]!;
  return output;
}

/** A block of one colour, with one pixel of another colour at one end. */
const withBorderPixel: Rule = {
  name: 'reflect_block_with_border_pixel',
  invariants: SAME_CELLS | SAME_PLACES,
  draw(random, length) {
    const size = between(random, 2, length);
    const start = between(random, 0, length - size);
    const color = anyColor(random);
    const cells = blank(length).fill(color, start, start + size);
    cells[random.integer(2) === 0 ? start : start + size - 1] = colorBut(random, color);
    return cells;
  },
  apply(grid) {
    const block = onlySegment(grid);
    return block !== null && hasBorderPixel(grid, block) ? reverseInPlace(grid, block) : null;
  },
};

/** Whether all cells of a segment are of one colour but for one at an end. */
export function hasBorderPixel(grid: Grid, { start, size, color }: Segment): boolean {
  if (color !== 0) return false;
  const last = start + size - 1;
  const [from, to] = grid[start] === grid[start + 1] ? [start, last - 1] : [start + 1, last];
  for (let at = from; at < to; at++) if (grid[at] !== grid[at + 1]) return false;
  return true;
}

/** A block of any colours, one end of which has a colour that no other cell has. */
const random: Rule = {
  name: 'reflect_block_random',
  invariants: SAME_CELLS | SAME_PLACES,
  draw(random, length) {
    const size = between(random, 2, length);
    const start = between(random, 0, length - size);
    const border = anyColor(random);
    const cells = blank(length);
    for (let at = start; at < start + size; at++) cells[at] = colorBut(random, border);
    cells[random.integer(2) === 0 ? start : start + size - 1] = border;
    return cells;
  },
  apply(grid) {
    const block = onlySegment(grid);
    if (block === null) return null;
    const cells = grid.slice(block.start, block.start + block.size);
    const hasOwnColor = (end: number) => cells.indexOf(end) === cells.lastIndexOf(end);
    if (block.size < 2 || !(hasOwnColor(cells[0]!) || hasOwnColor(cells.at(-1)!))) return null;
    return reverseInPlace(grid, block);
  },
};

export const reflectRules: readonly Rule[] = [withBorderPixel, random];
