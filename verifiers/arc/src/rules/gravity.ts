/**
 * Cells fall to one side: ten rules. Their published names have it the wrong way round (`gravity_right` packs to the left, its
 * mirror `gravity_left` to the right; only `gravity_antigravity_*` is named after where colour 1 goes). The names are kept: they
 * are identifiers, by which our rules are compared with the published ones.
 */
import { blank, type Grid, paint } from '../grid.ts';
import { ONE_COLOR, PACKED_LEFT, SAME_CELLS } from '../invariant.ts';
import { mirrored, type Rule, scattered } from '../rule.ts';

const drawColorful: Rule['draw'] = (random, length) => scattered(random, length, 9);

const drawOnesAndTwos: Rule['draw'] = (random, length) => scattered(random, length, 2);

function count(grid: Grid, color: number): number {
  let found = 0;
  for (const cell of grid) if (cell === color) found++;
  return found;
}

/** Counts of the colours 1 and 2; null where there is another colour, or neither. */
function onesAndTwos(grid: Grid): { ones: number; twos: number } | null {
  const ones = count(grid, 1);
  const twos = count(grid, 2);
  return ones + twos === 0 || ones + twos + count(grid, 0) !== grid.length ? null : { ones, twos };
}

/** All cells are packed, in their order. */
const pack: Rule = {
  name: 'gravity_right',
  invariants: SAME_CELLS | PACKED_LEFT,
  draw: drawColorful,
  apply(grid) {
    const output = blank(grid.length);
    let filled = 0;
    for (const cell of grid) if (cell !== 0) output[filled++] = cell;
    return filled === 0 ? null : output;
  },
};

/** As many cells of colour 1 as there are cells of any colour. */
const tally: Rule = {
  name: 'gravity_counting_right',
  invariants: ONE_COLOR | PACKED_LEFT,
  draw: drawColorful,
  apply(grid) {
    const filled = grid.length - count(grid, 0);
    if (filled === 0) return null;
    const output = blank(grid.length);
    paint(output, 0, filled, 1);
    return output;
  },
};

/** Colour 1 goes to the right end, colour 2 to the left. */
const part: Rule = {
  name: 'gravity_antigravity_right',
  invariants: SAME_CELLS,
  draw: drawOnesAndTwos,
  apply(grid) {
    const counts = onesAndTwos(grid);
    if (counts === null) return null;
    const output = blank(grid.length);
    paint(output, 0, counts.twos, 2);
    paint(output, grid.length - counts.ones, counts.ones, 1);
    return output;
  },
};

/** Each cell goes one step, if the place is free once the cell before it has gone. */
const step: Rule = {
  name: 'gravity_one_step_right',
  invariants: SAME_CELLS,
  draw: drawColorful,
  apply(grid) {
    const output = [...grid];
    let filled = output[0] !== 0;
    for (let at = 1; at < output.length; at++) {
      if (output[at] === 0) continue;
      filled = true;
      if (output[at - 1] !== 0) continue;
      output[at - 1] = output[at]!;
      output[at] = 0;
    }
    return filled ? output : null;
  },
};

/** Colour 2 is the heavier: it lies below colour 1. */
const weigh: Rule = {
  name: 'gravity_weighted_colors_right',
  invariants: SAME_CELLS | PACKED_LEFT,
  draw: drawOnesAndTwos,
  apply(grid) {
    const counts = onesAndTwos(grid);
    if (counts === null) return null;
    const output = blank(grid.length);
    paint(output, 0, counts.twos, 2);
    paint(output, counts.twos, counts.ones, 1);
    return output;
  },
};

export const gravityRules: readonly Rule[] = [pack, tally, part, step, weigh].flatMap((rule) => [
  rule,
  mirrored(rule.name.replace(/right$/, 'left'), rule),
]);
