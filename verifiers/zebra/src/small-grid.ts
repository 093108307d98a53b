/**
 * The exact solver once more, for three houses and three characteristics. There are only 216 grids: which of them agree with all clues is
 * known at any time, a bit each, and where it is one or two, there is nothing to search. Where it is more, the search is that of
 * `GridSearch`, and finds the same grid; but all domains lie in one number of 27 bits, three for each value, and what is left of them stands
 * in tables. That is many times as fast: at the easy levels nine of ten puzzles of a rare split are drawn to be thrown away.
 */
import { type ClueCode, clueCode, firstOf, type Grid, IN, kindOf, satisfies, secondOf } from './clue.ts';
import { narrowPair, spreadOut } from './grid.ts';

const VALUES = 9;
const DOMAIN = 0b111;
const CHARACTERISTIC = 0b111_111_111;

/** By kind and two domains, `kind << 6 | one << 3 | two`: what the clue leaves of them, 0 for a contradiction. */
const pairTable = Uint8Array.from({ length: 4 << 6 }, (_, place) => {
  const pair = narrowPair(place >> 6, (place >> 3) & DOMAIN, place & DOMAIN);
  const [one, two] = [pair >> 8, pair & 255];
  return one === 0 || two === 0 ? 0 : (one << 3) | two;
});

/** By the domains of a characteristic's values: what is left as they stand in different houses, 0 for a contradiction. */
const spreadTable = Uint16Array.from({ length: CHARACTERISTIC + 1 }, (_, place) => {
  const domains = Int32Array.of(place & DOMAIN, (place >> 3) & DOMAIN, place >> 6);
  return spreadOut(domains, 0, 3) ? domains[0]! | (domains[1]! << 3) | (domains[2]! << 6) : 0;
});

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const grids: readonly Grid[] = orders.flatMap((one) =>
  orders.flatMap((two) => orders.map((three) => [...one, ...two, ...three])),
);

/** 216 bits. */
const WORDS = 7;

/** By kind and two values: which grids agree with the clue. */
const agreeing = new Int32Array(4 * VALUES * VALUES * WORDS);
for (let clue = 0; clue < 4 * VALUES * VALUES; clue++) {
  const [kind, a, b] = [Math.trunc(clue / (VALUES * VALUES)), Math.trunc(clue / VALUES) % VALUES, clue % VALUES];
  for (const [at, grid] of grids.entries()) {
    if (satisfies(grid, clueCode(kind, a, b))) agreeing[clue * WORDS + (at >> 5)]! |= 1 << at;
  }
}

/** Where the words of a clue begin. */
function rowOf(clue: ClueCode): number {
  return ((kindOf(clue) * VALUES + firstOf(clue)) * VALUES + secondOf(clue)) * WORDS;
}

/** Whether the clues leave one grid only, the one at a place aside. They all leave one. */
function isNeedless(clues: readonly ClueCode[], exempt: number): boolean {
  let found = false;
  for (let word = 0; word < WORDS; word++) {
    let left = -1;
    for (let at = 0; at < clues.length; at++) if (at !== exempt) left &= agreeing[rowOf(clues[at]!) + word]!;
    if (left === 0) continue;
    if (found || (left & (left - 1)) !== 0) return false;
    found = true;
  }
  return true;
}

/** As `GridSearch`. The two values of a clue must not be the same one. */
export class SmallGridSearch {
  /** Which grids agree with all clues. */
  readonly #left = new Int32Array(WORDS);
  /** What the clues alone leave; 0 for a contradiction. */
  #root = 0;
  /** Of each clue about two values: its part of the place in `pairTable`, and where the values' domains begin. */
  readonly #kinds: number[] = [];
  readonly #firsts: number[] = [];
  readonly #seconds: number[] = [];

  constructor() {
    this.clear();
  }

  clear(): void {
    for (let word = 0; word < WORDS; word++) this.#left[word] = word < WORDS - 1 ? -1 : (1 << (grids.length % 32)) - 1;
    this.#root = (1 << (3 * VALUES)) - 1;
    this.#kinds.length = 0;
    this.#firsts.length = 0;
    this.#seconds.length = 0;
  }

  add(clue: ClueCode): void {
    const row = rowOf(clue);
    for (let word = 0; word < WORDS; word++) this.#left[word]! &= agreeing[row + word]!;
    const first = 3 * firstOf(clue);
    if (kindOf(clue) === IN) {
      this.#root &= ~(DOMAIN << first) | (1 << (first + secondOf(clue)));
      return;
    }
    this.#kinds.push(kindOf(clue) << 6);
    this.#firsts.push(first);
    this.#seconds.push(3 * secondOf(clue));
  }

