import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Submission, TaskVerifier, Verdict } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findVerifier } from './discover.ts';
import { openSandbox, type VerifierSandbox } from './sandbox.ts';

const hostileFolder = join(import.meta.dirname, '../test-fixtures/hostile');
const good: Verdict = { kind: 'scored', reward: 1, correct: true, formatted: true, answer: 'good', reason: 'correct' };

function submissions(...completions: string[]): Submission[] {
  return completions.map((completion) => ({ groundTruth: null, completion }));
}

describe('VerifierSandbox with a hostile verifier', () => {
  let sandbox: VerifierSandbox;
  beforeAll(async () => {
    sandbox = await openSandbox({ verifier: hostileFolder, stallMs: 1500 });
  });
  afterAll(() => sandbox.close());

  /** The verdict on an attack; the good items around it must have got theirs. */
  async function attack(name: string): Promise<Verdict> {
    const [before, verdict, after] = await sandbox.score(submissions('good', name, 'good'));
    expect(before).toEqual(good);
    expect(after).toEqual(good);
    return verdict!;
  }

  test.each(['loop', 'loop-in-finally', 'regex', 'getter-loop', 'uninterruptible'])(
    '%s fails with a timeout, and the items around it are scored',
    async (name) => {
      expect(await attack(name)).toMatchObject({ kind: 'failed', error: { code: 'timeout' } });
    },
    30_000,
  );

  test.each(['hog-buffers', 'hog-strings', 'hog-heap'])(
    '%s ends at a limit, and the items around it are scored',
    async (name) => {
      const verdict = await attack(name);
      expect(verdict.kind).toBe('failed');
      expect(['memory', 'timeout']).toContain(verdict.kind === 'failed' && verdict.error.code);
    },
    30_000,
  );

  test.each([
    ['throw', 'no verdict today'],
    ['throw-trap', ''],
    ['throw-null', ''],
    ['recursion', 'call stack'],
    ['getter', 'got'],
    ['proxy', ''],
    ['promise', 'Async not available'],
    ['random', 'draw with keyedRandom'],
    ['eval', 'Code generation from strings'],
    ['constructor-climb', 'Code generation from strings'],
  ])('%s fails with a crash and what was said', async (name, message) => {
    expect(await attack(name)).toMatchObject({
      kind: 'failed',
      error: { code: 'crash', message: expect.stringContaining(message) },
    });
  });

  test.each([
    ['reward-0.7', 'reward: '],
    ['reward-nan', 'reward: '],
    ['reward-text', 'reward: '],
    ['reward-disagrees', 'correct does not agree with reward'],
    ['field-more', 'Unrecognized key: "extra"'],
    ['nothing', 'found no JSON value'],
    ['symbol', 'found no JSON value'],
    ['to-json-frames', 'expected object'],
    ['output-huge', 'expected at most 8000'],
    ['answer-long', 'answer: '],
  ])('%s breaks the contract', async (name, message) => {
    expect(await attack(name)).toMatchObject({
      kind: 'failed',
      error: { code: 'contract', message: expect.stringContaining(message) },
    });
  });

  test('an abstention is handed on', async () => {
    expect(await attack('abstain')).toEqual({ kind: 'abstained', reason: 'not sure' });
  });

  test('nothing of the platform is among the globals, and stack frames lead nowhere', async () => {
    expect(await attack('globals')).toMatchObject({ kind: 'scored', answer: '' });
    expect(await attack('stack-climb')).toMatchObject({ kind: 'scored', answer: '' });
  });

  test('prototypes cannot be polluted nor JSON stolen: no verdict is changed', async () => {
    expect(await attack('pollute')).toMatchObject({ kind: 'failed', error: { code: 'crash' } });
    expect(await attack('reward-0.7')).toMatchObject({ kind: 'failed', error: { code: 'contract' } });
  });

  test('a completion above ten million characters fails alone', async () => {
    expect(await attack('x'.repeat(10_000_001))).toMatchObject({ kind: 'failed', error: { code: 'memory' } });
  });

  test('many items with bad ones in between each get their own verdict', async () => {
    const names = Array.from({ length: 3000 }, (_, at) =>
      at % 1000 === 500 ? 'loop' : at % 7 === 0 ? 'throw' : 'good',
    );
    const verdicts = await sandbox.score(submissions(...names));
    const kinds = verdicts.map((verdict) => (verdict.kind === 'failed' ? verdict.error.code : verdict.kind));
    expect(kinds).toEqual(names.map((name) => ({ loop: 'timeout', throw: 'crash', good: 'scored' })[name]));
  }, 30_000);

  test('a process killed by somebody else costs no item', async () => {
    const asked = sandbox.score(submissions(...Array.from({ length: 5000 }, () => 'good')));
    await new Promise(setImmediate);
    const pid = sandbox.pid!;
    process.kill(pid, 'SIGKILL');
    expect(await asked).toEqual(Array.from({ length: 5000 }, () => good));
    expect(sandbox.pid).not.toBe(pid);
  }, 30_000);

  test('a process that stands still is killed by the watchdog, and costs no item', async () => {
    process.kill(sandbox.pid!, 'SIGSTOP');
    expect(await sandbox.score(submissions('good', 'good'))).toEqual([good, good]);
  }, 30_000);

  test('draws refuse an unknown level, and say which puzzle failed', async () => {
    const query = { seed: 1, index: 0, level: 'easy', split: 'train' } as const;
    const [drawn] = await sandbox.draw([query], { style: 'compact', gold: 0 });
    expect(drawn).toEqual({
      puzzle: { id: '0', level: 'easy', data: null, groundTruth: null },
      prompt: 'puzzle 0',
      gold: 'good',
    });
    await expect(sandbox.draw([{ ...query, level: 'hard' }], { style: 'compact' })).rejects.toMatchObject({
      code: 'level-unknown',
      message: expect.stringContaining('expected one of: easy, throws'),
    });
    await expect(sandbox.draw([{ ...query, level: 'throws' }], { style: 'compact' })).rejects.toMatchObject({
      code: 'verifier-draw',
      message: expect.stringContaining('no such puzzle'),
    });
  });

  test('close() ends the process, and nothing can be asked after it', async () => {
    const closing = await openSandbox({ verifier: hostileFolder });
    await closing.score(submissions('good'));
    const pid = closing.pid!;
    await closing.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(closing.score(submissions('good'))).rejects.toMatchObject({ code: 'verifier-closed' });
  });
});

