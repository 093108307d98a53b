/** Verifiers opened whole: second looks, many processes, one that dies beside others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields, Logger } from '@evenkeel/core';
import { silentLogger } from '@evenkeel/core';
import type { Submission, Verdict } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFickle } from '../test-fixtures/fickle.ts';
import { type OpenVerifier, type OpenVerifierOptions, openVerifier, type SandboxedVerifier } from './open-verifier.ts';

const hostile = join(import.meta.dirname, '../test-fixtures/hostile');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-open-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function items(...completions: string[]): Submission[] {
  return completions.map((completion) => ({ groundTruth: null, completion }));
}

/** What came of it in a word each. */
function words(verdicts: readonly Verdict[]): (string | number)[] {
  return verdicts.map((verdict) =>
    verdict.kind === 'scored' ? verdict.reward : verdict.kind === 'failed' ? verdict.error.code : 'abstained',
  );
}

async function opened<T>(options: OpenVerifierOptions, act: (verifier: OpenVerifier) => Promise<T>): Promise<T> {
  const verifier = await openVerifier(options);
  try {
    return await act(verifier);
  } finally {
    await verifier.close();
  }
}

let fickles = 0;
function fickle(score: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return writeFickle(join(folder, `fickle-${fickles++}`), score, changes);
}

describe('what a verdict may be', () => {
  test('a value that is no verdict is said with what is wrong', async () => {
    const wrong: Record<string, [message: string, code: string]> = {
      'scored(0.5)': ['reward', 'contract'],
      'scored(NaN)': ['reward', 'contract'],
      'Promise.resolve(scored(1))': ['Async not available', 'crash'],
      '({ then: () => {} })': ['kind', 'contract'],
      undefined: ['found no JSON value', 'contract'],
      null: ['expected object', 'contract'],
      '1': ['expected object', 'contract'],
      'scored(1, { components: { length: 1 } })': ['Unrecognized key: "components"', 'contract'],
    };
    const cases = Object.keys(wrong).map((value) => `${JSON.stringify(value)}: () => ${value}`);
    await opened({ verifier: fickle(`return ({ ${cases.join(', ')} })[completion]();`) }, async (verifier) => {
      const verdicts = await verifier.score(items(...Object.keys(wrong)));
      for (const [at, [message, code]] of Object.values(wrong).entries()) {
        expect(verdicts[at]).toMatchObject({
          kind: 'failed',
          error: { code, message: expect.stringContaining(message) },
        });
      }
      expect(verifier.counts()).toMatchObject({ scored: 0, retried: 0, failed: { contract: 7, crash: 1 } });
    });
  });

  test('rewards are those of the manifest, and correct and formatted follow from them', async () => {
    const score =
      'const [reward, correct, formatted] = JSON.parse(completion); return scored(reward, { correct, formatted });';
    const asked = [
      '[-1,false,false]',
      '[0,false,true]',
      '[2,true,true]',
      '[1,true,true]',
      '[2,false,true]',
      '[0,false,false]',
    ];
    await opened({ verifier: fickle(score, { rewards: [-1, 0, 2] }) }, async (verifier) => {
      const verdicts = await verifier.score(items(...asked));
      expect(words(verdicts)).toEqual([-1, 0, 2, 'contract', 'contract', 'contract']);
    });
    await opened({ verifier: fickle(score, { rewards: { min: 0, max: 1 } }) }, async (verifier) => {
      const verdicts = await verifier.score(
        items('[0.25,false,true]', '[1,true,true]', '[0,false,false]', '[1.01,true,true]', '[-0.1,false,false]'),
      );
      expect(words(verdicts)).toEqual([0.25, 1, 0, 'contract', 'contract']);
    });
  });

  test('components are exactly those of the manifest, and finite', async () => {
    const verifier = fickle('return scored(1, { components: JSON.parse(completion) });', {
      components: ['format', 'length'],
    });
    await opened({ verifier }, async (open) => {
      const asked = [
        '{"format":1,"length":0.5}',
        '{"format":1}',
        '{"format":1,"length":"1"}',
        '{"format":1,"length":1,"x":1}',
      ];
      const verdicts = await open.score(items(...asked));
      expect(words(verdicts)).toEqual([1, 'contract', 'contract', 'contract']);
      expect(verdicts[0]).toMatchObject({ components: { format: 1, length: 0.5 } });
    });
  });
});

