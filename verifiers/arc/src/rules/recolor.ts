/** Cells change their colour and stay where they are. */
import { blank, type Grid, onlyColor, paint, type Segment, segmentsOf } from '../grid.ts';
import { ONE_COLOR, SAME_PLACES } from '../invariant.ts';
import { between, type Rule, scattered } from '../rule.ts';

const changeToFive: Rule = {
  name: 'change_to_five',
  invariants: SAME_PLACES | ONE_COLOR,
  draw: (random, length) => scattered(random, length, 9),
  apply: (grid) => (grid.every((cell) => cell === 0) ? null : grid.map((cell) => (cell === 0 ? 0 : 5))),
};

/** The grid with each of some segments painted over. */
function repainted(grid: Grid, segments: readonly Segment[], colorOf: (segment: Segment, at: number) => number): Grid {
  const output = [...grid];
  segments.forEach((segment, at) => {
    paint(output, segment.start, segment.size, colorOf(segment, at));
  });
  return output;
}

/** Of several blocks of one colour, the biggest gets colour 1. */
const paintBiggest: Rule = {
  name: 'paint_biggest_block',
  invariants: SAME_PLACES,
  draw(random, length) {
    const color = between(random, 2, 9);
    const cells = blank(length);
    for (let at = 0; at < length; at++) {
      if (length - at < 2 || random.uniform() >= 0.4) continue;
      const size = between(random, 2, Math.min(length - at, 6));
      paint(cells, at, size, color);
      at += size;
    }
    return paintBiggest.apply(cells) === null ? null : cells;
  },
  apply(grid) {
    const color = onlyColor(grid);
    const blocks = segmentsOf(grid);
    if (color < 2 || blocks.length < 2 || blocks.some(({ size }) => size < 2)) return null;
    const biggest = Math.max(...blocks.map(({ size }) => size));
    const best = blocks.filter(({ size }) => size === biggest);
    return best.length > 1 ? null : repainted(grid, best, () => 1);
  },
};

/** Of two blocks of colour 3, the bigger gets colour 1 and the smaller colour 2. */
const recolorBySize: Rule = {
  name: 'recolor_blocks_by_size',
  invariants: SAME_PLACES,
  draw(random, length) {
    const first = between(random, 2, 8);
    const second = between(random, 2, 8);
    if (first === second || first + second >= length) return null;
    const start = between(random, 0, length - first - second - 1);
    const next = between(random, start + first + 1, length - second);
    return blank(length)
      .fill(3, start, start + first)
      .fill(3, next, next + second);
  },
  apply(grid) {
    const blocks = segmentsOf(grid);
    const [first, second] = blocks;
    if (onlyColor(grid) !== 3 || first === undefined || second === undefined || blocks.length > 2) return null;
    if (first.size === second.size || Math.min(first.size, second.size) < 2) return null;
    return repainted(grid, blocks, ({ size }) => (size === Math.max(first.size, second.size) ? 1 : 2));
  },
};

/** A palette at the left edge, and as many blocks of colour 5: each gets its colour of the palette, in order. */
const recolorFromPalette: Rule = {
  name: 'recolor_blocks_from_palette',
  invariants: SAME_PLACES,
  draw(random, length) {
    const size = between(random, 2, 4);
    const starts: number[] = [];
    for (let at = 0; at + size <= length; at++) {
      if (random.uniform() >= 0.4) continue;
      starts.push(at);
      at += size;
    }
    // The blocks make room for the palette and a gap; those that would fall off are left out, and the palette is the shorter.
    while (starts.length > 0 && starts.at(-1)! + size + starts.length + 1 >= length) starts.pop();
    if (starts.length === 0) return null;
    const palette = random.shuffle([1, 2, 3, 4, 5, 6, 7, 8, 9]).slice(0, starts.length);
    if (palette.length < starts.length) return null;
    const cells = [...palette, ...blank(length - palette.length)];
    for (const start of starts) paint(cells, start + palette.length + 1, size, 5);
    return cells;
  },
  apply(grid) {
    const [palette, ...blocks] = segmentsOf(grid);
    if (palette === undefined || palette.start !== 0 || palette.size !== blocks.length) return null;
    const colors = grid.slice(0, palette.size);
    const size = blocks[0]!.size;
    const areBlocks = blocks.every((block) => block.size === size && block.color === 5);
    if (!areBlocks || size < 2 || size > 4 || new Set(colors).size < colors.length) return null;
    return repainted(grid, blocks, (_, at) => colors[at]!);
  },
};

/** Of each block of colour 2, the left half (rounded down) gets colour 8. */
const colorLeftHalf: Rule = {
  name: 'color_left_half_blocks',
  invariants: SAME_PLACES,
  draw(random, length) {
    const cells = blank(length);
    for (let at = 0; at < length; at++) {
      if (random.uniform() >= 0.4) continue;
      const size = between(random, 2, Math.floor(length / 2));
      if (at + size > length) break;
      paint(cells, at, size, 2);
      at += size;
    }
    return colorLeftHalf.apply(cells) === null ? null : cells;
  },
  apply(grid) {
    const blocks = segmentsOf(grid);
    if (onlyColor(grid) !== 2 || blocks.length < 2 || blocks.some(({ size }) => size < 2)) return null;
    const leftHalves = blocks.map((block) => ({ ...block, size: Math.floor(block.size / 2) }));
    return repainted(grid, leftHalves, () => 8);
  },
};

export const recolorRules: readonly Rule[] = [
  changeToFive,
  paintBiggest,
  recolorBySize,
  recolorFromPalette,
  colorLeftHalf,
];
