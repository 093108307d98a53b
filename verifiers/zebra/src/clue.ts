/**
 * Clues, as objects to read and as numbers to compute with. They know values as numbers only: value `characteristic × houses + k` is the
 * k-th value of a characteristic; a grid gives each value its house, counted from 0.
 */

/** `same`: one house; `in`: that house; `left`: directly left of; `by`: next to. */
export type ClueKind = 'same' | 'in' | 'left' | 'by';

export interface Clue {
  readonly kind: ClueKind;
  /** A value. */
  readonly a: number;
  /** A value; for `in` a house. */
  readonly b: number;
}

/** The house of each value. */
export type Grid = readonly number[];

/** Kind, `a` and `b` of a clue in one number: generation goes through dozens of clues for each puzzle, most of them thrown away. */
export type ClueCode = number;

export const IN = 0;
export const SAME = 1;
export const LEFT = 2;
export const BY = 3;
const kinds: readonly ClueKind[] = ['in', 'same', 'left', 'by'];

export function clueCode(kind: number, a: number, b: number): ClueCode {
  return (kind << 20) | (a << 10) | b;
}

export function encodeClue({ kind, a, b }: Clue): ClueCode {
  return clueCode(kinds.indexOf(kind), a, b);
}

export function decodeClue(code: ClueCode): Clue {
  return { kind: kinds[kindOf(code)]!, a: firstOf(code), b: secondOf(code) };
}

/** `IN`, `SAME`, `LEFT` or `BY`. */
export function kindOf(code: ClueCode): number {
  return code >> 20;
}

/** `a`: a value. */
export function firstOf(code: ClueCode): number {
  return (code >> 10) & 1023;
}

/** `b`: a value; of an `IN` a house. */
export function secondOf(code: ClueCode): number {
  return code & 1023;
}

/** Whether a grid agrees with a clue. */
export function satisfies(grid: Grid, code: ClueCode): boolean {
  const house = grid[firstOf(code)]!;
  const b = secondOf(code);
  switch (kindOf(code)) {
    case IN:
      return house === b;
    case SAME:
      return house === grid[b];
    case LEFT:
      return house + 1 === grid[b];
    default:
      return Math.abs(house - grid[b]!) === 1;
  }
}
