/**
 * Zebra puzzles: a random grid, and clues that leave only this one (`clues.ts`). So every puzzle has one solution, and no clue can be
 * left out.
 */
import type { KeyedRandom } from '@evenkeel/core';
import { drawInSplit, type Puzzle, type PuzzleQuery } from '@evenkeel/verifier';
import { type ClueCode, type ClueKind, decodeClue, type Grid } from './clue.ts';
import { minimalClues } from './clues.ts';
import { type Chosen, identityOf, nameVocabulary, otherVocabularies, type Word } from './identity.ts';

/** A clue in words: who, and who else or, for `in`, which house, counted from 1. */
export type ClueData = readonly [kind: ClueKind, subject: string, object: string | number];

/** A puzzle's content. A type alias, as an interface would not count as JSON. */
export type ZebraData = {
  readonly houses: number;
  /** The first is `name`. */
  readonly characteristics: readonly { readonly key: string; readonly values: readonly string[] }[];
  readonly clues: readonly ClueData[];
};

/** What is drawn; it is put into words once it is known to lie in the wanted split. */
interface Candidate {
  readonly id: string;
  readonly houses: number;
  readonly characteristics: readonly Chosen[];
  /** Of all characteristics, one after the other: what the grid and the clues count. */
  readonly words: readonly Word[];
  readonly grid: Grid;
  readonly clues: readonly ClueCode[];
}

const housesOfLevel: ReadonlyMap<string, number> = new Map([
  ['tiny', 3],
  ['easy', 3],
  ['medium', 4],
  ['hard', 5],
  ['very_hard', 6],
]);

/** Tiny puzzles are all about the same nine values, and short. */
const tinyVocabularies = otherVocabularies.filter(({ key }) => key === 'drink' || key === 'pet');
const MOST_TINY_CLUES = 6;

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
  const isTiny = level === 'tiny';
  const drawn = drawInSplit(
    query,
    'zebra-1',
    (random) => drawCandidate(random, houses, isTiny),
    (candidate) => candidate.id,
  );
  const target = drawn.words[drawn.grid.indexOf(0)]!.text;
  return { id: drawn.id, level, data: dataOf(drawn), groundTruth: { target } };
}

function drawCandidate(random: KeyedRandom, houses: number, isTiny: boolean): Candidate | null {
  const others = isTiny ? tinyVocabularies : random.shuffle(otherVocabularies);
  const characteristics: Chosen[] = [];
  const words: Word[] = [];
  for (let at = 0; at < houses; at++) {
    const of = at === 0 ? nameVocabulary : others[at - 1]!;
    const chosen = isTiny ? of.words.slice(0, houses) : random.shuffle(of.words);
    chosen.length = houses;
    characteristics.push({ of, words: chosen });
    for (const word of chosen) words.push(word);
  }
  const row = rows[houses - 3]!;
  const grid: number[] = [];
  for (let at = 0; at < houses; at++) for (const house of random.shuffle(row)) grid.push(house);
  const clues = minimalClues(random, houses, grid);
  if (isTiny && clues.length > MOST_TINY_CLUES) return null;
  return { id: identityOf(characteristics, words, clues), houses, characteristics, words, grid, clues };
}

const rows = [3, 4, 5, 6].map((houses) => Array.from({ length: houses }, (_, house) => house));

function dataOf({ houses, characteristics, words, clues }: Candidate): ZebraData {
  return {
    houses,
    characteristics: characteristics.map((chosen) => ({
      key: chosen.of.key,
      values: chosen.words.map(({ text }) => text),
    })),
    clues: clues.map((code) => {
      const { kind, a, b } = decodeClue(code);
      return [kind, words[a]!.text, kind === 'in' ? b + 1 : words[b]!.text];
    }),
  };
}
