/**
 * Zebra puzzles: a random grid, then clues until the exact solver finds no other grid, then without each clue that is not needed.
 * So every puzzle has one solution, and no clue can be left out.
 */
import { type KeyedRandom, sha256Hex } from '@evenkeel/core';
import { drawInSplit, type Puzzle, type PuzzleQuery } from '@evenkeel/verifier';
import { type Characteristic, nameCharacteristic, otherCharacteristics } from './characteristics.ts';
import { type Clue, type ClueKind, findGrid, type Grid, satisfies } from './grid.ts';

/** A clue in words: who, and who else or, for `in`, which house, counted from 1. */
export type ClueData = readonly [kind: ClueKind, subject: string, object: string | number];

/** A puzzle's content. A type alias, as an interface would not count as JSON. */
export type ZebraData = {
  readonly houses: number;
  /** The first is `name`. */
  readonly characteristics: readonly { readonly key: string; readonly values: readonly string[] }[];
  readonly clues: readonly ClueData[];
};

interface Drawn {
  readonly id: string;
  readonly target: string;
  readonly data: ZebraData;
}

const housesOfLevel: ReadonlyMap<string, number> = new Map([
  ['tiny', 3],
  ['easy', 3],
  ['medium', 4],
  ['hard', 5],
  ['very_hard', 6],
]);

/** Tiny puzzles are all about the same nine values, and short. */
const tinyKeys = ['drink', 'pet'];
const MOST_TINY_CLUES = 6;

/** How often which kind is tried, of 100: gives about the shares that published puzzles have. */
const kindShares: readonly (readonly [ClueKind, number])[] = [
  ['same', 48],
  ['in', 22],
  ['left', 20],
  ['by', 10],
];

/**
 * The puzzle for a query. Its identity, which also decides its split, is its values and clues, in whatever order.
 *
 * @throws {RangeError} on an unknown level
 */
export function generateZebra(query: PuzzleQuery): Puzzle<ZebraData> {
  const { level } = query;
  const houses = housesOfLevel.get(level);
  if (houses === undefined) {
    throw new RangeError(
      `Cannot generate a Zebra puzzle: level is "${level}", expected one of ${[...housesOfLevel.keys()].join(', ')}`,
    );
  }
  const drawn = drawInSplit(
    query,
    'zebra-1',
    (random) => drawPuzzle(random, houses, level === 'tiny'),
    (candidate) => candidate.id,
  );
  return { id: drawn.id, level, data: drawn.data, groundTruth: { target: drawn.target } };
}

function drawPuzzle(random: KeyedRandom, houses: number, tiny: boolean): Drawn | null {
  const chosen = tiny
    ? otherCharacteristics.filter(({ key }) => tinyKeys.includes(key))
    : random.shuffle(otherCharacteristics).slice(0, houses - 1);
  const characteristics = [nameCharacteristic, ...chosen].map(({ key, values }: Characteristic) => ({
    key,
    values: tiny ? values.slice(0, houses) : random.shuffle(values).slice(0, houses),
  }));
  const row = Array.from({ length: houses }, (_, house) => house);
  const grid = characteristics.flatMap(() => random.shuffle(row));
  const clues = minimalClues(random, houses, characteristics.length, grid);
  if (tiny && clues.length > MOST_TINY_CLUES) return null;
  const words = characteristics.flatMap(({ values }) => values);
  const data: ZebraData = { houses, characteristics, clues: clues.map((clue) => clueInWords(clue, words)) };
  return { id: identityOf(data), target: words[grid.indexOf(0)]!, data };
}

function clueInWords({ kind, a, b }: Clue, words: readonly string[]): ClueData {
  return [kind, words[a]!, kind === 'in' ? b + 1 : words[b]!];
}

/** True clues that leave only this grid, none of which can be left out, in random order. */
function minimalClues(random: KeyedRandom, houses: number, characteristics: number, grid: Grid): Clue[] {
  const candidates = shuffledClues(random, houses, grid);
  const clues: Clue[] = [];
  const others: Grid[] = [];
  for (;;) {
    const other = findGrid({ houses, characteristics, clues }, grid);
    if (other === null) break;
    others.push(other);
    // One exists: the `in` clues alone give the grid.
    clues.push(candidates.find((clue) => !satisfies(other, clue))!);
  }
  const needed = random.shuffle(clues);
  for (let at = needed.length - 1; at >= 0; at--) {
    const rest = needed.filter((_, index) => index !== at);
    // Grids seen before often show at once that the clue is needed.
    if (others.some((other) => rest.every((clue) => satisfies(other, clue)))) continue;
    const other = findGrid({ houses, characteristics, clues: rest }, grid);
    if (other === null) needed.splice(at, 1);
    else others.push(other);
  }
  return needed;
}

/** All clues that hold in the grid, each said one way round, in an order that mixes the kinds by their shares. */
function shuffledClues(random: KeyedRandom, houses: number, grid: Grid): Clue[] {
  const ofKind: Record<ClueKind, Clue[]> = { same: [], in: [], left: [], by: [] };
  for (let a = 0; a < grid.length; a++) {
    ofKind.in.push({ kind: 'in', a, b: grid[a]! });
    for (let b = a + 1; b < grid.length; b++) {
      const step = grid[b]! - grid[a]!;
      if (step === 0) ofKind.same.push({ kind: 'same', a, b });
      if (step === 1 || step === -1) {
        ofKind.left.push(step === 1 ? { kind: 'left', a, b } : { kind: 'left', a: b, b: a });
        ofKind.by.push({ kind: 'by', a, b });
      }
    }
  }
  for (const [kind] of kindShares) ofKind[kind] = random.shuffle(ofKind[kind]);
  const order: Clue[] = [];
  const total = houses * houses * 4;
  while (order.length < total) {
    const clue = ofKind[drawKind(random)].pop() ?? ofKind.in.pop();
    if (clue === undefined) break;
    order.push(clue.kind === 'same' || clue.kind === 'by' ? eitherWay(random, clue) : clue);
  }
  return [...order, ...ofKind.in];
}

function drawKind(random: KeyedRandom): ClueKind {
  let left = random.integer(100);
  for (const [kind, share] of kindShares) {
    left -= share;
    if (left < 0) return kind;
  }
  return 'same';
}

function eitherWay(random: KeyedRandom, { kind, a, b }: Clue): Clue {
  return random.integer(2) === 0 ? { kind, a, b } : { kind, a: b, b: a };
}

/** 32 hexadecimal digits of a hash of the content, orders left out. */
function identityOf(data: ZebraData): string {
  const values = data.characteristics.map(({ key, values }) => `${key}:${[...values].sort().join(',')}`).sort();
  const clues = data.clues.map(([kind, subject, object]) =>
    (kind === 'same' || kind === 'by') && subject > String(object)
      ? `${object} ${kind} ${subject}`
      : `${subject} ${kind} ${object}`,
  );
  return sha256Hex(`zebra/${values.join(';')}/${clues.sort().join(';')}`).slice(0, 32);
}
