/** Colour spreads from a pixel until something stops it. */
import { blank, onlySegment, paint } from '../grid.ts';
import { anyColor, between, colorBut, type Rule } from '../rule.ts';
import { hasBorderPixel } from './reflect.ts';

/** A block with one pixel of another colour at one side: that colour fills the grid from there to the edge. */
const fillFromPixel: Rule = {
  name: 'fill_from_pixel',
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

export const fillRules: readonly Rule[] = [fillFromPixel];
