/**
 * Conformance: that levels differ. Two levels are the same where they share puzzles, and alike where nothing that can be measured
 * tells them apart: lengths, the numbers in what they show, the words that their data are made of. It does not know which level is
 * the harder one.
 */
import { canonicalJson } from '@evenkeel/core';
import { drawQueries, type Inspection, type Sample } from './samples.ts';

const MOST_SHARED = 0.5;
const MANY = 120;
/** Kolmogorov–Smirnov's critical value at α = 0.01, times √(2/n). */
const CRITICAL = 1.628;

export async function checkLevels(inspection: Inspection, samples: readonly Sample[]): Promise<void> {
  const { subject, findings } = inspection;
  const levels = subject.manifest.levels.map((level) => ({
    level,
    samples: samples.filter(({ query }) => query.level === level),
  }));
  for (const [at, harder] of levels.entries()) {
    for (const easier of levels.slice(0, at)) {
      const n = Math.min(easier.samples.length, harder.samples.length);
      if (n === 0) continue;
      const shared = sharedPuzzles(easier.samples, harder.samples);
      const pair = `levels "${easier.level}" and "${harder.level}"`;
      if (shared > n * MOST_SHARED) {
        findings.add('levels-differ', `${pair} share ${shared} of ${n} puzzles`, 'puzzles of their own');
      } else if (!canBeToldApart(easier.samples, harder.samples)) {
        const [one, other] = [await manyOf(inspection, easier.level), await manyOf(inspection, harder.level)];
        if (one.length < MANY || other.length < MANY || canBeToldApart(one, other)) continue;
        const seen = `over ${MANY} puzzles each, ${pair} have prompts, answers and data of the same lengths, with the same numbers and words`;
        findings.add('levels-alike', seen, 'a difference that can be measured');
      }
    }
  }
}

/** Few samples may look alike by chance: a suspicion is decided over more. */
async function manyOf(inspection: Inspection, level: string): Promise<Sample[]> {
  const { seed } = inspection;
  const queries = Array.from({ length: MANY }, (_, index) => ({ seed, index, level, split: 'train' as const }));
  return await drawQueries(inspection, queries);
}

/** Puzzles of one level that the other has too: by content, whatever the id says. */
function sharedPuzzles(one: readonly Sample[], other: readonly Sample[]): number {
  const contents = new Set(one.map(contentOf));
  return other.filter((sample) => contents.has(contentOf(sample))).length;
}

function contentOf({ puzzle, words }: Sample): string {
  return words[0] === undefined ? JSON.stringify(puzzle.data) : words[0].prompt + JSON.stringify(puzzle.groundTruth);
}

type Measure = (sample: Sample) => number;

const measures: readonly Measure[] = [
  ({ words }) => words[0]?.prompt.length ?? 0,
  ({ words }) => words.at(-1)?.prompt.length ?? 0,
  ({ words }) => words.at(-1)?.golds[0]?.length ?? 0,
  ({ puzzle }) => safeLength(puzzle.data),
  ({ words }) => Math.max(0, ...numbersIn(words[0]?.prompt ?? '')),
  ({ words }) => mean(numbersIn(words[0]?.prompt ?? '')),
  ({ words }) => new Set((words[0]?.prompt ?? '').split(/\s+/)).size,
];

function safeLength(value: unknown): number {
  try {
    return canonicalJson(value).length;
  } catch {
    return 0;
  }
}

function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function canBeToldApart(one: readonly Sample[], other: readonly Sample[]): boolean {
  const critical = CRITICAL * Math.sqrt(1 / one.length + 1 / other.length);
  if (measures.some((measure) => largestGap(one.map(measure), other.map(measure)) > critical)) return true;
  return [
    [one, other],
    [other, one],
  ].some(([home, guests]) => Math.abs(shareOfNew(home!, guests!) - shareOfRare(home!)) > critical);
}

/** Words of the data by sample: the texts and numbers at its ends. */
function wordsOf({ puzzle }: Sample): Set<string> {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) walk(inner);
    else found.add(String(value));
  };
  walk(puzzle.data);
  return found;
}

/** How many of the guests have a word that nobody has at home. */
function shareOfNew(home: readonly Sample[], guests: readonly Sample[]): number {
  const known = new Set(home.flatMap((sample) => [...wordsOf(sample)]));
  return guests.filter((guest) => [...wordsOf(guest)].some((word) => !known.has(word))).length / guests.length;
}

/** How many at home have a word that nobody else has there: as many as there would be new ones among guests of the same kind. */
function shareOfRare(home: readonly Sample[]): number {
  const counts = new Map<string, number>();
  for (const sample of home) for (const word of wordsOf(sample)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return home.filter((sample) => [...wordsOf(sample)].some((word) => counts.get(word) === 1)).length / home.length;
}

/** Kolmogorov–Smirnov's statistic: the largest gap between two empirical distributions. */
function largestGap(one: readonly number[], other: readonly number[]): number {
  const shareBelow = (values: readonly number[], bound: number): number =>
    values.filter((value) => value <= bound).length / values.length;
  return Math.max(...[...one, ...other].map((bound) => Math.abs(shareBelow(one, bound) - shareBelow(other, bound))));
}
