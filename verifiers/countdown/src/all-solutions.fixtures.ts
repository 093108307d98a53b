/**
 * An exact solver of another kind than `solutions.ts`, for up to six numbers: to count solutions, and to check that one. It goes through
 * flat sums and products instead of pairs: an expression is a number, a sum of numbers and products, or a product of numbers and sums;
 * so each comes up once, whatever its order and brackets. Two differences that turn each other round are one: the one that is not negative.
 */
import { canonicalText, combine, numberTerm, type Term } from './term.ts';

/** An expression over some of the numbers: its value, which is not negative, and what it is made of. */
interface Expression {
  readonly numerator: number;
  readonly denominator: number;
  readonly family: 'number' | 'sum' | 'product';
  /** Added or multiplied; taken away or divided by. */
  readonly positive: readonly Expression[];
  readonly negative: readonly Expression[];
}

/**
 * The canonical spellings of all expressions with each number exactly once and the target as value.
 *
 * Exact: numerators and denominators stay below 100^6 times a few dozen.
 *
 * @param numbers at most 6, each in 1…100
 */
export function allSolutions(numbers: readonly number[], target: number): Set<string> {
  const found = new Set<string>();
  const all = (1 << numbers.length) - 1;
  eachExpression(numbers, all, new Map(), (expression) => {
    if (expression.numerator === target * expression.denominator) found.add(canonicalText(termOf(expression)));
  });
  return found;
}

/** By set of numbers, a bit each: their expressions. */
type Known = Map<number, readonly Expression[]>;

function expressionsOf(numbers: readonly number[], set: number, known: Known): readonly Expression[] {
  let expressions = known.get(set);
  if (expressions === undefined) {
    const made: Expression[] = [];
    eachExpression(numbers, set, known, (expression) => made.push(expression));
    expressions = made;
    known.set(set, expressions);
  }
  return expressions;
}

function eachExpression(
  numbers: readonly number[],
  set: number,
  known: Known,
  visit: (expression: Expression) => void,
): void {
  if ((set & (set - 1)) === 0) {
    const numerator = numbers[31 - Math.clz32(set)]!;
    visit({ numerator, denominator: 1, family: 'number', positive: [], negative: [] });
    return;
  }
  const positive: Expression[] = [];
  const negative: Expression[] = [];

  /** Parts the rest of the set into blocks, the one with the lowest number first, each an expression of another family. */
  const sums = (rest: number, numerator: number, denominator: number, beginsPositive: boolean): void => {
    if (rest === 0) {
      // A sum worth nothing comes up both ways round: the one counts that begins with an addition.
      if (numerator < 0 || (numerator === 0 && !beginsPositive)) return;
      visit({ numerator, denominator, family: 'sum', positive: [...positive], negative: [...negative] });
      return;
    }
    for (const block of blocksOf(rest)) {
      if (block === set) continue;
      for (const part of expressionsOf(numbers, block, known)) {
        if (part.family === 'sum') continue;
        const left = numerator * part.denominator;
        const right = part.numerator * denominator;
        positive.push(part);
        sums(rest & ~block, left + right, denominator * part.denominator, rest === set || beginsPositive);
        positive.pop();
        negative.push(part);
        sums(rest & ~block, left - right, denominator * part.denominator, rest !== set && beginsPositive);
        negative.pop();
      }
    }
  };
  const products = (rest: number, numerator: number, denominator: number): void => {
    if (rest === 0) {
      if (positive.length === 0) return;
      visit({ numerator, denominator, family: 'product', positive: [...positive], negative: [...negative] });
      return;
    }
    for (const block of blocksOf(rest)) {
      if (block === set) continue;
      for (const part of expressionsOf(numbers, block, known)) {
        if (part.family === 'product') continue;
        positive.push(part);
        products(rest & ~block, numerator * part.numerator, denominator * part.denominator);
        positive.pop();
        if (part.numerator === 0) continue;
        negative.push(part);
        products(rest & ~block, numerator * part.denominator, denominator * part.numerator);
        negative.pop();
      }
    }
  };
  sums(set, 0, 1, true);
  products(set, 1, 1);
}

/** The parts of a set that hold its lowest number. */
function blocksOf(set: number): number[] {
  const lowest = set & -set;
  const others = set & ~lowest;
  const blocks: number[] = [];
  for (let some = others; ; some = (some - 1) & others) {
    blocks.push(some | lowest);
    if (some === 0) return blocks;
  }
}

function termOf({ numerator, family, positive, negative }: Expression): Term {
  if (family === 'number') return numberTerm(numerator);
  const [joining, opposing] = family === 'sum' ? (['+', '-'] as const) : (['*', '/'] as const);
  const joined = positive.map(termOf).reduce((one, other) => combine(joining, one, other)!);
  return negative.map(termOf).reduce((one, other) => combine(opposing, one, other)!, joined);
}
