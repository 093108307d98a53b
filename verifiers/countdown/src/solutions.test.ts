import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { evaluateExpression, parseExpression } from './expression.ts';
import { solutionsOf } from './solutions.ts';

/** Every spelling with three numbers, bracketed both ways: 6 orders × 16 pairs of operators × 2. */
function spellingsOf([x, y, z]: readonly [number, number, number]): string[] {
  const orders = [
    [x, y, z],
    [x, z, y],
    [y, x, z],
    [y, z, x],
    [z, x, y],
    [z, y, x],
  ] as const;
  const operators = ['+', '-', '*', '/'];
  return orders.flatMap(([a, b, c]) =>
    operators.flatMap((first) =>
      operators.flatMap((second) => [`(${a} ${first} ${b}) ${second} ${c}`, `${a} ${first} (${b} ${second} ${c})`]),
    ),
  );
}

function isWorth(text: string, target: number): boolean {
  const parsed = parseExpression(text);
  if (parsed.kind === 'refused') throw new Error(`${text}: ${parsed.reason}`);
  const value = evaluateExpression(parsed);
  return value !== null && value.numerator === BigInt(target) * value.denominator;
}

describe('solutionsOf()', () => {
  test('finds a solution exactly where trying every spelling finds one, and each is worth the target', () => {
    for (let index = 0; index < 400; index++) {
      const random = keyedRandom(0, 'countdown/solutions-test', index);
      const numbers = [1 + random.integer(12), 1 + random.integer(12), 1 + random.integer(12)] as const;
      const target = 1 + random.integer(40);
      const solutions = solutionsOf(numbers, target);
      expect(solutions.length > 0, `${numbers} → ${target}`).toBe(
        spellingsOf(numbers).some((text) => isWorth(text, target)),
      );
      for (const solution of solutions) {
        expect(isWorth(solution, target), solution).toBe(true);
        expect(solution.match(/\d+/g)?.map(Number).sort()).toEqual([...numbers].sort());
      }
      expect(new Set(solutions).size).toBe(solutions.length);
    }
  });

  test('spells sums and products one way, and begins with the simplest', () => {
    expect(solutionsOf([3, 17, 20], 71)).toEqual(['17 * 3 + 20']);
    expect(solutionsOf([2, 4, 8], 1)).toEqual(['4 * 2 / 8', '8 / 4 / 2']);
    expect(solutionsOf([3, 1, 5], 15)).toEqual(['5 * 3 * 1', '5 * 3 / 1']);
    expect(solutionsOf([3, 2, 6], 1)).toEqual(['6 - 3 - 2', '3 * 2 / 6', '6 / 3 / 2']);
    expect(solutionsOf([2, 3, 7], 8)).toEqual(['7 + 3 - 2', '( 7 - 3 ) * 2']);
  });

  test('finds the solution that goes through fractions', () => {
    expect(solutionsOf([3, 3, 8, 8], 24)).toEqual(['8 / ( 3 - 8 / 3 )']);
  });

  test('refuses more numbers than it can try', () => {
    expect(() => solutionsOf([1, 2, 3, 4, 5], 6)).toThrow(
      'Cannot enumerate solutions: puzzle has 5 numbers, expected at most 4',
    );
  });
});
