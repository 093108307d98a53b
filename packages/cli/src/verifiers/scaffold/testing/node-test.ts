import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { conformanceFindings, goldenOf, subjectOf } from '@evenkeel/verifier';
import verifier from '../typescript/src/index.ts';

/** What a completion scores where 49 is the answer. */
function scoreOf(completion: string): unknown {
  const verdict = verifier.score({ groundTruth: { target: 49 }, completion });
  return verdict.kind === 'scored' ? [verdict.reward, verdict.reason] : verdict;
}

test('the verifier conforms', async () => {
  deepEqual(await conformanceFindings(verifier), []);
});

test('this version generates what golden.json records', async () => {
  const recorded = JSON.parse(readFileSync(new URL('../golden.json', import.meta.url), 'utf8'));
  deepEqual(await goldenOf(subjectOf(verifier)), recorded);
});

test('the number in the last box is the answer', () => {
  deepEqual(scoreOf('Not \\boxed{3}, it is \\boxed{ 49 }.'), [1, 'correct']);
  deepEqual(scoreOf('\\boxed{3}'), [0.1, 'wrong-number']);
  deepEqual(scoreOf('\\boxed{forty-nine}'), [0.1, 'not-a-number']);
  deepEqual(scoreOf('49'), [0, 'no-answer']);
});

test('a malformed ground truth fails, and is no zero', () => {
  equal(verifier.score({ groundTruth: { target: 'x' }, completion: '\\boxed{49}' }).kind, 'failed');
});
