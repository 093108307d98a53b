/** Points, blocks and patterns are completed or copied. */
import { blank, type Grid, onlyColor, onlySegment, paint, segmentsOf } from '../grid.ts';
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

export const patternRules: readonly Rule[] = [fillBetween, keepEnds];
