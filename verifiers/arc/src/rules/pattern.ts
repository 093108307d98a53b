/** Points, blocks and patterns are completed or copied. */
import { blank, type Grid, onlyColor, onlySegment, paint, segmentsOf } from '../grid.ts';
import { KEPT, ONE_COLOR, ONLY_REMOVED } from '../invariant.ts';
import { anyColor, between, type Rule } from '../rule.ts';

/** First and last cell that are not background. */
function ends(grid: Grid): { first: number; last: number } {
  let first = 0;
  let last = grid.length - 1;
  while (first < last && grid[first] === 0) first++;
  while (last > first && grid[last] === 0) last--;
  return { first, last };
}

/** Two points of one colour: the cells between them get it too. */
const fillBetween: Rule = {
  name: 'two_points_and_fill',
  invariants: KEPT | ONE_COLOR,
  draw(random, length) {
    const color = anyColor(random);
    const one = between(random, 0, length - 1);
    const other = between(random, 0, length - 1);
    if (one === other) return null;
    const cells = blank(length);
    cells[one] = color;
    cells[other] = color;
    return cells;
  },
  apply(grid) {
    const color = onlyColor(grid);
    const { first, last } = ends(grid);
    if (color === 0 || first === last) return null;
    for (let at = first + 1; at < last; at++) if (grid[at] !== 0) return null;
    return blank(grid.length).fill(color, first, last + 1);
  },
};

/** The other way round: of a block, the two ends are kept. */
const keepEnds: Rule = {
  name: 'two_points_and_fill_inv',
  invariants: ONLY_REMOVED | ONE_COLOR,
  draw(random, length) {
    const points = fillBetween.draw(random, length);
    return points === null ? null : fillBetween.apply(points);
  },
  apply(grid) {
    const block = onlySegment(grid);
    if (block === null || block.color === 0 || block.size < 2) return null;
    const output = blank(grid.length);
    output[block.start] = block.color;
    output[block.start + block.size - 1] = block.color;
    return output;
  },
};

/** A block of 3 or 5 at the left edge, and dots to its right: it is copied to each, the dot in the middle. */
function copyToDots(name: string, takesDotColor: boolean): Rule {
  return {
    name,
    invariants: takesDotColor ? KEPT : KEPT | ONE_COLOR,
    draw(random, length) {
      const size = random.integer(2) === 0 ? 3 : 5;
      if (size >= length) return null;
      const color = anyColor(random);
      const cells = blank(length).fill(color, 0, size);
      let dots = 0;
      for (let at = size + (size - 1) / 2 + 1; at <= length - size; at++) {
        if (random.integer(2) === 0) continue;
        cells[at] = takesDotColor ? anyColor(random) : color;
        dots++;
        at += size;
      }
      return dots === 0 ? null : cells;
    },
    apply(grid) {
      const [block, ...dots] = segmentsOf(grid);
      if (block === undefined || block.start !== 0 || !(block.size === 3 || block.size === 5)) return null;
      if (block.color === 0 || dots.length === 0) return null;
      const output = blank(grid.length).fill(block.color, 0, block.size);
      let free = block.size + 1;
      for (const dot of dots) {
        const start = dot.start - (block.size - 1) / 2;
        const hasRoom = start >= free && dot.start + block.size <= grid.length;
        if (dot.size > 1 || !hasRoom || (!takesDotColor && dot.color !== block.color)) return null;
        paint(output, start, block.size, dot.color);
        free = start + block.size + 1;
      }
      return output;
    },
  };
}

/** A pattern of 2 to 5 cells stands twice at the left edge: it goes on to the right edge. */
const repeat: Rule = {
  name: 'repeat_pattern_full',
  invariants: KEPT,
  draw(random, length) {
    const size = between(random, 2, 5);
    const pattern = Array.from({ length: size }, () => anyColor(random));
    if (2 * size >= length) return null;
    return [...pattern, ...pattern, ...blank(length - 2 * size)];
  },
  apply(grid) {
    const shown = onlySegment(grid);
    if (shown === null || shown.start !== 0 || shown.size % 2 === 1 || shown.size === grid.length) return null;
    const size = shown.size / 2;
    if (size < 2 || size > 5) return null;
    for (let at = 0; at < size; at++) if (grid[at] !== grid[at + size]) return null;
    return grid.map((_, at) => grid[at % size]!);
  },
};

export const patternRules: readonly Rule[] = [
  fillBetween,
  keepEnds,
  copyToDots('copy_block_to_dots', false),
  copyToDots('copy_block_to_dots_colors', true),
  repeat,
];
