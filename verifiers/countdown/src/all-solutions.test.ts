import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { allSolutions } from './all-solutions.fixtures.ts';
import { evaluateExpression, parseExpression } from './expression.ts';
import countdown from './index.ts';
import { solutionsOf } from './solutions.ts';

function solutionCounts(level: string, puzzles: number): number[] {
  return Array.from({ length: puzzles }, (_, index) => {
    const { target, numbers } = countdown.generate({ seed: 2, index, level, split: 'train' }).data;
    return allSolutions(numbers, target).size;
  });
}

const share = (counts: readonly number[], is: (count: number) => boolean): number =>
  counts.filter(is).length / counts.length;

describe('allSolutions()', () => {
  test('finds what trying all pairs finds, with three numbers and with four', () => {
    for (let index = 0; index < 300; index++) {
      const random = keyedRandom(0, 'countdown/all-solutions-test', index);
      const numbers = Array.from({ length: index < 250 ? 3 : 4 }, () => 1 + random.integer(20));
      const target = 1 + random.integer(60);
      expect([...allSolutions(numbers, target)].sort(), `${numbers} → ${target}`).toEqual(
        solutionsOf(numbers, target).sort(),
      );
    }
  });

  test('finds solutions that are worth the target and use each number, with five numbers and with six', () => {
    for (const [level, puzzles] of [
      ['hard', 20],
      ['very_hard', 3],
    ] as const) {
      for (let index = 0; index < puzzles; index++) {
        const { target, numbers, solution } = countdown.generate({ seed: 3, index, level, split: 'tune' }).data;
        const solutions = allSolutions(numbers, target);
        expect(solutions).toContain(solution);
        for (const text of solutions) {
          const parsed = parseExpression(text);
          if (parsed.kind === 'refused') expect.fail(`${text}: ${parsed.reason}`);
          expect(parsed.literals.toSorted(), text).toEqual(numbers.toSorted());
          const value = evaluateExpression(parsed)!;
          expect(value.numerator, text).toBe(BigInt(target) * value.denominator);
        }
      }
    }
  });

  test('takes fractions on the way, and equal numbers as one', () => {
    expect([...allSolutions([3, 3, 8, 8], 24)]).toEqual(['8 / ( 3 - 8 / 3 )']);
    expect([...allSolutions([5, 5], 1)]).toEqual(['5 / 5']);
    expect(allSolutions([5, 5, 7], 7)).toEqual(new Set(['7 + 5 - 5', '7 * 5 / 5']));
  });
});

describe('the difficulty of Countdown', () => {
  // The README's table, with room for the few puzzles that are counted here: npm run bench generators -- --difficulty 1000
  test.each([
    ['tiny', 300, 0.55, 0.8],
    ['easy', 300, 0.8, 0.99],
    ['medium', 200, 0.6, 0.95],
    ['hard', 100, 0.25, 0.7],
  ])('level %s: of %i puzzles between %d and %d have one solution, all have some', (level, puzzles, least, most) => {
    const counts = solutionCounts(level, puzzles);
    expect(Math.min(...counts)).toBe(1);
    expect(share(counts, (count) => count === 1)).toBeGreaterThan(least);
    expect(share(counts, (count) => count === 1)).toBeLessThan(most);
  });

  test('level very_hard: few puzzles have one solution, many have more than five', () => {
    const counts = solutionCounts('very_hard', 15);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(share(counts, (count) => count === 1)).toBeLessThan(0.4);
    expect(share(counts, (count) => count > 5)).toBeGreaterThan(0.3);
  });
});
