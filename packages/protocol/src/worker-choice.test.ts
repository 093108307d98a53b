/** Choosing among workers over real sockets on loopback. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Json, Logger } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { subprotocol } from './frames.ts';
import type { JobStore } from './job-table.ts';
import { version } from './version.ts';
import { type ChooseOptions, WorkerChoice } from './worker-choice.ts';
import { WorkerClient } from './worker-client.ts';
import { startWorkerServer, type WorkerServer, type WorkerServerOptions } from './worker-server.ts';

const TOKEN = 'the-token-of-this-home';
const jobSchema = z.strictObject({ kind: z.literal('wait'), for: z.string() });
type WaitJob = z.infer<typeof jobSchema>;

const cleanups: (() => unknown)[] = [];
let client: WorkerClient;
let choice: WorkerChoice;
let warnings: string[];

beforeEach(() => {
  warnings = [];
  const logger: Logger = { debug() {}, info() {}, warn: (message) => warnings.push(message), error() {} };
  client = new WorkerClient();
  choice = new WorkerChoice(client, { logger });
  cleanups.push(() => client.close());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const commits = new Map<string, { readonly result: Json }>();
const store: JobStore = {
  lookup: async (key) => commits.get(key) ?? null,
  commit: async (_key, { result }) => ({ result }),
  journal: async () => {},
};

/** Gates by name: a job waits until its gate is opened. */
function gates() {
  const open = new Map<string, () => void>();
  const run = async ({ for: name }: WaitJob) => {
    await new Promise<void>((resolve) => open.set(name, resolve));
    return { result: name, refs: [] };
  };
  return { open, run };
}

async function start(options: Partial<WorkerServerOptions<WaitJob>> = {}): Promise<WorkerServer> {
  const server = await startWorkerServer<WaitJob>({
    token: TOKEN,
    worker: 'rollout-1',
    role: 'rollout',
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
    store,
    jobSchema,
    run: async () => ({ result: null, refs: [] }),
    closeGraceMs: 50,
    ...options,
  });
  cleanups.push(() => server.close());
  return server;
}

/** A worker of another version, which has more to say than this one knows. */
async function startOfVersion(itsVersion: string): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => subprotocol });
  server.on('connection', (socket) =>
    socket.send(JSON.stringify({ kind: 'hello', worker: 'other', role: 'rollout', version: itsVersion, shoeSize: 44 })),
  );
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const wish = { role: 'rollout', family: 'qwen2', device: 'cpu' } as const;

function choose(urls: readonly string[], options: Partial<ChooseOptions> = {}): Promise<string> {
  return choice.choose({ urls, token: TOKEN, wish, ...options }).then(({ url }) => url);
}

