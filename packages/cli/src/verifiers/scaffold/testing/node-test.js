// @ts-check
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import verifier from '../javascript/src/index.js';
import { conformanceFindings, goldenOf, subjectOf } from '../sdk/verifier.js';

/** What a completion scores where carol is the answer. @param {string} completion */
function scoreOf(completion) {
  const verdict = verifier.score({ groundTruth: { target: 'carol' }, completion });
  return verdict.kind === 'scored' ? [verdict.reward, verdict.reason] : verdict;
}

test('the verifier conforms', async () => {
  deepEqual(await conformanceFindings(verifier), []);
});

test('this version generates what golden.json records', async () => {
  const recorded = JSON.parse(readFileSync(new URL('../golden.json', import.meta.url), 'utf8'));
  deepEqual(await goldenOf(subjectOf(verifier)), recorded);
});

test('the name in the last box is the answer', () => {
  deepEqual(scoreOf('Not \\boxed{bob}, it is \\boxed{ Carol }.'), [1, 'correct']);
  deepEqual(scoreOf('\\boxed{bob}'), [0.1, 'wrong-name']);
  deepEqual(scoreOf('\\boxed{carol, I think}'), [0.1, 'not-a-name']);
  deepEqual(scoreOf('carol'), [0, 'no-answer']);
});

test('a malformed ground truth fails, and is no zero', () => {
  equal(verifier.score({ groundTruth: { target: 49 }, completion: '\\boxed{carol}' }).kind, 'failed');
});
