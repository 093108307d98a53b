import { readFileSync } from 'node:fs';
import { conformanceFindings, goldenOf, subjectOf } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import verifier from '../typescript/src/index.ts';

/** What a completion scores where carol is the answer. */
function scoreOf(completion: string): unknown {
  const verdict = verifier.score({ groundTruth: { target: 'carol' }, completion });
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

  test('takes the name in the last box for the answer', () => {
    expect(scoreOf('Not \\boxed{bob}, it is \\boxed{ Carol }.')).toEqual([1, 'correct']);
    expect(scoreOf('\\boxed{bob}')).toEqual([0.1, 'wrong-name']);
    expect(scoreOf('\\boxed{carol, I think}')).toEqual([0.1, 'not-a-name']);
    expect(scoreOf('carol')).toEqual([0, 'no-answer']);
  });

  test('fails where the ground truth is malformed, and gives no zero', () => {
    expect(verifier.score({ groundTruth: { target: 49 }, completion: '\\boxed{carol}' }).kind).toBe('failed');
  });
});
