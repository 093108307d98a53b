/** Several runs on the workers of one home: none touches another, whatever ends, and workers come and go. */
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWorkerServer, subprotocol, updateResultSchema } from '@evenkeel/protocol';
import { openFolderStore, repeatedWork } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  endTrainProcesses,
  homeProcessIds,
  smallRun,
  startEvenkeel,
  type TrainProcess,
} from '../support/train-process.ts';

/** More than is needed: a busy machine is slower, and no test is to fail for that. */
const TIMEOUT_MS = 600_000;
const small = { ...smallRun, shardPrompts: 4, evaluation: { every: 0, promptsPerTask: 4 } };
const configs = {
  first: { ...small, run: 'first', steps: 3, seed: 1, method: 'grpo' },
  second: { ...small, run: 'second', steps: 6, seed: 2 },
  /** Its first update makes no finite weights. */
  bad: { ...small, run: 'bad', seed: 3, optimizer: { learningRate: 1e30 } },
} as const;

let folder = '';
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-many-'));
  for (const [name, config] of Object.entries(configs))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(config));
});

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

const homeOf = (name: string) => join(folder, name);

/** The Temporal server's program that another home of this test has; the first one finds or installs it. */
function environment(): Record<string, string> {
  for (const name of readdirSync(folder)) {
    const tools = join(folder, name, 'tools');
    const found = existsSync(tools) ? readdirSync(tools).map((tool) => join(tools, tool, 'temporal')) : [];
    const there = found.find((path) => existsSync(path));
    if (there !== undefined) return { EVENKEEL_TEMPORAL: there };
  }
  return {};
}

function train(name: keyof typeof configs, home: string, ...flags: string[]): TrainProcess {
  return startEvenkeel(['train', join(folder, `${name}.json`), '--json', '--home', home, ...flags], environment());
}

function rolloutByHand(home: string, name: string): TrainProcess {
  return startEvenkeel(['worker', 'rollout', '--home', home, '--threads', '1', '--name', name]);
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = TIMEOUT_MS / 100; !(await condition()); left--) {
    if (left === 0) throw new Error(`Cannot go on: ${what} did not come about`);
    await sleep(100);
  }
}

const says = ({ lines }: TrainProcess, text: string): boolean =>
  lines.some((line) => JSON.stringify(line).includes(text));
const isTraining = (run: TrainProcess) => run.lines.some(({ kind, phase }) => kind === 'phase' && phase === 'training');

/** Announces a worker as one of another machine, of which nobody here knows whether it lives. */
function announce(home: string, name: string, url: string, evenkeel: string): void {
  const worker = { version: 1, role: 'rollout', worker: name, url, evenkeel };
  mkdirSync(join(home, 'workers'), { recursive: true });
  const identity = { host: 'elsewhere', pid: 7, startedAt: 'once' };
  writeFileSync(join(home, 'workers', `rollout-${name}.json`), JSON.stringify({ ...worker, ...identity }));
}

/** A worker that has nothing but another model family; and what it was given. */
async function announceOfAnotherFamily(home: string): Promise<{ readonly given: number }> {
  const had = { given: 0 };
  const token = () => readFileSync(join(home, 'token'), 'utf8').trim();
  await until('the token of the home', () => existsSync(join(home, 'token')));
  const server = await startWorkerServer({
    ...{ token: token(), worker: 'llama', role: 'rollout', jobSchema: z.looseObject({ kind: z.string() }) },
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['llama'], maxConcurrentJobs: 1 },
    store: { lookup: async () => null, commit: async (_key, { result }) => ({ result }), journal: async () => {} },
    run: async () => {
      had.given++;
      return { result: null, refs: [] };
    },
  });
  cleanups.push(() => server.close());
  announce(home, 'llama', server.url, '0.2.0');
  return had;
}

/** A worker of another version, as much of one as is met before it is refused; and the messages that it was sent. */
async function announceOfAnotherVersion(home: string): Promise<{ readonly messages: number }> {
  const had = { messages: 0 };
  const capabilities = { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 };
  const hello = Buffer.from(
    JSON.stringify({ kind: 'hello', worker: 'old', role: 'rollout', version: '0.1.0', capabilities }),
  );
  const sockets = new Set<Duplex>();
  const server = createServer().on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const accept = hash(
      'sha1',
      `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
      'base64',
    );
    const headers = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    socket.write(
      ['HTTP/1.1 101 Switching Protocols', ...headers, `Sec-WebSocket-Protocol: ${subprotocol}`, '', ''].join('\r\n'),
    );
    // A text frame (RFC 6455, 5.2) of 126 to 65,535 bytes.
    socket.write(Buffer.concat([Buffer.from([0x81, 126, hello.length >> 8, hello.length & 0xff]), hello]));
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x81) had.messages++;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  announce(home, 'old', `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, '0.1.0');
  return had;
}

