import type { Json } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { scoreZebra } from './score.ts';

function judged(completion: string, groundTruth: Json = { target: 'alice' }): string {
  const verdict = scoreZebra({ groundTruth, completion });
  if (verdict.kind !== 'scored') return verdict.kind;
  expect(verdict.correct).toBe(verdict.reward === 1);
  expect(verdict.formatted).toBe(verdict.reward > 0);
  return `${verdict.reward} ${verdict.reason}`;
}

describe('scoreZebra()', () => {
  test.each([
    ['the name', '\\boxed{Alice}', '1 correct'],
    ['the name as the tiny policy writes it', '\\boxed{ alice }', '1 correct'],
    ['the name in capitals', 'It is \\boxed{\tALICE\n}.\nDone.', '1 correct'],
    ['nothing', '', '0 no-box'],
    ['the name outside any box', 'Alice', '0 no-box'],
    ['a box that is never closed', '\\boxed{Alice', '0 no-box'],
    ['an empty box', '\\boxed{}', '0 empty-box'],
    ['a box of white space', '\\boxed{ \n\u00a0 }', '0 empty-box'],
    ['two boxes, the last one right', '\\boxed{Bob} \\boxed{Alice}', '1 correct'],
    ['two boxes, the last one wrong', '\\boxed{Alice} \\boxed{Bob}', '0.1 wrong-name'],
    ['an empty box after the answer', '\\boxed{Alice} \\boxed{}', '0 empty-box'],
    ['an unclosed box after the answer', '\\boxed{Alice} \\boxed{Bob', '1 correct'],
    ['a box in a box', '\\boxed{\\boxed{Alice}}', '1 correct'],
    ['a group of braces in the box', '\\boxed{{Alice}}', '0.1 wrong-name'],
    ['a name in a LaTeX command', '\\boxed{\\text{Alice}}', '0.1 wrong-name'],
    ['all names at once', '\\boxed{Alice, Bob, Carol}', '0.1 wrong-name'],
    ['a sentence', '\\boxed{Alice lives in House 1}', '0.1 wrong-name'],
    ['the whole puzzle', '\\boxed{Each person has a unique name: alice, bob, carol}', '0.1 wrong-name'],
    ['a letter that only looks alike', '\\boxed{Аlice}', '0.1 wrong-name'],
    ['a hidden zero-width space', '\\boxed{Al\u200bice}', '0.1 wrong-name'],
    ['a lone surrogate', '\\boxed{\ud800}', '0.1 wrong-name'],
    ['two megabytes in the box', `\\boxed{${'Alice'.repeat(400_000)}}`, '0.1 wrong-name'],
    [
      'two megabytes of white space in the box',
      `\\boxed{${' '.repeat(1_000_000)}alice${' '.repeat(1_000_000)}}`,
      '1 correct',
    ],
    ['two megabytes before the answer', `${'{\\boxed'.repeat(250_000)}\\boxed{Alice}`, '1 correct'],
  ])('gives %s what it deserves', (_, completion, expected) => {
    expect(judged(completion)).toBe(expected);
  });

  test('takes the ground truth in any case too', () => {
    expect(judged('\\boxed{alice}', { target: ' Alice ' })).toBe('1 correct');
  });

  test('reads out at most 200 characters of the answer, as well-formed text', () => {
    const verdict = scoreZebra({ groundTruth: { target: 'x' }, completion: `\\boxed{${'a'.repeat(199)}😀}` });
    expect(verdict).toMatchObject({ answer: `${'a'.repeat(199)}\ufffd` });
    expect(scoreZebra({ groundTruth: { target: 'x' }, completion: 'none' })).toMatchObject({ answer: null });
  });

  test.each<[Json]>([[null], ['alice'], [{}], [{ target: 1 }], [{ target: null }], [{ target: ' ' }], [['alice']]])(
    'fails, and gives no zero, on ground truth %j',
    (groundTruth) => {
      expect(scoreZebra({ groundTruth, completion: '\\boxed{alice}' })).toEqual({
        kind: 'failed',
        error: {
          code: 'ground-truth',
          message: 'Cannot score a Zebra answer: ground truth is malformed, expected { target } with a name',
        },
      });
    },
  );
});
