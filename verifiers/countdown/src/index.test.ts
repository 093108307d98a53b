import { conformanceFindings, generationDigest, type Split, splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import countdown, { compactWords } from './index.ts';
import { solutionsOf } from './solutions.ts';

const { levels } = countdown.manifest;
const largest: Readonly<Record<string, readonly [count: number, number: number, target: number]>> = {
  tiny: [3, 20, 100],
  easy: [3, 100, 999],
  medium: [4, 100, 999],
  hard: [5, 100, 999],
  very_hard: [6, 100, 999],
};

function puzzlesOf(level: string, count: number, split: Split = 'train') {
  return Array.from({ length: count }, (_, index) => countdown.generate({ seed: 11, index, level, split }));
}

describe('countdown', () => {
  test('conforms, over 100,000 fuzzed completions', async () => {
    expect(await conformanceFindings(countdown, { puzzles: 10, fuzzed: 100_000 })).toEqual([]);
  }, 60_000);

  test('generates what version 1.0.0 generates', () => {
    expect(countdown.manifest.version).toBe('1.0.0');
    expect(generationDigest(countdown, 5)).toBe('49d46e92791795f1e6456a02bde9e57265ecefd12bcae0ea097b2e93abbd83b0');
  });

  test.each(levels)('keeps the bounds of level %s, with a solution that scores 1', (level) => {
    const [count, largestNumber, largestTarget] = largest[level]!;
    for (const puzzle of puzzlesOf(level, 300)) {
      const { target, numbers, solution } = puzzle.data;
      expect(numbers).toHaveLength(count);
      for (const number of numbers) expect(number >= 1 && number <= largestNumber).toBe(true);
      expect(target >= 1 && target <= largestTarget).toBe(true);
      expect(puzzle.groundTruth).toEqual({ target, numbers });
      const verdict = countdown.score({ groundTruth: puzzle.groundTruth, completion: `\\boxed{${solution}}` });
      expect(verdict).toMatchObject({ reward: 1 });
      expect(splitOf(puzzle.id)).toBe('train');
    }
  });

  test('knows a puzzle again at another level and in another order', () => {
    const [puzzle] = puzzlesOf('tiny', 1);
    const { target, numbers } = puzzle!.data;
    expect(puzzle!.id).toBe(`${target}=${numbers.toSorted((a, b) => a - b).join(',')}`);
  });

  test('draws small targets more often, about as published sets do', () => {
    // Medians of the published sets: 116, 136, 98, 95, over 100 puzzles each.
    for (const level of levels.slice(1)) {
      const targets = puzzlesOf(level, 1000)
        .map(({ data }) => data.target)
        .sort((a, b) => a - b);
      expect(targets[500]).toBeGreaterThan(80);
      expect(targets[500]).toBeLessThan(150);
      expect(targets[900]).toBeGreaterThan(400);
    }
  });

  test('makes tiny and easy puzzles with few solutions', () => {
    for (const level of ['tiny', 'easy']) {
      const counts = puzzlesOf(level, 300).map(({ data }) => solutionsOf(data.numbers, data.target).length);
      expect(Math.min(...counts)).toBe(1);
      expect(counts.reduce((sum, count) => sum + count, 0) / counts.length).toBeLessThan(2);
    }
  });

  test('writes chat prompts in the published form', () => {
    const form =
      /^A conversation between User and Assistant\. The user asks a question, and the Assistant solves it\. The assistant first thinks about the reasoning process in the mind and then provides the user with the answer\.\nUser: Using the numbers \[\d+(, \d+){2,5}\], create an equation that equals \d{1,3}\. You can only use basic arithmetic operations \(\+, -, \*, \/\) and each number should be used exactly once\. Return the final answer in \\boxed\{\}, for example \\boxed\{\(1 \+ 2\) \/ 3\}\.\nAssistant: Let me solve this step by step\.$/;
    for (const level of levels)
      for (const puzzle of puzzlesOf(level, 20)) expect(countdown.prompt(puzzle, 'chat')).toMatch(form);
  });

  test('writes compact texts in words of its list, one space between any two', () => {
    const words = new Set([...compactWords, '\\boxed{']);
    for (const level of levels) {
      for (const puzzle of puzzlesOf(level, 50)) {
        const prompt = countdown.prompt(puzzle, 'compact');
        expect(prompt).toMatch(/^make \d+ from( \d+)+ :$/);
        for (const text of [prompt, countdown.gold(puzzle, 'compact'), countdown.decoy(puzzle, 'compact', 3)]) {
          for (const word of text.split(' '))
            expect(words.has(word) || /^(0|[1-9]\d{0,2})$/.test(word), text).toBe(true);
        }
        expect(countdown.gold(puzzle, 'compact')).toMatch(/^\\boxed\{ .* \}$/);
      }
    }
  });

  test('gives every solution of three numbers as a gold answer, the simplest first', () => {
    const puzzle = {
      id: 'x',
      level: 'tiny',
      data: { target: 8, numbers: [3, 2, 7], solution: '( 7 - 3 ) * 2' },
      groundTruth: null,
    };
    expect([0, 1, 2].map((variant) => countdown.gold(puzzle, 'compact', variant))).toEqual([
      '\\boxed{ 7 + 3 - 2 }',
      '\\boxed{ ( 7 - 3 ) * 2 }',
      '\\boxed{ 7 + 3 - 2 }',
    ]);
    expect(countdown.gold(puzzle, 'chat', 1)).toBe(' \\boxed{(7 - 3) * 2}');
  });

  test('refuses an unknown level', () => {
    expect(() => countdown.generate({ seed: 0, index: 0, level: 'huge', split: 'train' })).toThrow(
      new RangeError(
        'Cannot generate a Countdown puzzle: level is "huge", expected one of tiny, easy, medium, hard, very_hard',
      ),
    );
  });
});
