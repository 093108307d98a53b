/**
 * The exact solver: houses in a row, one value of each characteristic per house, clues. It knows values as numbers only.
 *
 * Value `characteristic × houses + k` is the k-th value of a characteristic; a grid gives each value its house, counted from 0.
 * Invariant: the search is complete, so that "no other grid" is a proof.
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

/** Whether a grid agrees with a clue. */
export function satisfies(grid: Grid, { kind, a, b }: Clue): boolean {
  switch (kind) {
    case 'same':
      return grid[a] === grid[b];
    case 'in':
      return grid[a] === b;
    case 'left':
      return grid[a]! + 1 === grid[b];
    case 'by':
      return Math.abs(grid[a]! - grid[b]!) === 1;
  }
}

/** What is searched: at most 8 houses. */
export interface GridProblem {
  readonly houses: number;
  readonly characteristics: number;
  readonly clues: readonly Clue[];
}

/**
 * A grid that agrees with all clues and is not `except`. With a solution as `except`, null proves that it is the only one.
 *
 * @param except null: any grid
 * @returns null where there is none
 */
export function findGrid(problem: GridProblem, except: Grid | null): Grid | null {
  const values = problem.houses * problem.characteristics;
  return search(problem, new Array<number>(values).fill((1 << problem.houses) - 1), except);
}

/** `domains`: for each value a bit per house that it may still stand in; changed here. */
function search(problem: GridProblem, domains: number[], except: Grid | null): Grid | null {
  if (!propagate(problem, domains)) return null;
  const value = narrowestOpen(domains);
  if (value < 0) {
    const grid = domains.map((domain) => 31 - Math.clz32(domain));
    return except?.every((house, at) => house === grid[at]) ? null : grid;
  }
  const domain = domains[value]!;
  // The excepted grid's house comes last: another grid is found sooner elsewhere.
  const last = except === null ? 0 : domain & (1 << except[value]!);
  for (let rest = domain & ~last; rest !== 0; rest &= rest - 1) {
    const found = branch(problem, domains, value, rest & -rest, except);
    if (found !== null) return found;
  }
  return last === 0 ? null : branch(problem, domains, value, last, except);
}

function branch(
  problem: GridProblem,
  domains: number[],
  value: number,
  domain: number,
  except: Grid | null,
): Grid | null {
  const copy = domains.slice();
  copy[value] = domain;
  return search(problem, copy, except);
}

/** The undecided value with the fewest houses left; −1 where all are decided. */
function narrowestOpen(domains: readonly number[]): number {
  let narrowest = -1;
  let fewest = 99;
  for (let value = 0; value < domains.length; value++) {
    const size = bitCount(domains[value]!);
    if (size > 1 && size < fewest) {
      narrowest = value;
      fewest = size;
      if (size === 2) break;
    }
  }
  return narrowest;
}

/** Narrows the domains until nothing changes. @returns false on a contradiction */
function propagate(problem: GridProblem, domains: number[]): boolean {
  for (;;) {
    let changed = false;
    for (const { kind, a, b } of problem.clues) {
      const before = domains[a]!;
      if (kind === 'in') {
        const narrowed = before & (1 << b);
        if (narrowed === 0) return false;
        if (narrowed !== before) {
          domains[a] = narrowed;
          changed = true;
        }
        continue;
      }
      const other = domains[b]!;
      let one = before;
      let two = other;
      if (kind === 'same') {
        one &= other;
        two = one;
      } else if (kind === 'left') {
        one &= other >> 1;
        two &= one << 1;
      } else {
        one &= (other >> 1) | (other << 1);
        two &= (one >> 1) | (one << 1);
      }
      if (one === 0 || two === 0) return false;
      if (one !== before || two !== other) {
        domains[a] = one;
        domains[b] = two;
        changed = true;
      }
    }
    for (let first = 0; first < domains.length; first += problem.houses) {
      const outcome = spreadOut(domains, first, problem.houses);
      if (outcome === 'contradiction') return false;
      if (outcome === 'changed') changed = true;
    }
    if (!changed) return true;
  }
}

/** One characteristic's values stand in different houses: a decided one leaves the others, a house with one candidate takes it. */
function spreadOut(domains: number[], first: number, houses: number): 'contradiction' | 'changed' | 'same' {
  let changed = false;
  let decided = 0;
  let once = 0;
  let twice = 0;
  for (let value = first; value < first + houses; value++) {
    const domain = domains[value]!;
    twice |= once & domain;
    once |= domain;
    if ((domain & (domain - 1)) === 0) {
      if ((decided & domain) !== 0) return 'contradiction';
      decided |= domain;
    }
  }
  if (once !== (1 << houses) - 1) return 'contradiction';
  const single = once & ~twice;
  if (single === once) return 'same';
  for (let value = first; value < first + houses; value++) {
    const domain = domains[value]!;
    if ((domain & (domain - 1)) === 0) continue;
    let narrowed = domain & ~decided;
    const own = narrowed & single;
    if (own !== 0) narrowed = own;
    if (narrowed === 0 || (own & (own - 1)) !== 0) return 'contradiction';
    if (narrowed !== domain) {
      domains[value] = narrowed;
      changed = true;
    }
  }
  return changed ? 'changed' : 'same';
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
