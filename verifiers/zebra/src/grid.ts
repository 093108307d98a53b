/**
 * The exact solver: houses in a row, one value of each characteristic per house, clues. It narrows domains and searches what is left.
 *
 * Invariant: the search is complete, so that "no other grid" is a proof.
 */
import {
  type Clue,
  type ClueCode,
  encodeClue,
  firstOf,
  type Grid,
  IN,
  kindOf,
  LEFT,
  SAME,
  satisfies,
  secondOf,
} from './clue.ts';

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
  const search = new GridSearch(problem.houses, problem.characteristics);
  for (const clue of problem.clues) search.add(encodeClue(clue));
  return search.find(except);
}

/**
 * The search for one set of clues, which may grow. Narrowing ends at the same domains in whatever order the clues come, so that what
 * is found depends on the clues alone. The domains of a depth are one row of an array: nothing is allocated on the way.
 */
export class GridSearch {
  readonly #houses: number;
  readonly #values: number;
  /** A bit for each characteristic. */
  readonly #all: number;
  /** For each depth and value a bit per house that it may still stand in. Row 0: what the clues alone leave. */
  readonly #domains: Int32Array;
  /** But those of kind `in`, which row 0 keeps. */
  readonly #clues: ClueCode[] = [];
  /** Of each clue the characteristics that it is about. */
  readonly #about: number[] = [];
  /** The characteristics that were changed in row 0, or got a clue, since it was narrowed. */
  #touched = 0;
  #except: Grid | null = null;

  constructor(houses: number, characteristics: number) {
    this.#houses = houses;
    this.#values = houses * characteristics;
    this.#all = (1 << characteristics) - 1;
    this.#domains = new Int32Array(this.#values * (this.#values + 1));
    this.clear();
  }

