import { describe, expect, test } from 'vitest';
import zebra from './index.ts';
import { proofByEveryGrid, proofByModels } from './other-solvers.fixtures.ts';

function puzzlesOf(level: string, count: number) {
  return Array.from({ length: count }, (_, index) =>
    zebra.generate({ seed: 23, index, level, split: (['train', 'tune', 'heldout'] as const)[index % 3]! }),
  );
}

describe('a Zebra puzzle, solved by what did not make it,', () => {
  test.each([
    ['tiny', 300],
    ['easy', 300],
    ['medium', 9],
  ])('of level %s has one grid and no needless clue, by trying every grid (%i puzzles)', (level, count) => {
    for (const { data, groundTruth } of puzzlesOf(level, count)) {
      const { answers, needless } = proofByEveryGrid(data);
      expect({ answers: answers.map((target) => ({ target })), needless }).toEqual({
        answers: [groundTruth],
        needless: [],
      });
    }
  });

  test.each([
    ['tiny', 60],
    ['easy', 60],
    ['medium', 30],
    ['hard', 12],
    ['very_hard', 6],
  ])('of level %s has one grid and no needless clue, as a formula (%i puzzles)', (level, count) => {
    for (const { data, groundTruth } of puzzlesOf(level, count)) {
      const { answers, needless } = proofByModels(data);
      expect({ answers: answers.map((target) => ({ target })), needless }).toEqual({
        answers: [groundTruth],
        needless: [],
      });
    }
  });

  test('would be caught with a clue too many, and with one too few', () => {
    const { data } = puzzlesOf('easy', 1)[0]!;
    const [name] = data.characteristics[0]!.values;
    const house = [1, 2, 3].find(
      (at) => proofByEveryGrid({ ...data, clues: [...data.clues, ['in', name!, at]] }).answers.length === 1,
    )!;
    for (const prove of [proofByEveryGrid, proofByModels]) {
      expect(prove({ ...data, clues: data.clues.slice(1) }).answers).toHaveLength(2);
      expect(prove({ ...data, clues: [...data.clues, ['in', name!, house]] }).needless).toContain(data.clues.length);
    }
  });
});
