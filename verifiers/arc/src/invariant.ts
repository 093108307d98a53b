/**
 * What can be the same, or otherwise regular, from an input to its output, as bits. A rule names those that all its pairs have; so most
 * rules are told from three examples to be none of theirs, without being applied: generation asks that of every rule of the level.
 */
import type { Grid } from './grid.ts';

/** The output is the input turned on a ring, to the right by `distance` cells (1 to 4), or to the left. */
export const turnedRight = (distance: number): number => 1 << (distance - 1);
const turnedLeft = (distance: number): number => 1 << (distance + 3);
/** As many cells of each colour. */
export const SAME_CELLS: number = 1 << 8;
/** Background where there was background, and nowhere else. */
export const SAME_PLACES: number = 1 << 9;
/** All cells that are not background stay as they are. */
export const KEPT: number = 1 << 10;
/** Every cell stays as it is, or becomes background. */
export const ONLY_REMOVED: number = 1 << 11;
/** The output has one colour beside the background. */
export const ONE_COLOR: number = 1 << 12;
/** The output's cells lie at the left edge, or at the right one, without a gap. */
export const PACKED_LEFT: number = 1 << 13;
const PACKED_RIGHT: number = 1 << 14;

/** All invariants of a pair. */
export function invariantsOf(input: Grid, output: Grid): number {
  return turnsOf(input, output) | changesOf(input, output) | formOf(output);
}

/** The same invariants, seen in a mirror. */
export function mirrorInvariants(invariants: number): number {
  let mirrored = invariants & (SAME_CELLS | SAME_PLACES | KEPT | ONLY_REMOVED | ONE_COLOR);
  for (const [one, other] of mirrorPairs) {
    if ((invariants & one) !== 0) mirrored |= other;
    if ((invariants & other) !== 0) mirrored |= one;
  }
  return mirrored;
}

const mirrorPairs: readonly (readonly [number, number])[] = [
  ...[1, 2, 3, 4].map((distance) => [turnedRight(distance), turnedLeft(distance)] as const),
  [PACKED_LEFT, PACKED_RIGHT],
];

const counts = new Int32Array(10);

function changesOf(input: Grid, output: Grid): number {
  counts.fill(0);
  let invariants = SAME_CELLS | SAME_PLACES | KEPT | ONLY_REMOVED;
  for (let at = 0; at < input.length; at++) {
    const before = input[at]!;
    const after = output[at]!;
    counts[before]! += 1;
    counts[after]! -= 1;
    if (before === after) continue;
    if (before !== 0) invariants &= ~KEPT;
    if (after !== 0) invariants &= ~ONLY_REMOVED;
    if (before === 0 || after === 0) invariants &= ~SAME_PLACES;
  }
  for (let color = 0; color < 10; color++) if (counts[color] !== 0) return invariants & ~SAME_CELLS;
  return invariants;
}

function formOf(output: Grid): number {
  let color = 0;
  let colors = 0;
  let edges = 0;
  let before = 0;
  for (let at = 0; at < output.length; at++) {
    const cell = output[at]!;
    if (cell !== 0 && cell !== color) {
      color = cell;
      colors++;
    }
    if ((cell === 0) !== (before === 0)) edges++;
    before = cell;
  }
  let form = colors === 1 ? ONE_COLOR : 0;
  if (output[0] !== 0 && edges <= 2) form |= PACKED_LEFT;
  if (before !== 0 && edges === 1) form |= PACKED_RIGHT;
  return form;
}

function turnsOf(input: Grid, output: Grid): number {
  let turns = 0;
  for (let distance = 1; distance <= 4; distance++) {
    if (isTurned(input, output, distance)) turns |= turnedRight(distance);
    if (isTurned(output, input, distance)) turns |= turnedLeft(distance);
  }
  return turns;
}

/** Whether a grid, turned to the right, gives another. */
function isTurned(from: Grid, to: Grid, distance: number): boolean {
  const { length } = from;
  for (let at = 0, place = distance % length; at < length; at++) {
    if (from[at] !== to[place]) return false;
    place = place + 1 === length ? 0 : place + 1;
  }
  return true;
}