  /** Takes all clues out. */
  clear(): void {
    this.#clues.length = 0;
    this.#about.length = 0;
    this.#touched = 0;
    const anywhere = (1 << this.#houses) - 1;
    for (let value = 0; value < this.#values; value++) this.#domains[value] = anywhere;
  }

  add(clue: ClueCode): void {
    const a = firstOf(clue);
    const b = secondOf(clue);
    const first = 1 << Math.trunc(a / this.#houses);
    if (kindOf(clue) === IN) {
      this.#domains[a]! &= 1 << b;
      this.#touched |= first;
      return;
    }
    const about = first | (1 << Math.trunc(b / this.#houses));
    this.#clues.push(clue);
    this.#about.push(about);
    this.#touched |= about;
  }

  /** A grid that agrees with all clues and is not `except`; null where there is none. */
  find(except: Grid | null): Grid | null {
    this.#except = except;
    if (!this.#narrow(0, this.#touched)) {
      this.#touched = this.#all;
      return null;
    }
    this.#touched = 0;
    return this.#search(0);
  }

  /**
   * Clues without those that the others make needless; the last one is tried first. The clues that were added are forgotten.
   *
   * @param clues leave one grid only; changed
   * @param others grids that some of them leave, which often show at once that a clue is needed; more are added
   */
  withoutNeedless(clues: ClueCode[], grid: Grid, others: Grid[]): ClueCode[] {
    for (let at = clues.length - 1; at >= 0; at--) {
      if (anySatisfiesAllBut(others, clues, at)) continue;
      this.clear();
      for (let each = 0; each < clues.length; each++) if (each !== at) this.add(clues[each]!);
      const other = this.find(grid);
      if (other === null) clues.splice(at, 1);
      else others.push(other);
    }
    return clues;
  }

  /** Searches below a row that is narrowed. */
  #search(row: number): Grid | null {
    const value = this.#narrowestOpen(row);
    if (value < 0) return this.#decided(row);
    const domain = this.#domains[row + value]!;
    // The excepted grid's house comes last: another grid is found sooner elsewhere.
    const last = this.#except === null ? 0 : domain & (1 << this.#except[value]!);
    for (let rest = domain & ~last; rest !== 0; rest &= rest - 1) {
      const found = this.#branch(row, value, rest & -rest);
      if (found !== null) return found;
    }
    return last === 0 ? null : this.#branch(row, value, last);
  }

  #branch(row: number, value: number, domain: number): Grid | null {
    const domains = this.#domains;
    const next = row + this.#values;
    for (let at = row; at < next; at++) domains[at + this.#values] = domains[at]!;
    domains[next + value] = domain;
    return this.#narrow(next, 1 << Math.trunc(value / this.#houses)) ? this.#search(next) : null;
  }

  /** The grid of a row whose domains are all of one house; null where it is the excepted one. */
  #decided(row: number): Grid | null {
    const grid: number[] = [];
    let isExcepted = this.#except !== null;
    for (let value = 0; value < this.#values; value++) {
      const house = 31 - Math.clz32(this.#domains[row + value]!);
      grid.push(house);
      if (isExcepted && house !== this.#except![value]) isExcepted = false;
    }
    return isExcepted ? null : grid;
  }

  /** The undecided value with the fewest houses left; −1 where all are decided. */
  #narrowestOpen(row: number): number {
    let narrowest = -1;
    let fewest = 99;
    for (let value = 0; value < this.#values; value++) {
      const domain = this.#domains[row + value]!;
      const left = domain & (domain - 1);
      if (left === 0) continue;
      if ((left & (left - 1)) === 0) return value;
      const size = bitCount(domain);
      if (size < fewest) {
        narrowest = value;
        fewest = size;
      }
    }
    return narrowest;
  }

  /**
   * Narrows a row's domains until nothing changes.
   *
   * @param touched the characteristics in which it may not be narrowed yet, a bit each
   * @returns false on a contradiction
   */
  #narrow(row: number, touched: number): boolean {
    const domains = this.#domains;
    const houses = this.#houses;
    let open = touched;
    while (open !== 0) {
      for (let rest = open; rest !== 0; rest &= rest - 1) {
        const first = row + houses * (31 - Math.clz32(rest & -rest));
        if (!spreadOut(domains, first, houses)) return false;
      }
      const changed = this.#follow(row, open);
      if (changed < 0) return false;
      open = changed;
    }
    return true;
  }

  /**
   * Follows each clue about one of the characteristics once.
   *
   * @returns the characteristics that were changed, a bit each; −1 on a contradiction
   */
  #follow(row: number, characteristics: number): number {
    const domains = this.#domains;
    const clues = this.#clues;
    let changed = 0;
    for (let at = 0; at < clues.length; at++) {
      const about = this.#about[at]!;
      if ((about & (characteristics | changed)) === 0) continue;
      const clue = clues[at]!;
      const a = row + firstOf(clue);
      const b = row + secondOf(clue);
      const pair = narrowPair(kindOf(clue), domains[a]!, domains[b]!);
      const one = pair >> 8;
      const two = pair & 255;
      if (one === domains[a] && two === domains[b]) continue;
      if (one === 0 || two === 0) return -1;
      domains[a] = one;
      domains[b] = two;
      changed |= about;
    }
    return changed;
  }
}

function anySatisfiesAllBut(grids: readonly Grid[], clues: readonly ClueCode[], exempt: number): boolean {
  for (const grid of grids) {
    let at = 0;
    while (at < clues.length && (at === exempt || satisfies(grid, clues[at]!))) at++;
    if (at === clues.length) return true;
  }
  return false;
}

/** What a clue about two values leaves of their domains, as `one << 8 | two`. */
export function narrowPair(kind: number, one: number, two: number): number {
  switch (kind) {
    case SAME:
      return ((one & two) << 8) | (one & two);
    case LEFT: {
      const left = one & (two >> 1);
      return (left << 8) | (two & (left << 1));
    }
    default: {
      const beside = one & ((two >> 1) | (two << 1));
      return (beside << 8) | (two & ((beside >> 1) | (beside << 1)));
    }
  }
}

/**
 * One characteristic's values stand in different houses: a decided one leaves the others, a house with one candidate takes it.
 *
 * @returns false on a contradiction
 */
export function spreadOut(domains: Int32Array, first: number, houses: number): boolean {
  const end = first + houses;
  for (;;) {
    let decided = 0;
    let once = 0;
    let twice = 0;
    for (let value = first; value < end; value++) {
      const domain = domains[value]!;
      twice |= once & domain;
      once |= domain;
      if ((domain & (domain - 1)) === 0) {
        if (domain === 0 || (decided & domain) !== 0) return false;
        decided |= domain;
      }
    }
    if (once !== (1 << houses) - 1) return false;
    const single = once & ~twice;
    if (single === once) return true;
    let changed = false;
    for (let value = first; value < end; value++) {
      const domain = domains[value]!;
      if ((domain & (domain - 1)) === 0) continue;
      let narrowed = domain & ~decided;
      const own = narrowed & single;
      if (own !== 0) narrowed = own;
      if (narrowed === 0 || (own & (own - 1)) !== 0) return false;
      if (narrowed !== domain) {
        domains[value] = narrowed;
        changed = true;
      }
    }
    if (!changed) return true;
  }
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
