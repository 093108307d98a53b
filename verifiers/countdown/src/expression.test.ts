import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateExpression, longestExpression, parseExpression } from './expression.ts';

/** The value as a reduced text, or why there is none. */
function valueOfText(text: string): string {
  const parsed = parseExpression(text);
  if (parsed.kind === 'refused') return parsed.reason;
  const value = evaluateExpression(parsed);
  return value === null ? 'division-by-zero' : reduced(value.numerator, value.denominator);
}

function reduced(numerator: bigint, denominator: bigint): string {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = a === 0n ? 1n : a;
  return `${(sign * numerator) / divisor}/${(sign * denominator) / divisor}`;
}

interface Node {
  readonly text: string;
  readonly value: readonly [bigint, bigint] | null;
  /** How tightly the text's outermost operator binds. */
  readonly binding: number;
}

/** Second implementation: builds text and value together, with parentheses where they must be and sometimes where not. */
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.nat(200).map((n): Node => ({ text: String(n), value: [BigInt(n), 1n], binding: 3 })),
    fc.tuple(tie('node'), fc.constantFrom('-', '+', '- ')).map(([operand, sign]): Node => {
      const inner = operand.binding < 3 ? `(${operand.text})` : operand.text;
      const value = operand.value;
      return {
        text: sign + inner,
        value: value === null || sign === '+' ? value : [-value[0], value[1]],
        binding: 3,
      };
    }),
    fc
      .tuple(
        tie('node'),
        tie('node'),
        fc.constantFrom('+', '-', '*', '/'),
        fc.constantFrom('', ' ', '\n\t'),
        fc.boolean(),
      )
      .map(([left, right, operator, space, bracketed]): Node => {
        const binding = operator === '+' || operator === '-' ? 1 : 2;
        const a = left.binding < binding ? `( ${left.text})` : left.text;
        const b = right.binding <= binding ? `(${right.text} )` : right.text;
        const text = `${a}${space}${operator}${space}${b}`;
        return {
          text: bracketed ? `(${text})` : text,
          value: apply(operator, left.value, right.value),
          binding: bracketed ? 3 : binding,
        };
      }),
  ),
}));

function apply(operator: string, left: Node['value'], right: Node['value']): Node['value'] {
  if (left === null || right === null) return null;
  const [a, b] = left;
  const [c, d] = right;
  if (operator === '+') return [a * d + c * b, b * d];
  if (operator === '-') return [a * d - c * b, b * d];
  if (operator === '*') return [a * c, b * d];
  return c === 0n ? null : [a * d, b * c];
}

describe('parseExpression() and evaluateExpression()', () => {
  test.each([
    ['1 + 2 * 3', '7/1'],
    ['(1 + 2) * 3', '9/1'],
    ['8 - 3 - 2', '3/1'],
    ['8 / 4 / 2', '1/1'],
    ['8 / (3 - 8 / 3)', '24/1'],
    ['1 / 3 + 1 / 6', '1/2'],
    ['-3 + 5', '2/1'],
    ['- (2 - 3) * 4', '4/1'],
    ['2 * -3', '-6/1'],
    ['2 - - 3', '5/1'],
    ['+7', '7/1'],
    ['0 * 5', '0/1'],
    ['5 / (2 - 2)', 'division-by-zero'],
    ['0 / 0', 'division-by-zero'],
    ['2 ** 3', 'operator-not-allowed'],
    ['7 // 2', 'operator-not-allowed'],
    ['', 'not-an-expression'],
    ['1 2', 'not-an-expression'],
    ['(1)(2)', 'not-an-expression'],
    ['2(3)', 'not-an-expression'],
    ['()', 'not-an-expression'],
    ['(1', 'not-an-expression'],
    ['1)', 'not-an-expression'],
    ['1 +', 'not-an-expression'],
    ['* 1', 'not-an-expression'],
    ['1 * / 2', 'not-an-expression'],
    ['1 + 2 = 3', 'not-an-expression'],
    ['1.5', 'not-an-expression'],
    ['1e3', 'not-an-expression'],
    ['1_0', 'not-an-expression'],
    ['007', 'not-an-expression'],
    ['0x1', 'not-an-expression'],
    ['3 × 4', 'not-an-expression'],
    ['3 \\times 4', 'not-an-expression'],
    ['\\frac{1}{2}', 'not-an-expression'],
    ['٣ + 4', 'not-an-expression'],
    ['１', 'not-an-expression'],
    ['5 % 3', 'not-an-expression'],
    ['5 ^ 3', 'not-an-expression'],
    ['process.exit(1)', 'not-an-expression'],
  ])('reads %j as %s', (text, value) => {
    expect(valueOfText(text)).toBe(value);
  });

  test('agrees with a second implementation on random expressions', () => {
    fc.assert(
      fc.property(node, ({ text, value }) => {
        expect(valueOfText(text)).toBe(value === null ? 'division-by-zero' : reduced(...value));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  test('takes deep nesting up to the longest text, and refuses a longer one', () => {
    const depth = longestExpression / 2 - 1;
    expect(valueOfText(`${'('.repeat(depth)}42${')'.repeat(depth)}`)).toBe('42/1');
    expect(valueOfText(`${'-'.repeat(longestExpression - 1)}1`)).toBe('-1/1');
    expect(valueOfText('('.repeat(longestExpression))).toBe('not-an-expression');
    expect(valueOfText('1'.padStart(longestExpression + 1))).toBe('too-long');
    expect(valueOfText('('.repeat(2_000_000))).toBe('too-long');
  });
});
