import { conformanceFindings, generationDigest, type Split, splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import { type ArcPuzzle, explains } from './generate.ts';
import arc, { compactWords } from './index.ts';
import { levels, tinyRules } from './levels.ts';
import { ruleNamed, rules } from './rules/table.ts';

const lengths = { tiny: 10, easy: 10, medium: 20, hard: 30, very_hard: 40 } as const;

function puzzlesOf(level: string, count: number, split: Split = 'train'): ArcPuzzle[] {
  return Array.from({ length: count }, (_, index) => arc.generate({ seed: 11, index, level, split }));
}

describe('arc', () => {
  test('conforms, over 100,000 fuzzed completions', async () => {
    expect(await conformanceFindings(arc, { puzzles: 10, fuzzed: 100_000 })).toEqual([]);
  }, 60_000);

  test('generates what version 1.0.0 generates', () => {
    expect(arc.manifest.version).toBe('1.0.0');
    expect(generationDigest(arc, 5)).toBe('819d0c91823e54efaa66e631b5fb27a6290556be73da6f1e4c2da2591c835563');
  });

  test('generates at level tiny what the shipped policy was trained on', () => {
    expect(generationDigest(arc, 50, ['tiny'])).toBe(
      'b6ec42b2b772448356365d160fe11eefefe22e6e0d1e470df1df2ff52448cbb0',
    );
  });

  test.each(Object.entries(lengths))('proves the answers of level %s, of length %i', (level, length) => {
    for (const { data, groundTruth } of puzzlesOf(level, 200)) {
      const rule = ruleNamed(data.rule);
      const answer = rule.apply(data.input)!.join(' ');
      expect(groundTruth).toEqual({ target: answer });
      expect(explains(rule, data.examples)).toBe(true);
      const shown = [...data.examples.map(({ input }) => input), data.input];
      expect(new Set(shown.map(String)).size).toBe(4);
      for (const grid of shown) expect(grid).toHaveLength(length);
      // No rule of the level that explains the examples gives another answer.
      const answers = levels[level]!.rules.filter((other) => explains(other, data.examples)).map(
        (other) => other.apply(data.input)?.join(' ') ?? answer,
      );
      expect(new Set(answers)).toEqual(new Set([answer]));
      expect(data.examples.some(({ input, output }) => String(input) !== String(output))).toBe(true);
    }
  });

  test('draws each rule about as often, at each length', () => {
    for (const level of arc.manifest.levels) {
      const expected = levels[level]!.rules.length;
      const seen = new Map<string, number>();
      for (const { data } of puzzlesOf(level, 30 * expected)) seen.set(data.rule, (seen.get(data.rule) ?? 0) + 1);
      expect(seen.size).toBe(expected);
      expect(Math.min(...seen.values())).toBeGreaterThan(10);
      expect(Math.max(...seen.values())).toBeLessThan(60);
    }
  });

  test('shows a change in every grid of level tiny, and only its fifteen rules', () => {
    const names = new Set(tinyRules.map(({ name }) => name));
    expect(names.size).toBe(15);
    for (const { data, groundTruth } of puzzlesOf('tiny', 300)) {
      expect(names.has(data.rule)).toBe(true);
      for (const { input, output } of data.examples) expect(output).not.toEqual(input);
      expect(groundTruth).not.toEqual({ target: data.input.join(' ') });
    }
  });

  test('knows a puzzle again whose examples stand in another order', () => {
    const [puzzle] = puzzlesOf('tiny', 1);
    const { examples, input } = puzzle!.data;
    const shown = examples.map((example) => `${example.input.join('')}>${example.output.join('')}`).toSorted();
    expect(splitOf(`${shown.join(';')};${input.join('')}`)).toBe('train');
    expect(puzzle!.id).toMatch(/^[0-9a-f]{32}$/);
  });

  test('writes chat prompts in the published form', () => {
    const puzzle: ArcPuzzle = {
      id: '0',
      level: 'tiny',
      data: {
        rule: 'move_1pix_solid_right',
        examples: [
          { input: [0, 1, 0, 0], output: [0, 0, 1, 0] },
          { input: [2, 2, 0, 0], output: [0, 2, 2, 0] },
          { input: [0, 0, 3, 0], output: [0, 0, 0, 3] },
        ],
        input: [4, 0, 0, 0],
      },
      groundTruth: { target: '0 4 0 0' },
    };
    expect(arc.prompt(puzzle, 'chat')).toBe(
      `A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about the reasoning process in the mind and then provides the user with the answer.
User: Find the common rule that maps an input grid to an output grid, given the examples below.

Example 1:
Input:  0 1 0 0
Output: 0 0 1 0

Example 2:
Input:  2 2 0 0
Output: 0 2 2 0

Example 3:
Input:  0 0 3 0
Output: 0 0 0 3

Below is a test input grid. Predict the corresponding output grid by applying the rule you found. Describe how you derived the rule and your overall reasoning process in detail before you submit your answer. Your final answer must be placed in \\boxed{} and should be just the test output grid itself.

Input:
4 0 0 0
Assistant: Let me solve this step by step.`,
    );
    expect(arc.gold(puzzle, 'chat')).toBe(' \\boxed{0 4 0 0}');
    expect(arc.prompt(puzzle, 'compact')).toBe(
      'arc 0 1 0 0 > 0 0 1 0 ; 2 2 0 0 > 0 2 2 0 ; 0 0 3 0 > 0 0 0 3 ; 4 0 0 0 > :',
    );
    expect(arc.gold(puzzle, 'compact')).toBe('\\boxed{ 0 4 0 0 }');
  });

  test('writes compact texts in words of its list, one space between any two, tiny prompts in 79', () => {
    const words = new Set(compactWords);
    for (const level of arc.manifest.levels) {
      for (const puzzle of puzzlesOf(level, 50)) {
        const prompt = arc.prompt(puzzle, 'compact');
        if (level === 'tiny') expect(prompt.split(' ')).toHaveLength(79);
        for (const text of [prompt, arc.gold(puzzle, 'compact'), arc.decoy(puzzle, 'compact', 3)]) {
          for (const word of text.split(' ')) expect(words.has(word) || /^[0-9]$/.test(word), text).toBe(true);
        }
      }
    }
  });

  test('makes decoys of the right length that are near the answer, and several of them', () => {
    for (const level of arc.manifest.levels) {
      for (const puzzle of puzzlesOf(level, 50)) {
        const decoys = Array.from({ length: 12 }, (_, variant) => arc.decoy(puzzle, 'compact', variant));
        expect(new Set(decoys).size).toBeGreaterThan(1);
        for (const completion of decoys) {
          const verdict = arc.score({ groundTruth: puzzle.groundTruth, completion });
          expect(verdict).toMatchObject({ reward: 0.1, reason: 'wrong-cells' });
        }
      }
    }
  });

  test('has a tiny level whose rules are among the seventy', () => {
    for (const rule of tinyRules) expect(rules).toContain(rule);
  });

  test('refuses an unknown level', () => {
    for (const level of ['huge', 'constructor']) {
      expect(() => arc.generate({ seed: 0, index: 0, level, split: 'train' })).toThrow(
        new RangeError(
          `Cannot generate an ARC puzzle: level is "${level}", expected one of tiny, easy, medium, hard, very_hard`,
        ),
      );
    }
  });
});
