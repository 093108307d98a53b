/**
 * What the coverage-guided fuzzer calls with its bytes: they choose a task and a ground truth, and the rest of them is the completion.
 * A verdict that is not as it should be is thrown. Bundled into one file by `test/bench/fuzz-guided.ts`.
 */
import type { Json } from '@evenkeel/core';
import { type FuzzTask, fuzzTaskOf } from './tasks.ts';

const truths: Readonly<Record<string, readonly Json[]>> = {
  countdown: [
    { target: 71, numbers: [3, 17, 20] },
    { target: 5, numbers: [5, 2, 2] },
    { target: 24, numbers: [3, 3, 8, 8] },
    { target: 0, numbers: [1] },
    { target: -1, numbers: [0, 1, 2, 3] },
  ],
  zebra: [{ target: 'alice' }, { target: 'Kiki' }, { target: 'x' }],
  arc: [{ target: '0 0 3 3 0' }, { target: '7' }, { target: '1 2' }],
};

/** @returns the function for one task */
export function guidedTarget(name: string): (data: Buffer) => void {
  const task = fuzzTaskOf(name);
  return (data) => check(task, truths[name]!, data);
}

function check({ verifier, deserved }: FuzzTask, known: readonly Json[], data: Buffer): void {
  const [first = 0] = data;
  const groundTruth = known[(first >> 1) % known.length]!;
  // Half of them as UTF-16, where any two bytes are a character, lone surrogates too.
  const completion = data.subarray(1).toString(first % 2 === 0 ? 'utf8' : 'utf16le');
  const verdict = verifier.score({ groundTruth, completion });
  const wanted = deserved(completion, groundTruth as never);
  const { reward, correct, formatted } =
    verdict.kind === 'scored' ? verdict : { reward: null, correct: null, formatted: null };
  if (reward === wanted && correct === (wanted === 1) && formatted === wanted > 0) return;
  throw new Error(`${JSON.stringify(completion)} got ${JSON.stringify(verdict)}, expected ${wanted}`);
}