/** Puts a job onto a worker, which keeps it. */
function occupy(url: string, key: string): Promise<unknown> {
  return client
    .runJob({
      ...{ endpoint: async () => ({ url, token: TOKEN }), role: 'rollout', key, attempt: 1 },
      ...{ job: 'wait', payload: { kind: 'wait', for: key }, resultSchema: z.string() },
    })
    .catch(() => {});
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('WorkerChoice', () => {
  test('jobs are spread over equal workers by their number', async () => {
    const urls = [(await start()).url, (await start()).url];
    expect([await choose(urls, { ordinal: 0 }), await choose(urls, { ordinal: 1 })]).toEqual(urls);
  });

  test('the worker with fewer jobs gets the next one', async () => {
    const { run, open } = gates();
    const [one, two] = [await start({ run }), await start({ run })];
    void occupy(one.url, 'busy');
    await until(() => open.size === 1);
    for (const ordinal of [0, 1, 2]) expect(await choose([one.url, two.url], { ordinal })).toBe(two.url);
    open.get('busy')!();
    await until(() => client.load(one.url) === 0);
    expect(await choose([one.url, two.url], { ordinal: 0 })).toBe(one.url);
  });

  test('a worker of another version, family or device gets nothing, and each is logged once with what was expected', async () => {
    const fit = await start();
    const llama = await start({
      worker: 'llama',
      capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['llama'], maxConcurrentJobs: 1 },
    });
    const cuda = await start({
      worker: 'big',
      capabilities: { device: 'cuda', executionProvider: 'cuda', families: ['qwen2'], maxConcurrentJobs: 1 },
    });
    const old = await startOfVersion('0.0.9');
    const urls = [old, llama.url, cuda.url, fit.url];
    for (let ordinal = 0; ordinal < 6; ordinal++) expect(await choose(urls, { ordinal })).toBe(fit.url);
    const expected = 'expected a rollout worker of this version on cpu with model family qwen2';
    expect(warnings.toSorted()).toEqual(
      [
        `A worker is given no work: "llama" at ${llama.url} has the model families llama, ${expected}`,
        `A worker is given no work: "big" at ${cuda.url} computes on cuda, ${expected}`,
        `A worker is given no work: ${old} is a rollout worker of version 0.0.9, ${expected}`,
      ].toSorted(),
    );
  });

  test('a worker that computes with another engine, whose bits may differ, gets nothing', async () => {
    const capabilities = { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 };
    const other = await start({ worker: 'mac', capabilities: { ...capabilities, engine: 'darwin-arm64' } });
    const same = await start({ capabilities: { ...capabilities, engine: 'linux-x64' } });
    const of = { wish: { ...wish, engine: 'linux-x64' } };
    expect([await choose([other.url, same.url], of), await choose([other.url, same.url], of)]).toEqual([
      same.url,
      same.url,
    ]);
    await expect(choose([other.url], of)).rejects.toMatchObject({
      code: 'worker-unfit',
      message: expect.stringContaining('"mac" at'),
    });
    expect(warnings).toEqual([
      expect.stringContaining('computes with darwin-arm64, expected a rollout worker of this version'),
    ]);
  });

  test('where none is fit, the failure lists what there is, can be tried again, and is over when a fit one comes', async () => {
    const trainer = await start({ role: 'trainer', worker: 'trainer' });
    const old = await startOfVersion('9.0.0');
    const urls = [trainer.url, old, 'ws://127.0.0.1:1'];
    await expect(choose(urls)).rejects.toMatchObject({
      code: 'worker-unfit',
      retryable: true,
      message:
        `Cannot give work to a rollout worker: none is fit (${trainer.url} is a trainer worker of version ${version}; ` +
        `${old} is a rollout worker of version 9.0.0; ws://127.0.0.1:1 does not answer (connect ECONNREFUSED 127.0.0.1:1)), ` +
        'expected a rollout worker of this version on cpu with model family qwen2: start one with "evenkeel worker rollout"',
    });
    const fit = await start();
    expect(await choose([...urls, fit.url])).toBe(fit.url);
  });

  test('a worker with another token is not fit', async () => {
    const stranger = await start({ token: 'the-token-of-another-home' });
    await expect(choose([stranger.url])).rejects.toMatchObject({
      code: 'worker-unfit',
      message: expect.stringContaining('refuses the token'),
    });
  });

  test('without any address, the failure says that none has announced itself', async () => {
    await expect(choose([])).rejects.toMatchObject({
      code: 'worker-unreachable',
      retryable: true,
      message: expect.stringContaining('none has announced itself'),
    });
  });

  test('one that is gone is left out, and comes back at the same address', async () => {
    const [one, two] = [await start(), await start()];
    const urls = [one.url, two.url];
    expect(await choose(urls, { ordinal: 0 })).toBe(one.url);
    await one.close();
    // The news of its end is on its way for a moment.
    while ((await choose(urls, { ordinal: 0 })) === one.url) await new Promise((resolve) => setTimeout(resolve, 5));
    for (let ordinal = 0; ordinal < 4; ordinal++) expect(await choose(urls, { ordinal })).toBe(two.url);
    await start({ port: one.port });
    const deadline = performance.now() + 5_000;
    let chosen = '';
    while (chosen !== one.url && performance.now() < deadline) {
      chosen = await choose(urls, { ordinal: 0 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(chosen).toBe(one.url);
  });

  test('the only worker is asked again at once, however often it did not answer', async () => {
    const server = await start();
    await server.close();
    for (let n = 0; n < 6; n++) {
      await expect(choose([server.url])).rejects.toMatchObject({ code: 'worker-unreachable' });
    }
    await start({ port: server.port });
    expect(await choose([server.url])).toBe(server.url);
  });

  test('a job that an earlier attempt gave to a worker stays there', async () => {
    const { run, open } = gates();
    const [one, two] = [await start({ run }), await start({ run })];
    void occupy(two.url, 'held');
    await until(() => open.size === 1);
    const again = { key: 'held', isAgain: true };
    expect(await choose([one.url, two.url], { ...again, ordinal: 0 })).toBe(two.url);
    expect(await choose([one.url, two.url], { ...again, ordinal: 0, avoid: new Set([two.url]) })).toBe(one.url);
    open.get('held')!();
  });

  test('the jobs of one run stay with the trainer that remembers it, and runs are spread over the trainers', async () => {
    const capabilities = { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 };
    const trainer = { role: 'trainer', capabilities } as const;
    const [one, two] = [await start(trainer), await start(trainer)];
    const urls = [one.url, two.url];
    const of = (affinity: string, there = urls) => choose(there, { wish: { ...wish, role: 'trainer' }, affinity });
    expect([await of('a'), await of('b'), await of('a'), await of('b')]).toEqual([one.url, two.url, one.url, two.url]);
    expect(await of('a', [two.url])).toBe(two.url);
    await one.close();
    while ((await of('c')) === one.url) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await of('b')).toBe(two.url);
  });

  test('a worker to be avoided is used where there is no other', async () => {
    const { url } = await start();
    expect(await choose([url], { avoid: new Set([url]) })).toBe(url);
  });
});
