/**
 * Expressions over positive integers as trees with their exact value, and their one canonical spelling. It knows no puzzle.
 *
 * Invariants: no term is negative (a difference is taken the way round that is not), so that a sum has at least one positive
 * part; equal up to commuting and regrouping means spelled alike.
 */

export type Operator = '+' | '-' | '*' | '/';

/** A number, or two terms under an operator. The value is numerator / denominator, unreduced. */
export interface Term {
  readonly numerator: number;
  readonly denominator: number;
  readonly operation: { readonly operator: Operator; readonly left: Term; readonly right: Term } | null;
}

/** A leaf. */
export function numberTerm(value: number): Term {
  return { numerator: value, denominator: 1, operation: null };
}

/**
 * Two terms under an operator; a difference is taken from the larger.
 *
 * @returns null for a division by zero
 */
export function combine(operator: Operator, left: Term, right: Term): Term | null {
  const { numerator: a, denominator: b } = left;
  const { numerator: c, denominator: d } = right;
  switch (operator) {
    case '+':
      return { numerator: a * d + c * b, denominator: b * d, operation: { operator, left, right } };
    case '-': {
      const numerator = a * d - c * b;
      return numerator >= 0
        ? { numerator, denominator: b * d, operation: { operator, left, right } }
        : { numerator: -numerator, denominator: b * d, operation: { operator, left: right, right: left } };
    }
    case '*':
      return { numerator: a * c, denominator: b * d, operation: { operator, left, right } };
    case '/':
      return c === 0 ? null : { numerator: a * d, denominator: b * c, operation: { operator, left, right } };
  }
}

type Family = 'sum' | 'product' | 'number';

interface Part {
  /** Of a sum: added. Of a product: multiplied. */
  readonly positive: boolean;
  readonly value: number;
  readonly text: string;
}

function familyOf(term: Term): Family {
  if (term.operation === null) return 'number';
  return term.operation.operator === '+' || term.operation.operator === '-' ? 'sum' : 'product';
}

function collectParts(term: Term, family: Family, positive: boolean, parts: Part[]): void {
  if (term.operation !== null && familyOf(term) === family) {
    const { operator, left, right } = term.operation;
    collectParts(left, family, positive, parts);
    collectParts(right, family, operator === '-' || operator === '/' ? !positive : positive, parts);
    return;
  }
  const text = canonicalText(term);
  const bracketed = family === 'product' && familyOf(term) === 'sum' ? `( ${text} )` : text;
  parts.push({ positive, value: term.numerator / term.denominator, text: bracketed });
}

/** What is added before what is taken away, the larger before the smaller. */
function comparePart(one: Part, other: Part): number {
  if (one.positive !== other.positive) return one.positive ? -1 : 1;
  if (one.value !== other.value) return other.value - one.value;
  return one.text < other.text ? -1 : one.text > other.text ? 1 : 0;
}

/**
 * The canonical spelling: chains of + and −, and of × and ÷, are flattened and sorted, brackets stand only where they must, and
 * one space stands between any two symbols.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const difference = combine('-', numberTerm(3), numberTerm(20))!;
 * equal(canonicalText(combine('*', numberTerm(2), difference)!), '( 20 - 3 ) * 2');
 * ```
 */
export function canonicalText(term: Term): string {
  const family = familyOf(term);
  if (family === 'number') return String(term.numerator);
  const parts: Part[] = [];
  collectParts(term, family, true, parts);
  parts.sort(comparePart);
  const [joining, opposing] = family === 'sum' ? [' + ', ' - '] : [' * ', ' / '];
  let text = parts[0]!.text;
  for (let i = 1; i < parts.length; i++) text += (parts[i]!.positive ? joining : opposing) + parts[i]!.text;
  return text;
}
