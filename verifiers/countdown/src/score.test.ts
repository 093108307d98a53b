import type { Json } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { scoreCountdown } from './score.ts';

const groundTruth = { target: 71, numbers: [3, 17, 20] };

function judged(completion: string, truth: Json = groundTruth): string {
  const verdict = scoreCountdown({ groundTruth: truth, completion });
  if (verdict.kind !== 'scored') return verdict.kind;
  expect(verdict.correct).toBe(verdict.reward === 1);
  expect(verdict.formatted).toBe(verdict.reward > 0);
  return `${verdict.reward} ${verdict.reason}`;
}

describe('scoreCountdown()', () => {
  test.each([
    ['the answer', '\\boxed{17 * 3 + 20}', '1 correct'],
    ['spaces as the tiny policy writes them', '\\boxed{ 17 * 3 + 20 }', '1 correct'],
    ['needless brackets and line breaks', '\\boxed{\n(20) + ((3)*17)\n}', '1 correct'],
    ['a zero that was not given', '\\boxed{-(0 - 17 * 3) + 20}', '0.1 number-not-given'],
    ['signs that change nothing', '\\boxed{-(-17) * 3 + +20}', '1 correct'],
    ['text around the box', 'So \\boxed{17 * 3 + 20}.\nDone.', '1 correct'],
    ['nothing', '', '0 no-box'],
    ['an answer outside any box', '17 * 3 + 20', '0 no-box'],
    ['a box that is never closed', '\\boxed{17 * 3 + 20', '0 no-box'],
    ['an empty box', '\\boxed{}', '0 empty-box'],
    ['a box of white space', '\\boxed{ \n\u00a0 }', '0 empty-box'],
    ['an empty box after the answer', '\\boxed{17 * 3 + 20} \\boxed{}', '0 empty-box'],
    ['two boxes, the last one right', '\\boxed{1} \\boxed{17 * 3 + 20}', '1 correct'],
    ['two boxes, the last one wrong', '\\boxed{17 * 3 + 20} \\boxed{17 + 3 + 20}', '0.1 wrong-value'],
    ['an unclosed box after the answer', '\\boxed{17 * 3 + 20} \\boxed{17', '1 correct'],
    ['a box in a box, the inner one right', '\\boxed{\\boxed{17 * 3 + 20}}', '1 correct'],
    ['a group of braces in the box', '\\boxed{{17 * 3 + 20}}', '0.1 not-an-expression'],
    ['another value', '\\boxed{17 + 3 + 20}', '0.1 wrong-value'],
    ['almost the value', '\\boxed{17 * 3 + 20 + 3 / 17}', '0.1 number-reused'],
    ['the power operator', '\\boxed{17 ** 3 + 20}', '0.1 operator-not-allowed'],
    ['the floor division', '\\boxed{17 // 3 + 20}', '0.1 operator-not-allowed'],
    ['digits glued to another number', '\\boxed{173 + 20}', '0.1 number-not-given'],
    ['the target itself', '\\boxed{71}', '0.1 number-not-given'],
    ['an unused number', '\\boxed{17 * 3}', '0.1 number-unused'],
    ['a repeated number', '\\boxed{17 * 3 + 20 + 17 - 17}', '0.1 number-reused'],
    ['an equation', '\\boxed{17 * 3 + 20 = 71}', '0.1 not-an-expression'],
    ['a division by zero', '\\boxed{17 / (20 - 20 + 3 - 3)}', '0.1 number-reused'],
    ['LaTeX operators', '\\boxed{17 \\times 3 + 20}', '0.1 not-an-expression'],
    ['full-width digits', '\\boxed{１７ * 3 + 20}', '0.1 not-an-expression'],
    ['prose', '\\boxed{I do not know}', '0.1 not-an-expression'],
    [
      'the whole puzzle',
      '\\boxed{Using the numbers [3, 17, 20], create an equation that equals 71.}',
      '0.1 not-an-expression',
    ],
    ['the compact puzzle', '\\boxed{ make 71 from 3 17 20 : }', '0.1 not-an-expression'],
    ['code', '\\boxed{process.exit(1)}', '0.1 not-an-expression'],
    ['a hidden zero-width space', '\\boxed{17 * 3\u200b + 20}', '0.1 not-an-expression'],
    ['two megabytes of an expression', `\\boxed{${'17 + '.repeat(400_000)}3}`, '0.1 too-long'],
    ['two megabytes before the answer', `${'17 * {3} + \\boxed'.repeat(125_000)}\\boxed{17 * 3 + 20}`, '1 correct'],
  ])('gives %s what it deserves', (_, completion, expected) => {
    expect(judged(completion)).toBe(expected);
  });

  test('is exact where floating point is not', () => {
    expect(judged('\\boxed{8 / (3 - 8 / 3)}', { target: 24, numbers: [3, 3, 8, 8] })).toBe('1 correct');
    expect(judged('\\boxed{1000000007 / 1000000009}', { target: 1, numbers: [1000000007, 1000000009] })).toBe(
      '0.1 wrong-value',
    );
    const large = 9_007_199_254_740_881;
    expect(judged(`\\boxed{${large} * ${large} / ${large}}`, { target: large, numbers: [large, large, large] })).toBe(
      '1 correct',
    );
  });

  test('takes a number as often as it is given', () => {
    expect(judged('\\boxed{11 + 11 - 4}', { target: 18, numbers: [4, 11, 11] })).toBe('1 correct');
    expect(judged('\\boxed{11 + 4 + 4 - 1}', { target: 18, numbers: [4, 11, 11] })).toBe('0.1 number-not-given');
    expect(judged('\\boxed{11 - 4}', { target: 7, numbers: [4, 11, 11] })).toBe('0.1 number-unused');
  });

  test('finds a division by zero', () => {
    expect(judged('\\boxed{5 / (2 - 2)}', { target: 5, numbers: [5, 2, 2] })).toBe('0.1 division-by-zero');
  });

  test('reads out at most 200 characters of the answer, as well-formed text', () => {
    const verdict = scoreCountdown({ groundTruth, completion: `\\boxed{${'1'.repeat(199)}😀${'1'.repeat(100)}}` });
    expect(verdict).toMatchObject({ answer: `${'1'.repeat(199)}\ufffd` });
    expect(scoreCountdown({ groundTruth, completion: '\\boxed{ 17 }' })).toMatchObject({ answer: '17' });
    expect(scoreCountdown({ groundTruth, completion: 'none' })).toMatchObject({ answer: null });
  });

  test.each<[Json]>([
    [null],
    ['71'],
    [{}],
    [{ target: 71 }],
    [{ target: '71', numbers: [3] }],
    [{ target: 7.5, numbers: [3] }],
    [{ target: 71, numbers: [] }],
    [{ target: 71, numbers: ['3'] }],
    [{ target: 71, numbers: [3, -17] }],
    [{ target: 71, numbers: [2.5] }],
    [{ target: 71, numbers: Array.from({ length: 65 }, () => 1) }],
  ])('fails, and gives no zero, on ground truth %j', (truth) => {
    expect(scoreCountdown({ groundTruth: truth, completion: '\\boxed{1}' })).toMatchObject({
      kind: 'failed',
      error: {
        code: 'ground-truth',
        message: expect.stringMatching(/^Cannot score a Countdown answer: ground truth is malformed/),
      },
    });
  });
});
