/**
 * A grid of one dimension: a row of cells, 0 is background, 1 to 9 are colours. Here is how to read one; what is done with it is
 * the rules' business. No function changes its argument.
 */

/** Cells 0 to 9. */
export type Grid = readonly number[];

/** A maximal row of cells that are not background. */
export interface Segment {
  readonly start: number;
  /** Number of cells, at least 1. */
  readonly size: number;
  /** The colour of all its cells; 0 where it has more than one. */
  readonly color: number;
}

/** The segments of a grid, from left to right. */
export function segmentsOf(grid: Grid): Segment[] {
  const segments: Segment[] = [];
  for (let start = 0; start < grid.length; start++) {
    const first = grid[start]!;
    if (first === 0) continue;
    let end = start + 1;
    let color = first;
    for (; end < grid.length && grid[end] !== 0; end++) if (grid[end] !== first) color = 0;
    segments.push({ start, size: end - start, color });
    start = end;
  }
  return segments;
}

/** The only segment of a grid; null where there are none or several. */
export function onlySegment(grid: Grid): Segment | null {
  let start = 0;
  while (start < grid.length && grid[start] === 0) start++;
  if (start === grid.length) return null;
  const first = grid[start]!;
  let color = first;
  let end = start + 1;
  for (; end < grid.length && grid[end] !== 0; end++) if (grid[end] !== first) color = 0;
  for (let rest = end + 1; rest < grid.length; rest++) if (grid[rest] !== 0) return null;
  return { start, size: end - start, color };
}

/** The colour that all cells but the background have; 0 where there are none or several. */
export function onlyColor(grid: Grid): number {
  let color = 0;
  for (const cell of grid) {
    if (cell === 0) continue;
    if (color !== 0 && cell !== color) return 0;
    color = cell;
  }
  return color;
}

/** A grid of background cells, to be written on. */
export function blank(length: number): number[] {
  return new Array<number>(length).fill(0);
}

/** Writes `size` cells of a colour at `start`; what would lie outside the grid is left out. */
export function paint(cells: number[], start: number, size: number, color: number): void {
  const end = Math.min(start + size, cells.length);
  for (let at = Math.max(start, 0); at < end; at++) cells[at] = color;
}

export function mirror(grid: Grid): number[] {
  return grid.toReversed();
}

export function sameGrid(a: Grid, b: Grid): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
