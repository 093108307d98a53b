import { conformanceFindings, generationDigest, splitOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import { nameCharacteristic, otherCharacteristics } from './characteristics.ts';
import zebra, { compactWords } from './index.ts';
import { solveZebra } from './solve.ts';

const { levels } = zebra.manifest;
/** Houses, and the mean number of clues in the published sets (none for tiny). */
const shapes: Readonly<Record<string, readonly [houses: number, meanClues: number]>> = {
  tiny: [3, 4.99],
  easy: [3, 4.99],
  medium: [4, 9.6],
  hard: [5, 15.36],
  very_hard: [6, 22.76],
};

function puzzlesOf(level: string, count: number) {
  return Array.from({ length: count }, (_, index) => zebra.generate({ seed: 11, index, level, split: 'train' }));
}

describe('zebra', () => {
  test('conforms, over 100,000 fuzzed completions', async () => {
    expect(await conformanceFindings(zebra, { puzzles: 10, fuzzed: 100_000 })).toEqual([]);
  }, 60_000);

  test('generates what version 1.0.0 generates', () => {
    expect(zebra.manifest.version).toBe('1.0.0');
    expect(generationDigest(zebra, 5)).toBe('3747687f63049a842652045db86da27b489325e94418b0ff488c6c9400321c19');
  });

  test.each(levels)('makes puzzles of level %s with one solution, and no clue too many', (level) => {
    const [houses, meanClues] = shapes[level]!;
    const puzzles = puzzlesOf(level, 200);
    for (const [at, { id, data, groundTruth }] of puzzles.entries()) {
      expect(data.houses).toBe(houses);
      expect(data.characteristics).toHaveLength(houses);
      expect(data.characteristics[0]?.key).toBe('name');
      for (const { values } of data.characteristics) expect(new Set(values).size).toBe(houses);
      expect({ target: solveZebra(data) }).toEqual(groundTruth);
      expect(splitOf(id)).toBe('train');
      if (at >= 40) continue;
      for (const clue of data.clues) {
        expect(solveZebra({ ...data, clues: data.clues.filter((each) => each !== clue) })).toBeNull();
      }
    }
    const mean = puzzles.reduce((sum, { data }) => sum + data.clues.length, 0) / puzzles.length;
    expect(Math.abs(mean - meanClues)).toBeLessThan(0.5);
  });

  test('asks for each name about as often', () => {
    const counts = new Map<unknown, number>();
    for (const { groundTruth } of puzzlesOf('tiny', 900)) {
      const { target } = groundTruth as { target: string };
      counts.set(target, (counts.get(target) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['alice', 'bob', 'carol']);
    for (const count of counts.values()) expect(Math.abs(count - 300)).toBeLessThan(60);
  });

  test('writes chat prompts in the published form', () => {
    const form =
      /^A conversation between User and Assistant\. The user asks a question, and the Assistant solves it\. The assistant first thinks about the reasoning process in the mind and then provides the user with the answer\.\nUser: This is a logic puzzle\. There are ([3-6]) houses \(numbered 1 on the left, \1 on the right\), from the perspective of someone standing across the street from them\. Each has a different person in them\. They have different characteristics:\n - Each person has a unique name: [a-z]+(, [a-z]+){2,5}\n( - [A-Z][a-z ]+: [a-z]+(, [a-z]+){2,5}\n){2,5}\n(\d+\. [A-Z][A-Za-z ]+( is in the (first|second|third|fourth|fifth|sixth) house| is [A-Za-z ]+| is directly left of [A-Za-z ]+| and [A-Za-z ]+ are next to each other)\.\n)+\nWhat is Name of the person who lives in House 1\? Provide only the name of the person as your final answer and put in in \\boxed\{\}, for example: \\boxed\{Alice\}\.\nAssistant: Let me solve this step by step\.$/;
    for (const level of levels)
      for (const puzzle of puzzlesOf(level, 20)) expect(zebra.prompt(puzzle, 'chat')).toMatch(form);
  });

  test('writes compact texts in words of its list, one space between any two, tiny ones in at most 26 tokens', () => {
    const words = new Set([...compactWords, '\\boxed{', '1', '2', '3', '4', '5', '6']);
    for (const level of levels) {
      for (const puzzle of puzzlesOf(level, 50)) {
        const prompt = zebra.prompt(puzzle, 'compact');
        for (const text of [prompt, zebra.gold(puzzle, 'compact'), zebra.decoy(puzzle, 'compact', 1)]) {
          for (const word of text.split(' ')) expect(words.has(word), text).toBe(true);
        }
        if (level === 'tiny') expect(prompt.split(' ').length).toBeLessThanOrEqual(26);
        expect(zebra.gold(puzzle, 'compact')).toMatch(/^\\boxed\{ [a-z]+ \}$/);
      }
    }
  });

  test('reads equal puzzles alike in the compact style, and knows them again', () => {
    const [puzzle] = puzzlesOf('medium', 1);
    const { data } = puzzle!;
    const turned = {
      ...data,
      characteristics: [data.characteristics[0]!, ...data.characteristics.slice(1).toReversed()],
      clues: data.clues
        .map(([kind, a, b]) =>
          kind === 'same' || kind === 'by' ? ([kind, String(b), a] as const) : ([kind, a, b] as const),
        )
        .toReversed(),
    };
    expect(zebra.prompt({ ...puzzle!, data: turned }, 'compact')).toBe(zebra.prompt(puzzle!, 'compact'));
    expect(zebra.prompt({ ...puzzle!, data: turned }, 'chat')).not.toBe(zebra.prompt(puzzle!, 'chat'));
  });

  test('takes no word twice', () => {
    const words = [nameCharacteristic, ...otherCharacteristics].flatMap(({ values }) => values);
    expect(new Set(words).size).toBe(66);
    expect(new Set(compactWords).size).toBe(compactWords.length);
  });

  test('refuses an unknown level', () => {
    expect(() => zebra.generate({ seed: 0, index: 0, level: 'huge', split: 'train' })).toThrow(
      new RangeError(
        'Cannot generate a Zebra puzzle: level is "huge", expected one of tiny, easy, medium, hard, very_hard',
      ),
    );
  });
});

describe('solveZebra()', () => {
  const [{ data }] = puzzlesOf('tiny', 1) as [ReturnType<typeof zebra.generate>];

  test('gives no name where the clues contradict each other', () => {
    expect(solveZebra({ ...data, clues: [...data.clues, ['in', 'alice', 1], ['in', 'bob', 1]] })).toBeNull();
  });

  test('refuses a clue about a value that the puzzle does not have', () => {
    expect(() => solveZebra({ ...data, clues: [['in', 'zoe', 1]] })).toThrow(
      'Cannot solve a Zebra puzzle: clue names "zoe", expected one of its values',
    );
  });
});
