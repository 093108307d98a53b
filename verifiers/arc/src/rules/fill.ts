/** Colour spreads from a pixel, or appears beside a block. */
import { blank, type Grid, mirror, onlySegment, paint, segmentsOf } from '../grid.ts';
import { KEPT } from '../invariant.ts';
import { anyColor, between, colorBut, type Rule } from '../rule.ts';
import { hasBorderPixel } from './reflect.ts';

/** A block with one pixel of another colour at one side: that colour fills the grid from there to the edge. */
const fillFromPixel: Rule = {
  name: 'fill_from_pixel',
  invariants: KEPT,
  draw(random, length) {
    if (length < 8) return null;
    const size = between(random, 3, length - 5);
    const start = between(random, 2, length - size - 2);
    const color = anyColor(random);
    const cells = blank(length).fill(color, start, start + size);
    cells[random.integer(2) === 0 ? start - 1 : start + size] = colorBut(random, color);
    return cells;
  },
  apply(grid) {
    const block = onlySegment(grid);
    if (block === null || block.size < 4 || !hasBorderPixel(grid, block)) return null;
    const output = [...grid];
    const last = block.start + block.size - 1;
    if (grid[block.start] !== grid[block.start + 1]) paint(output, 0, block.start, grid[block.start]!);
    else paint(output, last, grid.length - last, grid[last]!);
    return output;
  },
};

const MARKER = 5;

/** A wall of colour 5 at one edge, and pixels: each fills the background between it and the next thing on the wall's side. */
const fillUntilCollision: Rule = {
  name: 'fill_until_collision',
  invariants: KEPT,
  draw(random, length) {
    const wall = random.integer(2) === 0 ? 0 : length - 1;
    const pixels = between(random, 2, 4);
    if (length <= pixels) return null;
    const places = random.shuffle(Array.from({ length: length - 1 }, (_, at) => (wall === 0 ? at + 1 : at)));
    const cells = blank(length);
    cells[wall] = MARKER;
    for (const place of places.slice(0, pixels)) cells[place] = colorBut(random, MARKER);
    return cells;
  },
  apply(grid) {
    const pixels = grid.filter((cell) => cell !== 0).length - 1;
    if (grid.indexOf(MARKER) !== grid.lastIndexOf(MARKER) || pixels < 2 || pixels > 4) return null;
    if (grid[0] === MARKER) return fillBackwards(grid);
    return grid.at(-1) === MARKER ? mirror(fillBackwards(mirror(grid))) : null;
  },
};

/** Each cell of background gets the colour of the next pixel to its right, where there is one. */
function fillBackwards(grid: Grid): number[] {
  const output = [...grid];
  let color = 0;
  for (let at = output.length - 1; at >= 0; at--) {
    if (output[at] === 0) output[at] = color;
    else color = output[at]!;
  }
  return output;
}

/** A block of colour 1 with seeds, one cell away from it: from each seed on, copies of the block in its colour fill the grid. */
const duplicateFromSeeds: Rule = {
  name: 'duplicate_block_from_seeds',
  invariants: KEPT,
  draw(random, length) {
    const size = between(random, 2, 4);
    if (length < size + 4) return null;
    const start = between(random, 2, length - size - 2);
    const sides = between(random, 1, 3);
    const cells = blank(length).fill(1, start, start + size);
    if (sides !== 2) cells[start - 2] = anyColor(random);
    if (sides !== 1) cells[start + size + 1] = anyColor(random);
    return cells;
  },
  apply(grid) {
    const segments = segmentsOf(grid);
    const block = segments.find(({ size }) => size > 1);
    if (block === undefined || block.color !== 1 || block.size > 4) return null;
    const left = block.start - 2;
    const right = block.start + block.size + 1;
    const seeds = segments.filter((segment) => segment !== block);
    const areSeeds = seeds.every(({ start, size }) => size === 1 && (start === left || start === right));
    if (seeds.length === 0 || !areSeeds) return null;
    const output = [...grid];
    for (const { start, color } of seeds) {
      const stride = start === left ? -(block.size + 1) : block.size + 1;
      const first = start === left ? start - block.size + 1 : start;
      for (let at = first; at + block.size > 0 && at < grid.length; at += stride) paint(output, at, block.size, color);
    }
    return output;
  },
};

const MARK = 3;

/** Blocks of exactly two cells get a cell of colour 3 on each side. */
const markSizeTwo: Rule = {
  name: 'mark_size_two_blocks',
  invariants: KEPT,
  draw(random, length) {
    if (length < 8) return null;
    // Blocks with the two cells that follow them, and single cells of background (0), are laid out and then shuffled.
    const parts = [2];
    for (let used = 4; used < length; ) {
      const size = random.uniform() < 0.4 ? between(random, 1, 3) : 0;
      if (used + size <= length) parts.push(size);
      used += size === 0 ? 1 : size + 2;
    }
    const cells = blank(length);
    let at = 0;
    for (const size of random.shuffle(parts)) {
      if (size > 0) paint(cells, at, size, colorBut(random, MARK));
      at += size === 0 ? 1 : size + 2;
    }
    return cells;
  },
  apply(grid) {
    const blocks = segmentsOf(grid);
    const areBlocks = blocks.every(({ size, color }) => size <= 3 && color !== 0 && color !== MARK);
    const haveRoom = blocks.every(({ start, size }, at) => start + size + 2 <= (blocks[at + 1]?.start ?? Infinity));
    if (!areBlocks || !haveRoom || !blocks.some(({ size }) => size === 2)) return null;
    const output = [...grid];
    for (const { start, size } of blocks) {
      if (size !== 2) continue;
      paint(output, start - 1, 1, MARK);
      paint(output, start + size, 1, MARK);
    }
    return output;
  },
};

export const fillRules: readonly Rule[] = [fillFromPixel, fillUntilCollision, duplicateFromSeeds, markSizeTwo];
