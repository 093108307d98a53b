/**
 * Countdown puzzles: random numbers under a random expression, whose value becomes the target. So each has a solution, and a
 * target comes up as often as expressions make it: small ones more often, as in the published sets.
 */
import type { KeyedRandom } from '@evenkeel/core';
import { drawInSplit, type Puzzle, type PuzzleQuery } from '@evenkeel/verifier';
import { canonicalText, combine, numberTerm, type Operator, type Term } from './term.ts';

/** A puzzle's content. A type alias, as an interface would not count as JSON. */
export type CountdownData = {
  readonly target: number;
  /** In the order of the prompt. */
  readonly numbers: readonly number[];
  /** One that is known, in canonical spelling; not part of the prompt. */
  readonly solution: string;
};

interface LevelRule {
  readonly count: number;
  readonly largestNumber: number;
  readonly largestTarget: number;
}

const levelRules: ReadonlyMap<string, LevelRule> = new Map([
  ['tiny', { count: 3, largestNumber: 20, largestTarget: 100 }],
  ['easy', { count: 3, largestNumber: 100, largestTarget: 999 }],
  ['medium', { count: 4, largestNumber: 100, largestTarget: 999 }],
  ['hard', { count: 5, largestNumber: 100, largestTarget: 999 }],
  ['very_hard', { count: 6, largestNumber: 100, largestTarget: 999 }],
]);

/**
 * The puzzle for a query. Its identity, which also decides its split, is the target and the sorted numbers, whatever the level.
 *
 * @throws {RangeError} on an unknown level
 */
export function generateCountdown(query: PuzzleQuery): Puzzle<CountdownData> {
  const rule = levelRules.get(query.level);
  if (rule === undefined) {
    throw new RangeError(
      `Cannot generate a Countdown puzzle: level is "${query.level}", expected one of ${[...levelRules.keys()].join(', ')}`,
    );
  }
  const drawn = drawInSplit(query, 'countdown-1', (random) => drawPuzzle(random, rule), identityOf);
  const data: CountdownData = { ...drawn, solution: canonicalText(drawn.solution) };
  return {
    id: identityOf(data),
    level: query.level,
    data,
    groundTruth: { target: data.target, numbers: data.numbers },
  };
}

function drawPuzzle(random: KeyedRandom, rule: LevelRule) {
  const numbers = Array.from({ length: rule.count }, () => 1 + random.integer(rule.largestNumber));
  const solution = drawTerm(random, numbers);
  if (solution === null) return null;
  const target = solution.numerator;
  return target < 1 || target > rule.largestTarget ? null : { target, numbers, solution };
}

/**
 * A random expression that uses each number once, all intermediate values whole and not negative.
 *
 * @returns null where the draw ran into a negative difference: turning it round would make small values too frequent
 */
export function drawTerm(random: KeyedRandom, numbers: readonly number[]): Term | null {
  const terms = numbers.map(numberTerm);
  while (terms.length > 1) {
    const [left] = terms.splice(random.integer(terms.length), 1) as [Term];
    const at = random.integer(terms.length);
    const term = combineWhole(random.pick(operators), left, terms[at]!);
    if (term === null) return null;
    terms[at] = term;
  }
  return terms[0]!;
}

const operators: readonly Operator[] = ['+', '-', '*', '/'];

/** As asked; a difference where a quotient would not be whole either way round; null where a difference would be negative. */
function combineWhole(operator: Operator, left: Term, right: Term): Term | null {
  const [a, b] = [left.numerator, right.numerator];
  if (operator === '/') {
    const quotient =
      b !== 0 && a % b === 0 ? combine('/', left, right) : a !== 0 && b % a === 0 ? combine('/', right, left) : null;
    if (quotient !== null) return { ...quotient, numerator: quotient.numerator / quotient.denominator, denominator: 1 };
  }
  if (operator === '+' || operator === '*') return combine(operator, left, right);
  return a < b ? null : combine('-', left, right);
}

function identityOf(puzzle: { readonly target: number; readonly numbers: readonly number[] }): string {
  return `${puzzle.target}=${[...puzzle.numbers].sort((a, b) => a - b).join(',')}`;
}