/** Weights that a run has alone, as the first test makes them. */
const alone = new Map<string, string>();

test(
  'where no rollout worker is fit, the run says so and waits; it goes on when a fit one comes',
  async () => {
    const home = homeOf('unfit');
    mkdirSync(home, { recursive: true });
    const run = train('first', home, '--rollout-workers', '0');
    const llama = await announceOfAnotherFamily(home);
    announce(home, 'gone', 'ws://127.0.0.1:9', '0.2.0');
    await until('the failure is told', () => says(run, 'none is fit'));
    const told = run.lines.find(({ kind }) => kind === 'retry');
    expect(told).toMatchObject({ activity: 'rollOut' });
    expect(told?.message).toMatch(
      /^Cannot give work to a rollout worker: none is fit \("llama" at ws:\S+ has the model families llama; ws:\/\/127\.0\.0\.1:9 does not answer \(.*\)\), expected a rollout worker of this version on cpu with model family qwen2 and engine "numbers .*": start one with "evenkeel worker rollout"$/,
    );
    // Whoever looks at the run from elsewhere sees it too.
    await until('show says it', async () => {
      const shown = startEvenkeel(['show', 'first', '--json', '--home', home]);
      await shown.ended;
      return String(shown.lines[0]?.waits).includes('none is fit');
    });
    const worker = rolloutByHand(home, 'late');
    alone.set('first', (await run.result()).policy.sha256);
    expect(llama.given).toBe(0);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(readdirSync(join(home, 'workers')).toSorted()).toEqual(['rollout-gone.json', 'rollout-llama.json']);
    alone.set('second', (await train('second', home).result()).policy.sha256);
  },
  TIMEOUT_MS,
);

test(
  'three runs share a home: one fails, the commands that run the home end one after the other, a worker is killed and comes back; the others have the weights that they have alone',
  async () => {
    const home = homeOf('shared');
    const bad = train('bad', home);
    const old = await announceOfAnotherVersion(await until('the home', () => existsSync(home)).then(() => home));
    const helper = rolloutByHand(home, 'helper');
    await until('the supervisor holds the home', () => existsSync(join(home, 'supervisor.lock')));
    const first = train('first', home);
    const second = train('second', home, '--priority', '4');

    const store = await openFolderStore(join(home, 'store'));
    cleanups.push(() => store.close());
    const begunBy = async (name: string) =>
      (await store.readJournal()).filter(({ worker, kind }) => worker === name && kind === 'started').length;
    await until('the helper has work', async () => (await begunBy('helper')) >= 2);
    helper.child.kill('SIGKILL');
    await until('two runs train', () => isTraining(first) && isTraining(second));
    const back = rolloutByHand(home, 'helper-again');

    expect((await bad.ended).code).toBe(1);
    expect(bad.lines.findLast(({ kind }) => kind === 'paused')).toMatchObject({
      run: 'bad',
      reason: { code: expect.stringMatching(/not-finite/) },
    });
    expect(says(bad, 'Run \\"second\\" is still at work')).toBe(true);
    const results = await Promise.all([first.result(), second.result()]);
    expect(says(first, 'takes the home over') || says(second, 'takes the home over')).toBe(true);
    expect(await begunBy('helper-again')).toBeGreaterThan(0);
    back.child.kill('SIGTERM');
    await back.ended;

    expect(results.map(({ policy }) => policy.sha256)).toEqual([alone.get('first'), alone.get('second')]);

    // Nothing twice, and no trainer that had a run's memory redid what it remembered.
    const events = await store.readJournal();
    const commits = (await Promise.all(['first/', 'second/'].map((run) => store.listCommits(run)))).flat();
    expect(repeatedWork(events, commits)).toEqual([]);
    const remembered = new Set<string>();
    const updates = events.filter(({ key, kind }) => kind === 'committed' && key.includes('/update/'));
    for (const { key, pid } of updates.toSorted((a, b) => a.at - b.at)) {
      const memory = `${key.split('/')[0]} ${pid}`;
      const commit = await store.lookup(key);
      if (remembered.has(memory)) expect(updateResultSchema.parse(commit?.result).metrics.redone, key).toBe(0);
      remembered.add(memory);
    }
    expect(updates.length).toBe(configs.first.steps + configs.second.steps);

    // The worker of another version was met, named once by each process that met it, and given nothing.
    expect(old.messages).toBe(0);
    const log = readFileSync(join(home, 'logs', 'workflow.log'), 'utf8');
    expect(log).toContain('is a rollout worker of version 0.1.0, expected a rollout worker of this version');
    expect(Object.keys(homeProcessIds(home))).toEqual([]);
  },
  TIMEOUT_MS,
);