describe('second looks', () => {
  test('what fails with a throw only the first time is not deterministic, and so is what is contract-breaking', async () => {
    const score = `if (completion === 'first' && calls > 1) throw new Error('only once'); if (completion === 'odd' && calls > 1) return null; return scored(1);`;
    await opened({ verifier: fickle(score) }, async (verifier) => {
      const verdicts = await verifier.score(items('x', 'first', 'odd', 'x'));
      expect(words(verdicts)).toEqual([1, 'nondeterministic', 'nondeterministic', 1]);
      expect(verdicts[1]).toMatchObject({ error: { message: expect.stringContaining('asked twice, it gave') } });
      expect(verifier.counts()).toMatchObject({ scored: 2, retried: 0, failed: { nondeterministic: 2, crash: 0 } });
    });
  });

  test('a failure that stands is the first one, and is not asked a third time', async () => {
    await opened({ verifier: hostile }, async (verifier) => {
      expect(words(await verifier.score(items('throw', 'loop', 'good')))).toEqual(['crash', 'timeout', 1]);
      const { kills, restarts } = verifier.counts();
      const again = await verifier.score(items('loop', 'throw', 'loop'));
      expect(words(again)).toEqual(['timeout', 'crash', 'timeout']);
      expect(verifier.counts()).toMatchObject({ kills, restarts, failed: { timeout: 3, crash: 2 }, scored: 1 });
    });
  }, 30_000);

  test('a verifier that counts its calls is found by spot checks, and told of once', async () => {
    const told: [string, LogFields | undefined][] = [];
    const logger: Logger = { ...silentLogger, warn: (message, fields) => told.push([message, fields]) };
    const verifier = fickle('return scored(calls % 2);');
    await opened({ verifier, logger, spotCheckEvery: 4 }, async (open) => {
      const verdicts = await open.score(items(...Array.from({ length: 400 }, (_, at) => `completion ${at}`)));
      const { spotChecked, failed } = open.counts();
      expect(spotChecked).toBeGreaterThan(50);
      expect(spotChecked).toBeLessThan(150);
      expect(failed.nondeterministic).toBeGreaterThan(0);
      expect(words(verdicts).filter((word) => word === 'nondeterministic').length).toBe(failed.nondeterministic);
    });
    expect(told.map(([message]) => message)).toEqual(['Verifier is not deterministic: the same item got two verdicts']);
    expect(told[0]![1]).toMatchObject({ verifier: 'fickle', version: '1.0.0' });
  });

  test('spot checks choose by content: the same items whatever the order, and none where they are off', async () => {
    const asked = items(...Array.from({ length: 500 }, (_, at) => `completion ${at}`));
    const checked = (order: Submission[], spotCheckEvery: number) =>
      opened({ verifier: fickle('return scored(1);'), spotCheckEvery }, async (open) => {
        await open.score(order);
        return open.counts().spotChecked;
      });
    const forwards = await checked(asked, 16);
    expect(forwards).toBeGreaterThan(10);
    expect(await checked(asked.toReversed(), 16)).toBe(forwards);
    expect(await checked(asked, 0)).toBe(0);
  });
});

describe('many processes', () => {
  test('results come in order, whatever process they come from and however many calls overlap', async () => {
    const verifier = fickle(
      `let x = 0; for (let at = 0; at < 20000; at++) x += at; return scored(1, { answer: completion });`,
    );
    await opened({ verifier, processes: 3 }, async (open) => {
      const calls = Array.from({ length: 6 }, (_, call) =>
        items(...Array.from({ length: 2000 }, (_, at) => `${call}:${at}`)),
      );
      const results = await Promise.all(calls.map((call) => open.score(call)));
      for (const [call, verdicts] of results.entries()) {
        expect(verdicts.map((verdict) => verdict.kind === 'scored' && verdict.answer)).toEqual(
          calls[call]!.map(({ completion }) => completion),
        );
      }
    });
  }, 60_000);

  test('a second process is started while work waits, and one that is killed costs none of its items', async () => {
    const verifier = fickle(
      `let x = 0; for (let at = 0; at < 200000; at++) x += at; return scored(1, { answer: completion });`,
    );
    await opened({ verifier, processes: 2 }, async (open) => {
      await open.score(items('first'));
      expect((open as SandboxedVerifier).pids).toHaveLength(1);
      const asked = items(...Array.from({ length: 4000 }, (_, at) => `${at}`));
      const scoring = open.score(asked);
      while ((open as SandboxedVerifier).pids.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      process.kill((open as SandboxedVerifier).pids[1]!, 'SIGKILL');
      const verdicts = await scoring;
      expect(verdicts.map((verdict) => verdict.kind === 'scored' && verdict.answer)).toEqual(
        asked.map(({ completion }) => completion),
      );
      expect(open.counts()).toMatchObject({ scored: 4001, kills: 1, failed: { crash: 0 } });
    });
  }, 60_000);

  test('close() waits for what was asked before, second looks included', async () => {
    const verifier = await openVerifier({ verifier: hostile });
    const asked = verifier.score(items('throw', 'loop', 'good'));
    await verifier.close();
    expect(words(await asked)).toEqual(['crash', 'timeout', 1]);
  });

  test('killers among the items of many calls cost only themselves', async () => {
    await opened({ verifier: hostile, processes: 2, stallMs: 600 }, async (open) => {
      const calls = Array.from({ length: 4 }, (_, call) =>
        Array.from({ length: 400 }, (_, at) =>
          at === 40 * call ? 'uninterruptible' : at === 300 ? 'loop' : at % 10 === 3 ? 'throw' : 'good',
        ),
      );
      const results = await Promise.all(calls.map((call) => open.score(items(...call))));
      const expected = { uninterruptible: 'timeout', loop: 'timeout', throw: 'crash', good: 1 } as Record<
        string,
        unknown
      >;
      for (const [call, verdicts] of results.entries()) {
        expect(words(verdicts)).toEqual(calls[call]!.map((name) => expected[name]));
      }
    });
  }, 60_000);
});

test('a verifier that kills its processes again and again does not hold up another', async () => {
  const good = await openVerifier({ verifier: 'countdown' });
  const bad = await openVerifier({ verifier: hostile, stallMs: 600 });
  try {
    let badDone = false;
    const killing = bad.score(items('uninterruptible', 'loop', 'good')).then((verdicts) => {
      badDone = true;
      return verdicts;
    });
    const groundTruth = { target: 6, numbers: [2, 4] };
    for (let round = 0; round < 5; round++) {
      const verdicts = await good.score(
        Array.from({ length: 200 }, () => ({ groundTruth, completion: '\\boxed{2 + 4}' })),
      );
      expect(words(verdicts)).toEqual(Array(200).fill(1));
    }
    expect(badDone).toBe(false);
    expect(words(await killing)).toEqual(['timeout', 'timeout', 1]);
    expect(bad.counts().kills).toBeGreaterThan(0);
  } finally {
    await Promise.all([good.close(), bad.close()]);
  }
}, 60_000);
