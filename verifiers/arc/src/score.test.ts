import type { Json } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { score } from './score.ts';

const groundTruth = { target: '0 0 3 3 0' };

function judged(completion: string, truth: Json = groundTruth): string {
  const verdict = score({ groundTruth: truth, completion });
  if (verdict.kind !== 'scored') return verdict.kind;
  expect(verdict.correct).toBe(verdict.reward === 1);
  expect(verdict.formatted).toBe(verdict.reward > 0);
  return `${verdict.reward} ${verdict.reason}`;
}

describe('score()', () => {
  test.each([
    ['the answer', '\\boxed{0 0 3 3 0}', '1 correct'],
    ['the answer as the tiny policy writes it', '\\boxed{ 0 0 3 3 0 }', '1 correct'],
    ['more white space than needed', '\\boxed{\n0  0\t3\u00a03\r\n0 }', '1 correct'],
    ['text around the box', 'It moves right: \\boxed{0 0 3 3 0}.\nDone.', '1 correct'],
    ['nothing', '', '0 no-box'],
    ['an answer outside any box', '0 0 3 3 0', '0 no-box'],
    ['a box that is never closed', '\\boxed{0 0 3 3 0', '0 no-box'],
    ['an empty box', '\\boxed{}', '0 empty-box'],
    ['a box of white space', '\\boxed{ \n\u00a0 }', '0 empty-box'],
    ['an empty box after the answer', '\\boxed{0 0 3 3 0} \\boxed{}', '0 empty-box'],
    ['two boxes, the last one right', '\\boxed{1} \\boxed{0 0 3 3 0}', '1 correct'],
    ['two boxes, the last one wrong', '\\boxed{0 0 3 3 0} \\boxed{0 3 3 0 0}', '0.1 wrong-cells'],
    ['an unclosed box after the answer', '\\boxed{0 0 3 3 0} \\boxed{0', '1 correct'],
    ['a box in a box, the inner one right', '\\boxed{\\boxed{0 0 3 3 0}}', '1 correct'],
    ['a group of braces in the box', '\\boxed{{0 0 3 3 0}}', '0.1 not-a-grid'],
    ['another grid', '\\boxed{0 3 3 0 0}', '0.1 wrong-cells'],
    ['a cell too few', '\\boxed{0 0 3 3}', '0.1 wrong-length'],
    ['a cell too many', '\\boxed{0 0 3 3 0 0}', '0.1 wrong-length'],
    ['glued cells', '\\boxed{00330}', '0.1 not-a-grid'],
    ['commas', '\\boxed{0, 0, 3, 3, 0}', '0.1 not-a-grid'],
    ['brackets', '\\boxed{[0 0 3 3 0]}', '0.1 not-a-grid'],
    ['leading zeros', '\\boxed{00 0 3 3 0}', '0.1 not-a-grid'],
    ['full-width digits', '\\boxed{0 0 ３ ３ 0}', '0.1 not-a-grid'],
    ['a hidden zero-width space', '\\boxed{0 0 3\u200b 3 0}', '0.1 not-a-grid'],
    ['a lone surrogate', '\\boxed{\ud800}', '0.1 not-a-grid'],
    ['prose', '\\boxed{The output is 0 0 3 3 0}', '0.1 not-a-grid'],
    ['the whole puzzle', '\\boxed{arc 0 3 3 0 0 > 0 0 3 3 0 ; 0 3 3 0 0 > :}', '0.1 not-a-grid'],
    ['sixteen megabytes of cells', `\\boxed{${'0 '.repeat(8_000_000)}}`, '0.1 wrong-length'],
    ['the answer, then megabytes of cells', `\\boxed{0 0 3 3 0 ${'0 '.repeat(1_000_000)}}`, '0.1 wrong-length'],
    ['a word of megabytes', `\\boxed{${'0'.repeat(8_000_000)}}`, '0.1 not-a-grid'],
    [
      'megabytes of white space about the answer',
      `\\boxed{${' \n'.repeat(2_000_000)}0 0 3 3 0${'\u2003'.repeat(2_000_000)}}`,
      '1 correct',
    ],
    ['megabytes of white space within the answer', `\\boxed{0 0${' '.repeat(4_000_000)}3 3 0}`, '1 correct'],
    ['megabytes before the answer', `${'0 {3} \\boxed'.repeat(200_000)}\\boxed{0 0 3 3 0}`, '1 correct'],
  ])('gives %s what it deserves', (_, completion, expected) => {
    expect(judged(completion)).toBe(expected);
  });

  test('takes white space of a published target as it takes the answer’s', () => {
    expect(judged('\\boxed{1 2 3}', { target: ' 1 2\n3 ' })).toBe('1 correct');
  });

  test('compares targets that are longer than what it reads out', () => {
    const cells = Array.from({ length: 300 }, (_, at) => at % 10);
    const target = cells.join(' ');
    expect(judged(`\\boxed{${cells.join('  ')}}`, { target })).toBe('1 correct');
    expect(judged(`\\boxed{${cells.with(299, 0).join('  ')}}`, { target })).toBe('0.1 wrong-cells');
    expect(score({ groundTruth: { target }, completion: `\\boxed{${target}}` })).toMatchObject({
      answer: target.slice(0, 200),
    });
  });

  test('reads out at most 200 characters of the answer, as well-formed text', () => {
    const verdict = score({ groundTruth, completion: `\\boxed{${'1'.repeat(199)}😀${'1'.repeat(100)}}` });
    expect(verdict).toMatchObject({ answer: `${'1'.repeat(199)}\ufffd` });
    expect(score({ groundTruth, completion: '\\boxed{ 0  1 }' })).toMatchObject({ answer: '0 1' });
    expect(score({ groundTruth, completion: 'none' })).toMatchObject({ answer: null });
  });

  test('gives 1 to no other row of cells than the target', () => {
    const row = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(row, row, fc.constantFrom(' ', '  ', '\n', '\t '), (target, answer, space) => {
        const isSame = target.join() === answer.join();
        const seen = judged(`\\boxed{${answer.join(space)}}`, { target: target.join(' ') });
        expect(seen === '1 correct').toBe(isSame);
        expect(judged(`\\boxed{${target.join(space)}}`, { target: target.join(' ') })).toBe('1 correct');
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test.each<[Json]>([
    [null],
    ['0 0 3'],
    [[]],
    [{}],
    [{ target: 3 }],
    [{ target: '' }],
    [{ target: ' ' }],
    [{ target: '0, 3' }],
    [{ target: '10' }],
  ])('fails, and gives no zero, on ground truth %j', (truth) => {
    expect(score({ groundTruth: truth, completion: '\\boxed{1}' })).toEqual({
      kind: 'failed',
      error: {
        code: 'ground-truth',
        message: 'Cannot score an ARC answer: ground truth is malformed, expected { target } with cells 0 to 9',
      },
    });
  });
});
