/**
 * The clues of a puzzle: true ones are added until the exact solver finds no other grid, then each that is not needed is taken out. The
 * order of the draws is part of a generator's version.
 */
import type { KeyedRandom } from '@evenkeel/core';
import {
  BY,
  type ClueCode,
  clueCode,
  firstOf,
  type Grid,
  IN,
  kindOf,
  LEFT,
  SAME,
  satisfies,
  secondOf,
} from './clue.ts';
import { GridSearch } from './grid.ts';
import { SmallGridSearch } from './small-grid.ts';

/** How often which kind is tried, of 100: gives about the shares that published puzzles have. */
const kindShares = [
  [SAME, 48],
  [IN, 22],
  [LEFT, 20],
  [BY, 10],
] as const;
const kindOfDraw: readonly number[] = kindShares.flatMap(([kind, share]) => new Array<number>(share).fill(kind));

/**
 * True clues that leave only this grid, none of which can be left out, in random order.
 *
 * @param grid characteristic for characteristic a permutation of the houses
 */
export function minimalClues(random: KeyedRandom, houses: number, grid: Grid): ClueCode[] {
  const search = searchOf(houses);
  const candidates = shuffledClues(random, houses, grid);
  const clues: ClueCode[] = [];
  /** Grids that some of the clues leave. */
  const others: Grid[] = [];
  search.clear();
  for (;;) {
    const other = search.find(grid);
    if (other === null) break;
    others.push(other);
    const clue = excluding(other, candidates);
    clues.push(clue);
    search.add(clue);
  }
  return search.withoutNeedless(random.shuffle(clues), grid, others);
}

/** The first clue that a grid breaks. One exists: the `in` clues alone give the right grid. */
function excluding(other: Grid, candidates: readonly ClueCode[]): ClueCode {
  let at = 0;
  while (satisfies(other, candidates[at]!)) at++;
  return candidates[at]!;
}

/** Lists that are filled anew for each puzzle: clues by kind, and all of them in order. */
const ofKind: ClueCode[][] = [[], [], [], []];
const order: ClueCode[] = [];

/**
 * All clues that hold in the grid, each said one way round, in an order that mixes the kinds by their shares.
 *
 * @returns a list that the next call overwrites
 */
function shuffledClues(random: KeyedRandom, houses: number, grid: Grid): readonly ClueCode[] {
  fillByKind(grid);
  for (const [kind] of kindShares) shuffleInPlace(random, ofKind[kind]!);
  order.length = 0;
  const total = houses * houses * 4;
  while (order.length < total) {
    const clue = ofKind[kindOfDraw[random.integer(100)]!]!.pop() ?? ofKind[IN]!.pop();
    if (clue === undefined) break;
    order.push(isSymmetric(clue) && random.integer(2) === 1 ? turned(clue) : clue);
  }
  for (const clue of ofKind[IN]!) order.push(clue);
  return order;
}

/** Of three houses there are 216 grids: what holds in each is listed once. */
const listed: ClueCode[][][] = [];

function fillByKind(grid: Grid): void {
  if (grid.length > 9) {
    listClues(grid, ofKind);
    return;
  }
  let place = 0;
  for (const house of grid) place = 3 * place + house;
  let lists = listed[place];
  if (lists === undefined) {
    lists = [[], [], [], []];
    listClues(grid, lists);
    listed[place] = lists;
  }
  for (const [kind, list] of lists.entries()) ofKind[kind] = list.slice();
}

function listClues(grid: Grid, ofKind: ClueCode[][]): void {
  for (const list of ofKind) list.length = 0;
  for (let a = 0; a < grid.length; a++) {
    ofKind[IN]!.push(clueCode(IN, a, grid[a]!));
    for (let b = a + 1; b < grid.length; b++) {
      const step = grid[b]! - grid[a]!;
      if (step === 0) ofKind[SAME]!.push(clueCode(SAME, a, b));
      if (step === 1 || step === -1) {
        ofKind[LEFT]!.push(step === 1 ? clueCode(LEFT, a, b) : clueCode(LEFT, b, a));
        ofKind[BY]!.push(clueCode(BY, a, b));
      }
    }
  }
}

/** With the draws of `random.shuffle`. */
function shuffleInPlace(random: KeyedRandom, clues: ClueCode[]): void {
  for (let last = clues.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    const clue = clues[last]!;
    clues[last] = clues[other]!;
    clues[other] = clue;
  }
}

function isSymmetric(clue: ClueCode): boolean {
  return kindOf(clue) === SAME || kindOf(clue) === BY;
}

/** The same clue, said the other way round. */
function turned(clue: ClueCode): ClueCode {
  return clueCode(kindOf(clue), secondOf(clue), firstOf(clue));
}

/** One search for each number of houses: puzzles are many, and each is soon done. */
const searches = new Map<number, GridSearch | SmallGridSearch>();

/** As many characteristics as houses. */
function searchOf(houses: number): GridSearch | SmallGridSearch {
  let search = searches.get(houses);
  if (search === undefined) {
    search = houses === 3 ? new SmallGridSearch() : new GridSearch(houses, houses);
    searches.set(houses, search);
  }
  return search;
}
