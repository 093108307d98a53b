import { join } from 'node:path';
import type { Verdict } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import { openVerifier } from './open-verifier.ts';
import { verifyRows } from './verify-rows.ts';

const hostileFolder = join(import.meta.dirname, '../test-fixtures/hostile');

async function collect(lines: AsyncIterable<string>, verifier: string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const open = await openVerifier({ verifier });
  try {
    for await (const verdict of verifyRows(lines, open)) verdicts.push(verdict);
    return verdicts;
  } finally {
    await open.close();
  }
}

async function* from(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines;
}

describe('verifyRows()', () => {
  test('gives one verdict per line in order, and a failed one for a line that is no row', async () => {
    const groundTruth = { target: 6, numbers: [2, 4] };
    const verdicts = await collect(
      from([
        JSON.stringify({ groundTruth, completion: '\\boxed{2 + 4}', id: 'a', level: 'easy', prompt: 'make 6' }),
        '{ not json',
        JSON.stringify({ groundTruth, completion: '\\boxed{4 - 2}' }),
        '',
        JSON.stringify({ completion: '\\boxed{1}' }),
        JSON.stringify({ groundTruth, completion: 6 }),
        '[]',
        JSON.stringify({ groundTruth: 'six', completion: '\\boxed{2 + 4}' }),
        JSON.stringify({ groundTruth, completion: 'six' }),
        '  ',
        '',
      ]),
      'countdown',
    );
    const summary = verdicts.map((verdict) =>
      verdict.kind === 'failed' ? verdict.error.code : verdict.kind === 'scored' && verdict.reward,
    );
    expect(summary).toEqual([1, 'contract', 0.1, 'contract', 'contract', 'contract', 'contract', 'ground-truth', 0]);
    expect(verdicts[4]).toEqual({
      kind: 'failed',
      error: {
        code: 'contract',
        message: 'Cannot read row: groundTruth: is missing, expected { groundTruth, completion }',
      },
    });
  });

  test('reads no further ahead than a few batches', async () => {
    let read = 0;
    let furthest = 0;
    let written = 0;
    async function* counted(): AsyncGenerator<string> {
      for (; read < 5_000; read++) yield JSON.stringify({ groundTruth: null, completion: 'good' });
    }
    const open = await openVerifier({ verifier: hostileFolder });
    for await (const verdict of verifyRows(counted(), open)) {
      expect(verdict.kind).toBe('scored');
      furthest = Math.max(furthest, read - written++);
    }
    await open.close();
    expect(written).toBe(5_000);
    expect(furthest).toBeLessThan(2000);
  });

  test('hands on what is there while the source is waiting', async () => {
    let release!: () => void;
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield JSON.stringify({ groundTruth: null, completion: 'good' });
      await waiting;
      yield JSON.stringify({ groundTruth: null, completion: 'abstain' });
    }
    const open = await openVerifier({ verifier: hostileFolder });
    const verdicts = verifyRows(slow(), open);
    expect((await verdicts.next()).value).toMatchObject({ kind: 'scored' });
    release();
    expect((await verdicts.next()).value).toMatchObject({ kind: 'abstained' });
    expect(await verdicts.next()).toEqual({ done: true, value: undefined });
    await open.close();
  });
});
