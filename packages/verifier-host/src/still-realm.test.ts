/** The realm of a verifier as well-meaning code finds it: frozen, with a clock that stands still, and of use all the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { moduleWith, writePackage } from '../test-fixtures/broken.ts';
import { openSandbox, type VerifierSandbox } from './sandbox.ts';

const questions = {
  now: () => [Date.now(), new Date().getUTCFullYear(), Date().slice(0, 24), new Intl.DateTimeFormat('en').format()],
  dates: () => [
    new Date(2020, 6, 1).toISOString(),
    Date.UTC(1970, 0, 2),
    Date.parse('2020-01-01'),
    new Date(5).valueOf(),
  ],
  kinds: () => [new Date() instanceof Date, new Date().constructor === Date, Date.name, Date.length],
  subclass: () => {
    class Later extends Date {}
    return [new Later(7).getTime(), new Later() instanceof Later, new Later() instanceof Date];
  },
  errors: () => {
    const error = new Error('wrong');
    error.name = 'Mine';
    class Own extends TypeError {
      constructor() {
        super('own');
        this.name = 'Own';
      }
    }
    return [String(error), String(new Own()), new Own() instanceof TypeError];
  },
  overrides: () => {
    const object = {};
    object.toString = () => 'mine';
    function call() {}
    call.call = 'mine';
    return [String(object), Object.keys(object), call.call, Object.keys(call)];
  },
  pollution: () =>
    [Object.prototype, Array.prototype, JSON, Math, Map, Error.prototype, Symbol].map((target) =>
      Reflect.set(target, 'left', 'changed'),
    ),
  random: () => Math.random(),
};

let folder: string;
let sandbox: VerifierSandbox;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-realm-'));
  const source = Object.entries(questions).map(([name, ask]) => `${JSON.stringify(name)}: ${ask}`);
  const score = `score: ({ completion }) => ({ kind: 'failed', error: { code: 'ground-truth', message: JSON.stringify(questions[completion]()) } })`;
  const module = moduleWith({}, `const questions = { ${source.join(',\n')} };`);
  writePackage(folder, module.replace(`score: () => ({ kind: 'abstained', reason: 'idle' })`, score));
  sandbox = await openSandbox({ verifier: folder });
});
afterAll(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

async function answer(question: keyof typeof questions): Promise<unknown> {
  const [verdict] = await sandbox.score([{ groundTruth: null, completion: question }]);
  if (verdict?.kind !== 'failed') return verdict;
  return verdict.error.code === 'ground-truth' ? JSON.parse(verdict.error.message) : verdict.error.message;
}

test('now is always the beginning of 1970, in UTC', async () => {
  expect(await answer('now')).toEqual([0, 1970, 'Thu Jan 01 1970 00:00:00', '1/1/1970']);
});

test('dates that are given are what they were, and Date is still Date', async () => {
  expect(await answer('dates')).toEqual(['2020-07-01T00:00:00.000Z', 86_400_000, 1_577_836_800_000, 5]);
  expect(await answer('kinds')).toEqual([true, true, 'Date', 7]);
  expect(await answer('subclass')).toEqual([7, true, true]);
});

test('what objects commonly have of their own can be given to them', async () => {
  expect(await answer('errors')).toEqual(['Mine: wrong', 'Own: own', true]);
  expect(await answer('overrides')).toEqual(['mine', ['toString'], 'mine', ['call']]);
});

test('what the language is built of cannot be changed', async () => {
  expect(await answer('pollution')).toEqual(Array.from({ length: 7 }, () => false));
});

test('there is no randomness, and it says what to do', async () => {
  expect(await answer('random')).toContain('draw with keyedRandom');
});
