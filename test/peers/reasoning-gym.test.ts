import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { fuzzTaskOf } from '../fuzz/tasks.ts';
import { answersTo, cutPuzzle, type PeerPuzzle, peerDifferenceOf, peerDifferences } from './reasoning-gym.ts';

const puzzle: PeerPuzzle = {
  task: 'countdown',
  truth: { target: 71, numbers: [3, 17, 20, 1] },
  answer: '17 * 3 + 20 * 1',
};

function rewardHere(task: string, truth: PeerPuzzle['truth'], answer: string): number {
  const groundTruth = { ...truth, numbers: truth.numbers ?? null };
  const verdict = fuzzTaskOf(task).verifier.score({ groundTruth, completion: `\\boxed{${answer}}` });
  if (verdict.kind !== 'scored') throw new Error(JSON.stringify(verdict));
  return verdict.reward;
}

/** The comparison itself: `npm run bench reasoning-gym`. */
describe('the comparison with reasoning-gym', () => {
  test('asks about right, wrong and changed answers, the same each time', () => {
    const other = { ...puzzle, answer: '1 + 2' };
    const answers = answersTo(keyedRandom(0, 'test'), puzzle, other, 60);
    expect(answers.slice(0, 2)).toEqual([puzzle.answer, other.answer]);
    expect(new Set(answers).size).toBeGreaterThan(15);
    expect(answersTo(keyedRandom(0, 'test'), puzzle, other, 60)).toEqual(answers);
  });

  test('makes puzzles whose target is a value cut to a whole number', () => {
    expect(cutPuzzle({ ...puzzle, truth: { target: 1, numbers: [21, 56, 40, 7] } })).toEqual({
      task: 'countdown',
      truth: { target: 1181, numbers: [21, 56, 40, 7] },
      answer: '21 * 56 + 40 / 7',
    });
    expect(cutPuzzle({ ...puzzle, truth: { target: 1, numbers: [1, 2, 40, 8] } })).toBeNull();
  });

  test('leaves unexplained what has no class', () => {
    expect(peerDifferenceOf(puzzle, puzzle.answer, true)).toBeNull();
    expect(peerDifferenceOf({ task: 'zebra', truth: { target: 'alice' }, answer: 'alice' }, 'bob', false)).toBeNull();
    expect(peerDifferenceOf({ task: 'zebra', truth: { target: 'alice' }, answer: 'alice' }, 'bob', true)).toBeNull();
  });

  test('has classes that docs/verdicts.md lists, with examples that are as it says', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/verdicts.md'), 'utf8');
    const rows = [
      ...text.matchAll(/^\| `([a-z-]+)` +\| (\w+) +\| `(".*?")` +\| `(\{.*?\})` +\| ([\d.]+) +\| ([\d.]+) +\|/gm),
    ];
    expect(new Set(rows.map(([, kind]) => kind))).toEqual(new Set(peerDifferences));
    for (const [, kind, name, quoted, truthText, here, there] of rows) {
      const [task, answer, truth] = [name!.toLowerCase(), JSON.parse(quoted!) as string, JSON.parse(truthText!)];
      expect([answer, rewardHere(task, truth, answer)]).toEqual([answer, Number(here)]);
      expect(Number(here) === 1).not.toBe(Number(there) === 1);
      expect([answer, peerDifferenceOf({ task, truth, answer }, answer, Number(here) === 1)]).toEqual([answer, kind]);
    }
  });
});
