import { readFileSync } from 'node:fs';
import { conformanceFindings, goldenOf, subjectOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import verifier from '../typescript/src/index.ts';

/** What a completion scores where 49 is the answer. */
function scoreOf(completion: string): unknown {
  const verdict = verifier.score({ groundTruth: { target: 49 }, completion });
  return verdict.kind === 'scored' ? [verdict.reward, verdict.reason] : verdict;
}

describe('template-task', () => {
  test('conforms', async () => {
    expect(await conformanceFindings(verifier)).toEqual([]);
  });

  test('generates under this version what golden.json records', async () => {
    const recorded = JSON.parse(readFileSync(new URL('../golden.json', import.meta.url), 'utf8'));
    expect(await goldenOf(subjectOf(verifier))).toEqual(recorded);
  });

  test('takes the number in the last box for the answer', () => {
    expect(scoreOf('Not \\boxed{3}, it is \\boxed{ 49 }.')).toEqual([1, 'correct']);
    expect(scoreOf('\\boxed{3}')).toEqual([0.1, 'wrong-number']);
    expect(scoreOf('\\boxed{forty-nine}')).toEqual([0.1, 'not-a-number']);
    expect(scoreOf('49')).toEqual([0, 'no-answer']);
  });

  test('fails where the ground truth is malformed, and gives no zero', () => {
    expect(verifier.score({ groundTruth: { target: 'x' }, completion: '\\boxed{49}' }).kind).toBe('failed');
  });
});
