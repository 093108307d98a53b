/** The switch that leaves out vm2: for the escape corpus, which tells by it what vm2 holds and what the process holds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moduleWith, writePackage } from '../test-fixtures/broken.ts';
import { openSandbox } from './sandbox.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-isolation-'));
  const abstains = `score: () => ({ kind: 'abstained', reason: 'idle' })`;
  const looks = `
    score: ({ completion }) => {
      const seen = [typeof process, typeof globalThis.process?.getBuiltinModule];
      if (completion === 'loop') for (;;);
      if (completion === 'read') process.getBuiltinModule('fs').readFileSync('/etc/passwd');
      return { kind: 'abstained', reason: seen.join() };
    }`;
  writePackage(folder, moduleWith({ limits: { timeMs: 100, memoryMb: 64 } }).replace(abstains, looks));
});
afterAll(() => rmSync(folder, { recursive: true }));

const submissions = ['look', 'read', 'loop', 'look'].map((completion) => ({ groundTruth: null, completion }));

describe('isolation', () => {
  test.each([
    ['vm2', 'undefined,undefined', 'process is not defined'],
    ['none', 'undefined,undefined', 'process is not defined'],
    ['bare', 'object,function', 'Access to this API has been restricted'],
  ] as const)(
    '%s: what the verifier sees, and what it may not do',
    async (isolation, seen, refusal) => {
      const sandbox = await openSandbox({ verifier: folder, isolation });
      try {
        const verdicts = await sandbox.score(submissions);
        const looked = { kind: 'abstained', reason: seen };
        expect(verdicts).toEqual([
          looked,
          { kind: 'failed', error: { code: 'crash', message: expect.stringContaining(refusal) } },
          { kind: 'failed', error: { code: 'timeout', message: expect.any(String) } },
          looked,
        ]);
      } finally {
        await sandbox.close();
      }
    },
    30_000,
  );
});