  find(except: Grid | null): Grid | null {
    let one = -1;
    let two = -1;
    let count = 0;
    for (let word = 0; word < WORDS && count < 3; word++) {
      for (let rest = this.#left[word]!; rest !== 0 && count < 3; rest &= rest - 1) {
        two = one;
        one = 32 * word + 31 - Math.clz32(rest & -rest);
        count++;
      }
    }
    if (count === 0) return null;
    if (count === 1) return isSame(grids[one]!, except) ? null : grids[one]!;
    if (count === 2 && isSame(grids[one]!, except)) return grids[two]!;
    if (count === 2 && isSame(grids[two]!, except)) return grids[one]!;
    return this.#searchFrom(except);
  }

  /** As `GridSearch`: that a clue is needed shows as grids that the others leave. */
  withoutNeedless(clues: ClueCode[]): ClueCode[] {
    for (let at = clues.length - 1; at >= 0; at--) if (isNeedless(clues, at)) clues.splice(at, 1);
    return clues;
  }

  #searchFrom(except: Grid | null): Grid | null {
    this.#root = this.#narrow(this.#root);
    const decided = this.#root === 0 ? 0 : this.#search(this.#root, except === null ? 0 : domainsOf(except));
    return decided === 0 ? null : gridOf(decided);
  }

  /** @returns domains of one house each, 0 for none */
  #search(domains: number, except: number): number {
    const start = narrowestOpen(domains);
    if (start < 0) return domains === except ? 0 : domains;
    const others = domains & ~(DOMAIN << start);
    const last = except & domains & (DOMAIN << start);
    for (let rest = domains & (DOMAIN << start) & ~last; rest !== 0; rest &= rest - 1) {
      const narrowed = this.#narrow(others | (rest & -rest));
      const found = narrowed === 0 ? 0 : this.#search(narrowed, except);
      if (found !== 0) return found;
    }
    const narrowed = last === 0 ? 0 : this.#narrow(others | last);
    return narrowed === 0 ? 0 : this.#search(narrowed, except);
  }

  #narrow(domains: number): number {
    let narrowed = domains;
    for (;;) {
      const one = spreadTable[narrowed & CHARACTERISTIC]!;
      const two = spreadTable[(narrowed >> 9) & CHARACTERISTIC]!;
      const three = spreadTable[narrowed >> 18]!;
      if (one === 0 || two === 0 || three === 0) return 0;
      const spread = one | (two << 9) | (three << 18);
      narrowed = spread;
      for (let at = 0; at < this.#kinds.length; at++) {
        const first = this.#firsts[at]!;
        const second = this.#seconds[at]!;
        const place = (((narrowed >> first) & DOMAIN) << 3) | ((narrowed >> second) & DOMAIN);
        const pair = pairTable[this.#kinds[at]! | place]!;
        if (pair === place) continue;
        if (pair === 0) return 0;
        narrowed &= ~((DOMAIN << first) | (DOMAIN << second));
        narrowed |= ((pair >> 3) << first) | ((pair & DOMAIN) << second);
      }
      if (narrowed === spread) return narrowed;
    }
  }
}

function isSame(grid: Grid, other: Grid | null): boolean {
  if (other === null) return false;
  for (let value = 0; value < VALUES; value++) if (grid[value] !== other[value]) return false;
  return true;
}

/** Where the domain of the undecided value with the fewest houses left begins; −1 where all are decided. */
function narrowestOpen(domains: number): number {
  let narrowest = -1;
  for (let start = 0; start < 3 * VALUES; start += 3) {
    const domain = (domains >> start) & DOMAIN;
    if (domain === DOMAIN) {
      if (narrowest < 0) narrowest = start;
    } else if ((domain & (domain - 1)) !== 0) return start;
  }
  return narrowest;
}

function domainsOf(grid: Grid): number {
  let domains = 0;
  for (let value = 0; value < VALUES; value++) domains |= 1 << (3 * value + grid[value]!);
  return domains;
}

function gridOf(decided: number): Grid {
  const houseOf = (value: number): number => 31 - Math.clz32((decided >> (3 * value)) & DOMAIN);
  return [0, 1, 2, 3, 4, 5, 6, 7, 8].map(houseOf);
}
