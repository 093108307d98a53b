/** The example task in Python, as its page tells it: started with python3, added, drawn from, scored, killed and started again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findVerifier, httpErrorSchema, openVerifier, readGrants, storeGrant } from '@evenkeel/verifier-host';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { invoke } from './invoke.fixtures.ts';
import { verifierAddCommand } from './verifier-add.ts';
import { verifierGenerateCommand } from './verifier-generate.ts';
import { verifyCommand } from './verify.ts';

const examples = join(import.meta.dirname, '../../../evenkeel-python/examples');
const root = mkdtempSync(join(tmpdir(), 'evenkeel-python-'));
const servers = new Set<ChildProcess>();
let made = 0;

afterEach(async () => {
  for (const server of servers) await end(server, 'SIGKILL');
});
afterAll(() => rmSync(root, { recursive: true }));

async function start(port = 0, env: Readonly<Record<string, string>> = {}) {
  const program = join(examples, 'words_server.py');
  const server = spawn('python3', [program, '--port', String(port)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.add(server);
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
  return { url: String(line).trim(), server };
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (server.exitCode === null && server.signalCode === null) {
    server.kill(signal);
    await once(server, 'close');
  }
  servers.delete(server);
  return server.exitCode;
}

/** The example's package, with another address. */
function packageAt(url: string, fields: object = {}): string {
  const folder = join(root, `words-${made++}`);
  cpSync(join(examples, 'words'), folder, { recursive: true });
  const path = join(folder, 'package.json');
  const packageJson = JSON.parse(readFileSync(path, 'utf8'));
  Object.assign(packageJson.evenkeel.verifier, { url, ...fields });
  writeFileSync(path, JSON.stringify(packageJson));
  return folder;
}

const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => {
    const target = `word${from + at}`;
    const completion = [`So: \\boxed{${target}}`, '\\boxed{other}', 'no box'][at % 3]!;
    return { groundTruth: { target }, completion };
  });
