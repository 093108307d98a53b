/**
 * Reads and evaluates an arithmetic expression as a model wrote it: integers, `+ - * /`, signs and parentheses, white space; nothing
 * else. Exact (rational numbers on big integers), without recursion, and no text is ever evaluated as code.
 */

/** Longer texts are refused: no puzzle needs them. */
export const longestExpression = 10_000;

/** A refusal's reason is stable. */
export type ParsedExpression =
  | { readonly kind: 'expression'; readonly literals: readonly number[]; readonly program: readonly number[] }
  | { readonly kind: 'refused'; readonly reason: 'too-long' | 'operator-not-allowed' | 'not-an-expression' };

/** A value as a fraction, unreduced; the denominator is not zero. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

// The program is in postfix order: an index of a literal, or one of these.
const ADD = -1;
const SUBTRACT = -2;
const MULTIPLY = -3;
const DIVIDE = -4;
const NEGATE = -5;
const BRACKET = -6;

const notAnExpression: ParsedExpression = { kind: 'refused', reason: 'not-an-expression' };

function precedenceOf(operator: number): number {
  if (operator === BRACKET) return 0;
  if (operator === NEGATE) return 3;
  return operator === ADD || operator === SUBTRACT ? 1 : 2;
}

function operatorOf(code: number): number {
  switch (code) {
    case 43:
      return ADD;
    case 45:
      return SUBTRACT;
    case 42:
      return MULTIPLY;
    case 47:
      return DIVIDE;
    default:
      return 0;
  }
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/**
 * Parses with two explicit stacks (Dijkstra's shunting yard). Signs before an operand are taken, as Python takes them. A number
 * with a leading zero, a point or a digit that is not ASCII is no number here.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(parseExpression('2 ** 3').kind, 'refused');
 * equal(parseExpression('-(2 - 3) * 4').kind, 'expression');
 * ```
 */
export function parseExpression(text: string): ParsedExpression {
  if (text.length > longestExpression) return { kind: 'refused', reason: 'too-long' };
  const literals: number[] = [];
  const program: number[] = [];
  const pending: number[] = [];
  let operandWanted = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 32 || (code >= 9 && code <= 13)) continue;
    if (isDigit(code)) {
      if (!operandWanted) return notAnExpression;
      let end = at + 1;
      while (end < text.length && isDigit(text.charCodeAt(end))) end++;
      if (code === 48 && end - at > 1) return notAnExpression;
      program.push(literals.length);
      literals.push(Number(text.slice(at, end)));
      operandWanted = false;
      at = end - 1;
    } else if (code === 40) {
      if (!operandWanted) return notAnExpression;
      pending.push(BRACKET);
    } else if (code === 41) {
      if (operandWanted) return notAnExpression;
      while (pending.length > 0 && pending[pending.length - 1] !== BRACKET) program.push(pending.pop()!);
      if (pending.pop() === undefined) return notAnExpression;
    } else {
      const operator = operatorOf(code);
      if (operator === 0) return notAnExpression;
      if ((code === 42 || code === 47) && text.charCodeAt(at + 1) === code) {
        return { kind: 'refused', reason: 'operator-not-allowed' };
      }
      if (operandWanted) {
        if (operator === SUBTRACT) pending.push(NEGATE);
        else if (operator !== ADD) return notAnExpression;
        continue;
      }
      const precedence = precedenceOf(operator);
      while (pending.length > 0 && precedenceOf(pending[pending.length - 1]!) >= precedence)
        program.push(pending.pop()!);
      pending.push(operator);
      operandWanted = true;
    }
  }
  if (operandWanted) return notAnExpression;
  while (pending.length > 0) {
    const operator = pending.pop()!;
    if (operator === BRACKET) return notAnExpression;
    program.push(operator);
  }
  return { kind: 'expression', literals, program };
}

/**
 * The exact value. The fraction's size grows with the number of literals: check these first.
 *
 * @returns null for a division by zero anywhere in it
 * @throws {RangeError} if a literal is no safe integer
 */
export function evaluateExpression(
  expression: Extract<ParsedExpression, { readonly kind: 'expression' }>,
): Fraction | null {
  const numerators: bigint[] = [];
  const denominators: bigint[] = [];
  for (const step of expression.program) {
    if (step >= 0) {
      numerators.push(BigInt(expression.literals[step]!));
      denominators.push(1n);
      continue;
    }
    const c = numerators.pop()!;
    if (step === NEGATE) {
      numerators.push(-c);
      continue;
    }
    const d = denominators.pop()!;
    const a = numerators.pop()!;
    const b = denominators.pop()!;
    if (step === DIVIDE && c === 0n) return null;
    numerators.push(
      step === ADD ? a * d + c * b : step === SUBTRACT ? a * d - c * b : step === MULTIPLY ? a * c : a * d,
    );
    denominators.push(step === DIVIDE ? b * c : b * d);
  }
  return { numerator: numerators[0]!, denominator: denominators[0]! };
}
