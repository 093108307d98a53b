/** The host as the activities see it: over a real socket, with a real store and the shipped verifiers. */
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type JobResults,
  keptScriptKey,
  type PuzzleDraw,
  type PuzzlesJob,
  resultSchemas,
  type VerifyJob,
  type VerifyResult,
  WorkerClient,
} from '@evenkeel/protocol';
import {
  decodePrompts,
  decodeVerdicts,
  encodeRollouts,
  type FolderStore,
  openFolderStore,
  type RolloutRow,
  type VerdictRow,
} from '@evenkeel/store';
import type { TaskVerifier } from '@evenkeel/verifier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { writeFickle } from '../test-fixtures/fickle.ts';
import { findVerifier } from './discover.ts';
import { noGrants, storeGrant } from './grants.ts';
import { openVerifier, type SandboxedVerifier } from './open-verifier.ts';
import { startVerifierHost, type VerifierHost } from './verifier-host.ts';

const TOKEN = 'a-token-for-this-test';
const hostileFolder = join(import.meta.dirname, '../test-fixtures/hostile');
const client = new WorkerClient();
let folder: string;
let home: string;
let store: FolderStore;
let host: VerifierHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-verifier-host-'));
  home = join(folder, 'home');
  store = await openFolderStore(join(home, 'store'));
  host = await startVerifierHost({ store, token: TOKEN, home, processes: 2 });
});
afterAll(async () => {
  await client.close();
  await host.close();
  await store.close();
  await rm(folder, { recursive: true });
});

function run<J extends PuzzlesJob | VerifyJob>(key: string, payload: J): Promise<JobResults[J['kind']]> {
  return client.runJob({
    endpoint: async () => ({ url: host.url, token: TOKEN }),
    role: 'verifier',
    key,
    attempt: 1,
    job: payload.kind,
    payload,
    resultSchema: resultSchemas[payload.kind] as unknown as z.ZodType<JobResults[J['kind']]>,
  });
}

function draw(task: string, count: number, changes: Partial<PuzzleDraw> = {}): PuzzleDraw {
  return { task, verifier: task, level: 'tiny', style: 'compact', split: 'train', seed: 3, from: 5, count, ...changes };
}

function rollout(prompt: number, sample: number, text: string): RolloutRow {
  return { prompt, sample, tokens: new Int32Array(0), logprobs: new Float32Array(0), text, finish: 'stop' };
}

describe('startVerifierHost()', () => {
  test('a puzzles job writes prompts in the order of the draws, the same under another key', async () => {
    const draws = [draw('zebra', 3), draw('countdown', 4), draw('arc', 2), draw('zebra', 1, { from: 100 })];
    const result = await run('puzzles', { kind: 'puzzles', draws });
    expect(result.count).toBe(10);
    const rows = decodePrompts(await store.get(result.prompts));
    expect(rows.map(({ task, index }) => `${task} ${index}`)).toEqual([
      ...['zebra 5', 'zebra 6', 'zebra 7', 'countdown 5', 'countdown 6', 'countdown 7', 'countdown 8'],
      ...['arc 5', 'arc 6', 'zebra 100'],
    ]);
    expect(rows[0]!.prompt).toMatch(/^zebra/);
    expect(JSON.parse(rows[3]!.groundTruth)).toMatchObject({ target: expect.any(Number) });
    expect(await run('again', { kind: 'puzzles', draws })).toEqual(result);
  }, 30_000);

  test('a verify job writes a verdict per rollout in order, and counts by task', async () => {
    const draws = [
      draw('countdown', 2),
      draw('arc', 2),
      draw('hostile', 1, { verifier: hostileFolder, level: 'easy' }),
    ];
    const { prompts } = await run('puzzles-to-verify', { kind: 'puzzles', draws });
    const gold = await goldAnswers(['countdown', 'arc']);
    const tables = [
      [
        rollout(4, 0, 'throw'),
        rollout(0, 0, gold.countdown![0]!),
        rollout(0, 1, 'no box'),
        rollout(2, 0, '\\boxed{9}'),
      ],
      [rollout(4, 1, 'abstain'), rollout(3, 0, gold.arc![1]!), rollout(1, 0, '\\boxed{1}')],
    ];
    const rollouts = await Promise.all(tables.map((rows) => store.put('rollouts', encodeRollouts(rows))));
    const result: VerifyResult = await run('verify', { kind: 'verify', prompts, rollouts });
    const verdicts = decodeVerdicts(await store.get(result.verdicts));
    expect(verdicts.map(({ prompt, sample, kind, reward }) => [prompt, sample, kind, reward])).toEqual([
      [4, 0, 'failed', null],
      [0, 0, 'scored', 1],
      [0, 1, 'scored', 0],
      [2, 0, 'scored', 0.1],
      [4, 1, 'abstained', null],
      [3, 0, 'scored', 1],
      [1, 0, 'scored', 0.1],
    ]);
    expect(verdicts[0]!.reason).toBe('crash');
    expect(result.tasks).toEqual({
      countdown: { scored: 3, correct: 1, formatted: 2, abstained: 0, failed: 0 },
      arc: { scored: 2, correct: 1, formatted: 2, abstained: 0, failed: 0 },
      hostile: { scored: 0, correct: 0, formatted: 0, abstained: 1, failed: 1, failures: { crash: 1 } },
    });
  }, 30_000);

  test('jobs that cannot be done fail with a code and a wish', async () => {
    await expect(run('unknown', { kind: 'puzzles', draws: [draw('chess', 1)] })).rejects.toMatchObject({
      code: 'verifier-unknown',
      message: expect.stringContaining('expected one of: arc, countdown, zebra'),
    });
    await expect(run('level', { kind: 'puzzles', draws: [draw('arc', 1, { level: 'silly' })] })).rejects.toMatchObject({
      code: 'level-unknown',
    });
    const { prompts } = await run('one', { kind: 'puzzles', draws: [draw('arc', 1)] });
    const rollouts = [await store.put('rollouts', encodeRollouts([rollout(1, 0, '')]))];
    await expect(run('beyond', { kind: 'verify', prompts, rollouts })).rejects.toMatchObject({
      code: 'verify-input',
      message: expect.stringContaining('names prompt 1, expected one of the 1 of its prompts table'),
    });
  }, 30_000);
});

