/** One block is cleaned, or moved by what it is. */
import { blank, type Grid, onlyColor, onlySegment, paint, segmentsOf } from '../grid.ts';
import { ONE_COLOR, ONLY_REMOVED, SAME_CELLS, SAME_PLACES } from '../invariant.ts';
import { anyColor, between, colorBut, type Rule } from '../rule.ts';

const MAX_NOISE = 3;

/** Positions of background whose neighbours are background too. */
function freePlaces(grid: Grid): number[] {
  const places: number[] = [];
  for (let at = 0; at < grid.length; at++) {
    if (grid[at] === 0 && (grid[at - 1] ?? 0) === 0 && (grid[at + 1] ?? 0) === 0) places.push(at);
  }
  return places;
}

/** Single cells around a block, of its colour, vanish. */
const removeNoise: Rule = {
  name: 'block_and_noise_remove',
  invariants: ONLY_REMOVED | ONE_COLOR,
  draw(random, length) {
    const size = between(random, 2, length);
    const start = between(random, 0, length - size);
    const color = anyColor(random);
    const cells = blank(length).fill(color, start, start + size);
    for (let left = between(random, 1, MAX_NOISE); left > 0; left--) {
      const places = freePlaces(cells);
      if (places.length === 0) return null;
      cells[random.pick(places)] = color;
    }
    return cells;
  },
  apply(grid) {
    const color = onlyColor(grid);
    const segments = segmentsOf(grid);
    const blocks = segments.filter(({ size }) => size > 1);
    const noise = segments.length - blocks.length;
    if (color === 0 || blocks.length !== 1 || noise < 1 || noise > MAX_NOISE) return null;
    const { start, size } = blocks[0]!;
    return blank(grid.length).fill(color, start, start + size);
  },
};

/** At most so many cells of a block are noise, so that its own colour has the majority. */
function maxNoiseInside(size: number): number {
  return Math.max(1, Math.floor(size / 2) - 1);
}

/** The colour that more than half of the cells have; 0 where there is none. (Boyer and Moore's vote, then a count.) */
function majorityColor(cells: Grid): number {
  let candidate = 0;
  let votes = 0;
  for (const cell of cells) {
    if (votes === 0) candidate = cell;
    votes += cell === candidate ? 1 : -1;
  }
  return cells.filter((cell) => cell === candidate).length * 2 > cells.length ? candidate : 0;
}

/** Cells of other colours within a block get the block's. */
const removeNoiseInside: Rule = {
  name: 'block_and_noise_remove_inside',
  invariants: SAME_PLACES | ONE_COLOR,
  draw(random, length) {
    if (length < 7) return null;
    const size = between(random, 6, length);
    const start = between(random, 0, length - size);
    const color = anyColor(random);
    const cells = blank(length).fill(color, start, start + size);
    const places = random.shuffle(Array.from({ length: size }, (_, at) => start + at));
    const noise = between(random, 1, maxNoiseInside(size));
    for (const place of places.slice(0, noise)) cells[place] = colorBut(random, color);
    return cells;
  },
  apply(grid) {
    const block = onlySegment(grid);
    if (block === null || block.size < 6 || block.color !== 0) return null;
    const cells = grid.slice(block.start, block.start + block.size);
    const color = majorityColor(cells);
    const noise = cells.filter((cell) => cell !== color).length;
    if (color === 0 || noise > maxNoiseInside(block.size)) return null;
    return blank(grid.length).fill(color, block.start, block.start + block.size);
  },
};

/** A block moves to the right by its own size. */
const moveByOwnSize: Rule = {
  name: 'move_block_by_own_size',
  invariants: SAME_CELLS | ONE_COLOR,
  draw(random, length) {
    const size = between(random, 1, Math.floor(length / 2));
    const start = between(random, 0, length - 2 * size);
    return blank(length).fill(anyColor(random), start, start + size);
  },
  apply(grid) {
    const block = onlySegment(grid);
    if (block === null || block.color === 0 || block.start + 2 * block.size > grid.length) return null;
    const output = blank(grid.length);
    paint(output, block.start + block.size, block.size, block.color);
    return output;
  },
};

export const blockRules: readonly Rule[] = [removeNoise, removeNoiseInside, moveByOwnSize];
