/** All solutions of a small Countdown puzzle, by trying every expression. It knows no prompt and no split. */
import { canonicalText, combine, numberTerm, type Operator, type Term } from './term.ts';

const operators: readonly Operator[] = ['+', '-', '*', '/'];

/**
 * The canonical spellings of all expressions that use each number exactly once and have the target as value, the simplest first:
 * with the fewest brackets, then the fewest divisions, products and differences, then in order of their text.
 *
 * @param numbers positive integers; at most 4, as the work grows like n! (n − 1)! 5^(n − 1)
 * @throws {RangeError} if there are more than 4 numbers
 */
export function solutionsOf(numbers: readonly number[], target: number): string[] {
  if (numbers.length > 4) {
    throw new RangeError(`Cannot enumerate solutions: puzzle has ${numbers.length} numbers, expected at most 4`);
  }
  const found = new Set<string>();
  search(numbers.map(numberTerm), target, found);
  return [...found]
    .map((text) => ({ text, rank: complexityOf(text) }))
    .sort((one, other) => one.rank - other.rank || (one.text < other.text ? -1 : 1))
    .map(({ text }) => text);
}

function search(terms: readonly Term[], target: number, found: Set<string>): void {
  if (terms.length === 1) {
    const { numerator, denominator } = terms[0]!;
    if (numerator === target * denominator) found.add(canonicalText(terms[0]!));
    return;
  }
  for (let i = 0; i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const rest = terms.filter((_, at) => at !== i && at !== j);
      for (const operator of operators) {
        consider(combine(operator, terms[i]!, terms[j]!), rest, target, found);
        if (operator === '/') consider(combine(operator, terms[j]!, terms[i]!), rest, target, found);
      }
    }
  }
}

function consider(term: Term | null, rest: readonly Term[], target: number, found: Set<string>): void {
  if (term !== null) search([...rest, term], target, found);
}

function complexityOf(text: string): number {
  let complexity = 0;
  for (const symbol of text) {
    if (symbol === '(') complexity += 1000;
    else if (symbol === '/') complexity += 100;
    else if (symbol === '*') complexity += 10;
    else if (symbol === '-') complexity += 1;
  }
  return complexity;
}