describe('the code of a run', () => {
  const query = { task: 'fickle', level: 'easy', count: 1 };
  const saying = (answer: string) =>
    `return scored(1, { answer: '${answer}', components: { length: -0, format: 1 } });`;
  const components = ['format', 'length'];

  /** As a run does when it is claimed. */
  async function keep(at: string, grants = noGrants): Promise<string> {
    const opened = (await openVerifier({ verifier: at, grants })) as SandboxedVerifier;
    const { identity, script } = opened;
    await opened.close();
    const ref = await store.put('verifier-script', new TextEncoder().encode(script.text));
    const { id, version, sha256 } = identity;
    await store.commit(keptScriptKey(sha256), { result: { id, version, script: { ...ref } }, refs: [ref], attempt: 1 });
    return sha256;
  }

  async function verdictOf(key: string, at: string, script: string): Promise<VerdictRow> {
    const { prompts } = await run(`${key}-puzzles`, {
      kind: 'puzzles',
      draws: [draw('fickle', 1, { ...query, verifier: at, script })],
    });
    const rollouts = [await store.put('rollouts', encodeRollouts([rollout(0, 0, key)]))];
    const { verdicts } = await run(key, { kind: 'verify', prompts, rollouts, scripts: { [at]: script } });
    return decodeVerdicts(await store.get(verdicts))[0]!;
  }

  test('stays what it was when the package on disk changes or goes, and two versions serve two runs', async () => {
    const at = writeFickle(join(folder, 'edited'), saying('before'), { components });
    const before = await keep(at);
    expect(await verdictOf('first', at, before)).toMatchObject({
      answer: 'before',
      components: '{"format":1,"length":0}',
    });
    writeFickle(at, saying('after'), { components });
    const after = await keep(at);
    expect(after).not.toBe(before);
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((key, index) => verdictOf(key, at, index % 2 === 0 ? before : after)),
    );
    expect(answers.map(({ answer }) => answer)).toEqual(['before', 'after', 'before', 'after']);
    rmSync(at, { recursive: true });
    expect(await verdictOf('gone', at, after)).toMatchObject({ answer: 'after' });
  }, 30_000);

  test('is refused where neither the disk nor the store has it', async () => {
    const at = writeFickle(join(folder, 'unkept'), saying('x'), { components });
    await expect(verdictOf('unkept', at, 'f'.repeat(64))).rejects.toMatchObject({
      code: 'verifier-changed',
      message: expect.stringMatching(
        /its code is [0-9a-f]{12}, expected ffffffffffff as the run began with; restore it/,
      ),
    });
  }, 30_000);

  test('may ask for what the home has granted, and is refused where it has not', async () => {
    const permissions = { net: [], env: [], read: ['words.txt'] };
    const score = `return scored(1, { answer: context.read('words.txt'), components: { length: 0, format: 1 } });`;
    const at = writeFickle(join(folder, 'reader'), score, { permissions, components });
    writeFileSync(join(at, 'words.txt'), 'pebble');
    const identity = await keep(at, { granted: () => permissions });
    await expect(verdictOf('not-granted', at, identity)).rejects.toMatchObject({ code: 'verifier-permission' });
    await storeGrant(home, 'fickle', '1.0.0', permissions);
    expect(await verdictOf('granted', at, identity)).toMatchObject({ answer: 'pebble' });
    // What runs keeps the words it was opened with; what is opened now has others, and is another.
    writeFileSync(join(at, 'words.txt'), 'boulder');
    expect(await verdictOf('words-changed', at, identity)).toMatchObject({ answer: 'pebble' });
    await host.close();
    host = await startVerifierHost({ store, token: TOKEN, home });
    await expect(verdictOf('host-anew', at, identity)).rejects.toMatchObject({
      code: 'verifier-changed',
      message: expect.stringContaining('the files that it reads have changed'),
    });
  }, 30_000);
});

/** Gold answers to the puzzles of `draw(task, 2)`. */
async function goldAnswers(tasks: readonly string[]): Promise<Record<string, string[]>> {
  const answers: Record<string, string[]> = {};
  for (const task of tasks) {
    const { default: verifier } = (await import(findVerifier(task).entry!)) as { default: TaskVerifier };
    answers[task] = [5, 6].map((index) => {
      const puzzle = verifier.generate({ seed: 3, index, level: 'tiny', split: 'train' });
      return verifier.gold(puzzle, 'compact', 0);
    });
  }
  return answers;
}
