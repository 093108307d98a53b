/** The rules of second looks, on what a sandbox is said to answer: which failures stand, which are not deterministic. */
import { type LogFields, type Logger, silentLogger } from '@evenkeel/core';
import type { Verdict, VerifierFailureCode } from '@evenkeel/verifier';
import { describe, expect, test } from 'vitest';
import type { Testimony } from './sandbox.ts';
import { SecondLooks } from './second-look.ts';

const scored: Verdict = { kind: 'scored', reward: 1, correct: true, formatted: true, answer: null, reason: 'correct' };
const failed = (code: VerifierFailureCode, message = 'first'): Verdict => ({
  kind: 'failed',
  error: { code, message },
});

function heard(item: string, verdict: Verdict, proven = false): Testimony {
  return { line: JSON.stringify(verdict), verdict, item, proven };
}

/** Second looks at a sandbox that answers so when an item is asked again. */
function looksAt(again: (item: string) => Verdict, { spotCheckEvery = 0 } = {}) {
  const alone: string[] = [];
  const together: (readonly string[])[] = [];
  const warnings: [string, LogFields | undefined][] = [];
  const logger: Logger = { ...silentLogger, warn: (message, fields) => void warnings.push([message, fields]) };
  const sandbox = {
    manifest: { id: 'words', version: '1.0.0' } as never,
    hearAlone: async (item: string) => {
      alone.push(item);
      return again(item);
    },
    hearItems: async (items: readonly string[]) => {
      together.push(items);
      return items.map((item) => heard(item, again(item)));
    },
  };
  return { looks: new SecondLooks(sandbox, { logger, spotCheckEvery }), alone, together, warnings };
}

describe('SecondLooks', () => {
  test.each(['timeout', 'memory'] as const)('%s that passes when asked alone is the verdict then', async (code) => {
    const { looks, alone, warnings } = looksAt(() => scored);
    expect(await looks.at([heard('a', failed(code)), heard('b', scored)])).toEqual([
      { verdict: scored, retried: true },
      { verdict: scored, retried: false },
    ]);
    expect(alone).toEqual(['a']);
    expect(warnings).toEqual([]);
  });

  test.each(['crash', 'contract'] as const)('%s that passes when asked alone is not deterministic', async (code) => {
    const { looks, warnings } = looksAt(() => scored);
    const [first, second] = await looks.at([heard('a', failed(code)), heard('b', failed(code))]);
    expect(first).toEqual({
      verdict: {
        kind: 'failed',
        error: {
          code: 'nondeterministic',
          message: `asked twice, it gave a failure (${code}: first) and 1 (correct)`,
        },
      },
      retried: false,
    });
    expect(second!.verdict).toMatchObject({ error: { code: 'nondeterministic' } });
    expect(warnings).toHaveLength(1);
  });

  test('a failure that fails again stands as it was first said, and is known from then on', async () => {
    const { looks, alone } = looksAt(() => failed('timeout', 'second'));
    const first = failed('crash');
    expect(looks.known('a')).toBeUndefined();
    expect((await looks.at([heard('a', first), heard('a', first)])).map(({ verdict }) => verdict)).toEqual([
      first,
      first,
    ]);
    expect(alone).toEqual(['a']);
    expect(looks.known('a')).toEqual(first);
  });

  test("what two processes died of, what is the row's own fault, and what nobody answered is not asked again", async () => {
    const { looks, alone } = looksAt(() => scored);
    const all = [
      heard('a', failed('memory'), true),
      heard('b', failed('ground-truth')),
      heard('c', failed('unreachable')),
      heard('d', failed('nondeterministic')),
    ];
    expect((await looks.at(all)).map(({ verdict }) => verdict)).toEqual(all.map(({ verdict }) => verdict));
    expect(alone).toEqual([]);
  });

  test('after sixteen in a row that were confirmed only some are asked again, until one passes', async () => {
    let passes = false;
    const { looks, alone } = looksAt(() => (passes ? scored : failed('crash')));
    const batch = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => heard(`item ${from + at}`, failed('crash')));
    await looks.at(batch(0, 16));
    expect(alone).toHaveLength(16);
    await looks.at(batch(16, 1000));
    const some = alone.length - 16;
    expect(some).toBeGreaterThan(20);
    expect(some).toBeLessThan(200);
    passes = true;
    const after = await looks.at(batch(2000, 1000));
    const found = after.filter(({ verdict }) => verdict.kind === 'failed' && verdict.error.code === 'nondeterministic');
    expect(found.length).toBeGreaterThan(900);
  });

  test('spot checks ask backwards, and another verdict is not deterministic unless the machine had its part', async () => {
    const fickle: Record<string, Verdict> = {
      b: failed('crash'),
      c: failed('timeout'),
      d: { ...scored, reason: 'same' },
    };
    const { looks, together } = looksAt((item) => fickle[item] ?? scored, { spotCheckEvery: 1 });
    const given = await looks.at(['a', 'b', 'c', 'd'].map((item) => heard(item, scored)));
    expect(together).toEqual([['d', 'c', 'b', 'a']]);
    expect(given.map(({ verdict }) => (verdict.kind === 'failed' ? verdict.error.code : verdict.kind))).toEqual([
      'scored',
      'nondeterministic',
      'scored',
      'nondeterministic',
    ]);
    expect(looks.spotChecked).toBe(4);
  });
});