const rewards = (count: number) => Array.from({ length: count }, (_, at) => [1, 0.1, 0][at % 3]);

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('the example task in Python (skipped where there is no python3)', () => {
  test('is added, generates puzzles whose gold answers score 1, and scores rows', async () => {
    const { url, server } = await start();
    const home = join(root, 'home');
    const added = await invoke(verifierAddCommand, home, packageAt(url), '--yes');
    expect(added.lines).toContain('Train on it: evenkeel train --tasks words@1.0.0:easy');
    const drawn = await invoke(verifierGenerateCommand, home, 'words', '--level', 'hard', '--count', '300', '--gold');
    expect(new Set(drawn.json.map(({ id }) => id)).size).toBeGreaterThan(290);
    const path = join(root, 'rows.jsonl');
    const answers = drawn.json.map(({ groundTruth, gold }) => ({ groundTruth, completion: gold }));
    const odd = [
      { groundTruth: { target: 'a' }, completion: `\\boxed{${'😀'.repeat(300)}}` },
      { groundTruth: { target: 'a' }, completion: '\ud800 \\boxed{\u0000}' },
      { groundTruth: 7, completion: '\\boxed{7}' },
    ];
    writeFileSync(path, [...answers, ...odd].map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { json, notes } = await invoke(verifyCommand, home, 'words', path);
    expect(json.slice(0, 300).every(({ reward }) => reward === 1)).toBe(true);
    expect(json.slice(300)).toMatchObject([
      { reward: 0.1, answer: '😀'.repeat(100) },
      { reward: 0.1, answer: '\u0000' },
      { kind: 'failed', error: { code: 'ground-truth' } },
    ]);
    expect(notes[0]).toContain('303 rows: 300 correct, 2 in the form but wrong');
    expect(await end(server, 'SIGTERM')).toBe(0);
  });

  test('killed and started again in the middle of 1000 items, loses no verdict', async () => {
    const { url, server } = await start();
    const home = join(root, 'home-killed');
    const verifier = packageAt(url, { batch: 8, concurrency: 2 });
    await storeGrant(home, 'words', '1.0.0', { net: [url], read: [], env: [] });
    const words = await openVerifier({ verifier, grants: await readGrants(home) });
    const calls = Array.from({ length: 10 }, (_, call) => words.score(rows(call * 102, 102)));
    await calls[0];
    expect(words.counts().scored).toBeLessThan(1020);
    await end(server, 'SIGKILL');
    const restarted = await start(Number(new URL(url).port));
    const verdicts = (await Promise.all(calls)).flat();
    expect(verdicts.map((verdict) => (verdict.kind === 'scored' ? verdict.reward : verdict))).toEqual(rewards(1020));
    expect(words.counts()).toMatchObject({ scored: 1020, failed: { unreachable: 0, timeout: 0, contract: 0 } });
    await words.close();
    expect(await end(restarted.server, 'SIGTERM')).toBe(0);
  });

  test('draws no puzzle for training that it draws for evaluation', async () => {
    const { url } = await start();
    const words = await openVerifier({
      verifier: packageAt(url),
      grants: { granted: () => ({ net: [url], read: [], env: [] }) },
    });
    const draw = async (split: 'train' | 'tune' | 'heldout') => {
      const queries = Array.from({ length: 2000 }, (_, index) => ({ seed: 0, index, level: 'easy', split }));
      return await words.draw(queries, { style: 'compact', decoy: 3 });
    };
    const train = await draw('train');
    const ids = new Set(train.map(({ puzzle }) => puzzle.id));
    for (const split of ['tune', 'heldout'] as const) {
      for (const { puzzle } of await draw(split)) expect(ids.has(puzzle.id)).toBe(false);
    }
    expect(await draw('train')).toEqual(train);
    const decoys = train
      .slice(0, 100)
      .map(({ puzzle, decoy }) => ({ groundTruth: puzzle.groundTruth, completion: decoy! }));
    for (const verdict of await words.score(decoys))
      expect(verdict).toMatchObject({ reward: 0.1, reason: 'wrong-word' });
    await words.close();
  });

  test('speaks the protocol to those who do not: token, sizes, levels, idempotency', async () => {
    const { url } = await start(0, { WORDS_TOKEN: 's3cret' });
    const asked = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: 'Bearer s3cret', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const answer = await response.json();
      const code = response.ok ? 'ok' : httpErrorSchema.parse(answer).error.code;
      return { status: response.status, code, answer };
    };
    const words = '/v1/verifiers/words';
    expect(await asked('/healthz', undefined, { authorization: '' })).toMatchObject({
      status: 200,
      answer: { status: 'ok' },
    });
    expect(await asked(words, undefined, { authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      code: 'unauthorized',
    });
    const { manifest } = findVerifier(join(examples, 'words')).remote!;
    expect((await asked(words, undefined)).answer).toEqual({
      ...manifest,
      permissions: { net: [], read: [], env: [] },
    });
    expect((await asked('/v1/verifiers', undefined)).answer).toMatchObject({ verifiers: [{ id: 'words' }] });
    expect(await asked('/v1/verifiers/other', undefined)).toMatchObject({ status: 404, code: 'not-found' });
    const item = { groundTruth: { target: 'a' }, completion: '\\boxed{a}' };
    expect((await asked(`${words}/score`, item)).answer).toMatchObject({ reward: 1 });
    for (const body of [
      '{',
      '[]',
      {},
      { items: [] },
      { items: [{ completion: 'x' }] },
      { items: Array(1025).fill(item) },
    ]) {
      expect(await asked(`${words}/score-batch`, body)).toMatchObject({ status: 400, code: 'bad-request' });
    }
    const query = { seed: 1, index: 1, level: 'huge', split: 'train' };
    expect(await asked(`${words}/draw`, { queries: [query], style: 'chat' })).toMatchObject({
      status: 422,
      code: 'level-unknown',
    });
    const key = { 'idempotency-key': 'one' };
    const first = await asked(`${words}/score-batch`, { items: [item] }, key);
    expect(await asked(`${words}/score-batch`, { items: [item] }, key)).toEqual(first);
    expect(await asked(`${words}/score-batch`, { items: [item, item] }, key)).toMatchObject({ status: 400 });

    const verifier = packageAt(url, { tokenEnv: 'WORDS_TOKEN' });
    const grants = { granted: () => ({ net: [url], read: [], env: ['WORDS_TOKEN'] }) };
    process.env.WORDS_TOKEN = 's3cret';
    try {
      const opened = await openVerifier({ verifier, grants });
      expect(await opened.score([item])).toMatchObject([{ reward: 1 }]);
      await opened.close();
      process.env.WORDS_TOKEN = 'other';
      await expect(openVerifier({ verifier, grants })).rejects.toThrow(
        /expected the token in WORDS_TOKEN to be right$/,
      );
    } finally {
      delete process.env.WORDS_TOKEN;
    }
  });
});