describe.each(['countdown', 'zebra', 'arc'])('VerifierSandbox with %s', (name) => {
  test('gives what the verifier gives in process', async () => {
    const found = findVerifier(name);
    expect(existsSync(found.entry!)).toBe(true);
    const verifier = ((await import(found.entry!)) as { default: TaskVerifier }).default;
    const sandbox = await openSandbox({ verifier: name });
    try {
      expect(sandbox.manifest).toEqual(verifier.manifest);
      for (const style of ['chat', 'compact'] as const) {
        const level = verifier.manifest.levels[0]!;
        const queries = Array.from({ length: 20 }, (_, index) => ({ seed: 5, index, level, split: 'tune' as const }));
        const drawn = await sandbox.draw(queries, { style, gold: 0, decoy: 1 });
        const expected = queries.map((query) => {
          const puzzle = verifier.generate(query);
          return {
            puzzle,
            prompt: verifier.prompt(puzzle, style),
            gold: verifier.gold(puzzle, style, 0),
            decoy: verifier.decoy(puzzle, style, 1),
          };
        });
        expect(drawn).toEqual(expected);
        const asked = drawn.flatMap(({ puzzle: { groundTruth }, gold, decoy }) =>
          [gold!, decoy!, '', '\\boxed{', '\\boxed{²\ud800}', '\\boxed{1**2}'].map((completion) => ({
            groundTruth,
            completion,
          })),
        );
        asked.push({ groundTruth: 'none', completion: '\\boxed{1}' });
        expect(await sandbox.score(asked)).toEqual(asked.map((submission) => verifier.score(submission)));
      }
    } finally {
      await sandbox.close();
    }
  }, 30_000);
});
