/** A block moves by a fixed number of cells: 32 rules that differ in distance, direction, colours and what happens at the edge. */
import type { KeyedRandom } from '@evenkeel/core';
import { blank, type Grid, onlyColor, onlySegment } from '../grid.ts';
import { turnedRight } from '../invariant.ts';
import { anyColor, between, mirrored, type Rule } from '../rule.ts';

/** The colours of a block: one for all cells, or one for each. */
function drawColors(random: KeyedRandom, size: number, solid: boolean): number[] {
  const colors: number[] = [];
  const only = solid ? anyColor(random) : 0;
  for (let at = 0; at < size; at++) colors.push(solid ? only : anyColor(random));
  return colors;
}

function place(colors: readonly number[], start: number, length: number): number[] {
  const cells = blank(length);
  for (let at = 0; at < colors.length; at++) cells[(start + at) % length] = colors[at]!;
  return cells;
}

function rotateRight(grid: Grid, distance: number): number[] {
  const { length } = grid;
  const output: number[] = [];
  let from = (length - (distance % length)) % length;
  for (let at = 0; at < length; at++) {
    output.push(grid[from]!);
    from = from + 1 === length ? 0 : from + 1;
  }
  return output;
}

/** Whether the cells that are not background follow each other on the ring. */
function isOneBlockOnRing(grid: Grid): boolean {
  let blocks = 0;
  let filled = false;
  for (let at = 0; at < grid.length; at++) {
    if (grid[at] === 0) continue;
    filled = true;
    if (grid[at === 0 ? grid.length - 1 : at - 1] === 0) blocks++;
  }
  return filled && blocks <= 1;
}

function moveRight(name: string, distance: number, solid: boolean): Rule {
  return {
    name,
    invariants: turnedRight(distance),
    draw(random, length) {
      if (length < distance + 2) return null;
      const size = between(random, 1, length - distance - 1);
      const start = between(random, 0, length - size - distance);
      return place(drawColors(random, size, solid), start, length);
    },
    apply(grid) {
      const block = onlySegment(grid);
      if (block === null || (solid && block.color === 0)) return null;
      return block.start + block.size + distance > grid.length ? null : rotateRight(grid, distance);
    },
  };
}

function moveWrappedRight(name: string, distance: number, solid: boolean): Rule {
  return {
    name,
    invariants: turnedRight(distance),
    draw(random, length) {
      const size = between(random, 1, length);
      const start = between(random, 0, length - 1);
      return place(drawColors(random, size, solid), start, length);
    },
    apply(grid) {
      if (!isOneBlockOnRing(grid) || (solid && onlyColor(grid) === 0)) return null;
      return rotateRight(grid, distance);
    },
  };
}

function family(distance: number, texture: 'solid' | 'colorful'): Rule[] {
  const name = `move_${distance}pix_${texture}`;
  const right = moveRight(`${name}_right`, distance, texture === 'solid');
  const wrappedRight = moveWrappedRight(`${name}_wrapped_right`, distance, texture === 'solid');
  return [right, mirrored(`${name}_left`, right), wrappedRight, mirrored(`${name}_wrapped_left`, wrappedRight)];
}

export const moveRules: readonly Rule[] = [1, 2, 3, 4].flatMap((distance) => [
  ...family(distance, 'solid'),
  ...family(distance, 'colorful'),
]);
