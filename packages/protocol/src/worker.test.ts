/** Worker server and client together, over real sockets on loopback. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Json } from '@evenkeel/core';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { decodeServerFrame, encodeFrame, type ServerFrame, subprotocol } from './frames.ts';
import type { JobContext, JobOutcome, JobStore } from './job-table.ts';
import { type RunJobOptions, WorkerClient } from './worker-client.ts';
import { startWorkerServer, type WorkerServer, type WorkerServerOptions } from './worker-server.ts';

const TOKEN = 'the-token-of-this-home';
const jobSchema = z.strictObject({ kind: z.literal('double'), n: z.number() });
const resultSchema = z.strictObject({ twice: z.number() });
type DoubleJob = z.infer<typeof jobSchema>;

/** A store that lives as long as the test: what two workers of one home share. */
class MemoryStore implements JobStore {
  readonly commits = new Map<string, { readonly result: Json; readonly attempt: number }>();
  readonly events: string[] = [];

  async lookup(key: string) {
    return this.commits.get(key) ?? null;
  }

  async commit(key: string, outcome: { readonly result: Json; readonly attempt: number }) {
    const commit = this.commits.get(key) ?? { result: outcome.result, attempt: outcome.attempt };
    this.commits.set(key, commit);
    return commit;
  }

  async journal(event: { readonly key: string; readonly kind: string }) {
    this.events.push(`${event.kind} ${event.key}`);
  }
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Run = (job: DoubleJob, context: JobContext) => Promise<JobOutcome>;

const double: Run = async (job) => ({ result: { twice: 2 * job.n }, refs: [] });

async function startServer(
  store: JobStore,
  run: Run = double,
  options: Partial<WorkerServerOptions<DoubleJob>> = {},
): Promise<WorkerServer> {
  const server = await startWorkerServer<DoubleJob>({
    token: TOKEN,
    worker: 'rollout-1',
    role: 'rollout',
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
    store,
    jobSchema,
    run,
    ...options,
  });
  cleanups.push(() => server.close());
  return server;
}

function startClient(): WorkerClient {
  const client = new WorkerClient();
  cleanups.push(() => client.close());
  return client;
}

type Call = RunJobOptions<z.infer<typeof resultSchema>>;

function call(server: { readonly url: string }, key: string, options: Partial<Call> = {}): Call {
  return {
    endpoint: async () => ({ url: server.url, token: TOKEN }),
    role: 'rollout',
    key,
    attempt: 1,
    job: 'double',
    payload: { kind: 'double', n: 21 },
    resultSchema,
    reconnect: { firstDelayMs: 5, maxDelayMs: 20, unreachableAfterMs: 300, refusedAfterMs: 50 },
    ...options,
  };
}

/** A promise, and what settles it. */
function gate<T = void>() {
  return Promise.withResolvers<T>();
}

/** A socket that speaks for itself: every frame it gets, in order. */
async function openSocket(server: WorkerServer, token = TOKEN) {
  const socket = new WebSocket(server.url, subprotocol, { headers: { Authorization: `Bearer ${token}` } });
  const frames: ServerFrame[] = [];
  const waiting: (() => void)[] = [];
  socket.on('message', (data) => {
    frames.push(decodeServerFrame(data.toString()));
    for (const wake of waiting.splice(0)) wake();
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  cleanups.push(async () => socket.terminate());
  await once(socket, 'open');
  const next = async (kind: ServerFrame['kind']): Promise<ServerFrame> => {
    for (;;) {
      const index = frames.findIndex((frame) => frame.kind === kind);
      if (index >= 0) return frames.splice(index, 1)[0]!;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { socket, frames, next, closed };
}

describe('a job', () => {
  test('is run once, committed, and found by every later call', async () => {
    const store = new MemoryStore();
    const server = await startServer(store);
    const client = startClient();
    expect(await client.runJob(call(server, 'a'))).toEqual({ twice: 42 });
    expect(await client.runJob(call(server, 'a', { attempt: 2 }))).toEqual({ twice: 42 });
    expect(store.commits.get('a')).toEqual({ result: { twice: 42 }, attempt: 1 });
    expect(store.events).toEqual(['started a', 'committed a', 'found a']);
  });

  test('is committed before anybody is told', async () => {
    const store = new MemoryStore();
    const committed = gate();
    const commit = store.commit.bind(store);
    store.commit = async (key, outcome) => {
      await committed.promise;
      return commit(key, outcome);
    };
    const server = await startServer(store);
    const { socket, frames, next } = await openSocket(server);
    socket.send(
      encodeFrame({ kind: 'submit', key: 'a', attempt: 1, job: 'double', payload: { kind: 'double', n: 1 } }),
    );
    await next('accepted');
    socket.send(encodeFrame({ kind: 'status', key: 'a' }));
    expect(await next('status')).toMatchObject({ state: 'running' });
    expect(frames.some((frame) => frame.kind === 'done')).toBe(false);
    committed.resolve();
    expect(await next('done')).toEqual({ kind: 'done', key: 'a', result: { twice: 2 } });
  });

  test('that runs is joined by who submits or attaches, also from another socket, and runs once', async () => {
    const store = new MemoryStore();
    const finish = gate();
    const server = await startServer(store, async (job, context) => {
      await finish.promise;
      return double(job, context);
    });
    const [client, other] = [startClient(), startClient()];
    const calls = [client.runJob(call(server, 'a')), client.runJob(call(server, 'a')), other.runJob(call(server, 'a'))];
    const { socket, next } = await openSocket(server);
    while ((await client.status(call(server, 'a'))).state !== 'running');
    socket.send(encodeFrame({ kind: 'attach', key: 'a' }));
    expect(await next('accepted')).toEqual({ kind: 'accepted', key: 'a', state: 'running' });
    finish.resolve();
    expect(await Promise.all(calls)).toEqual([{ twice: 42 }, { twice: 42 }, { twice: 42 }]);
    expect(await next('done')).toMatchObject({ result: { twice: 42 } });
    expect(store.events.filter((event) => event === 'started a')).toHaveLength(1);
  });

  test('waits for those before it, in order, at most as many at once as the worker can', async () => {
    const order: string[] = [];
    let running = 0;
    const server = await startServer(new MemoryStore(), async (job, context) => {
      expect(++running).toBe(1);
      order.push(context.key);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return double(job, context);
    });
    const client = startClient();
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => client.runJob(call(server, key))));
    expect(order).toEqual(keys);
  });

  test('tells its progress, also to who comes later', async () => {
    const finish = gate();
    const server = await startServer(new MemoryStore(), async (job, context) => {
      context.progress(3, 10, 'sample');
      await finish.promise;
      context.progress(10, 10, 'sample');
      return double(job, context);
    });
    const client = startClient();
    const seen: unknown[] = [];
    const first = gate();
    const done = client.runJob(
      call(server, 'a', {
        onProgress: (progress) => {
          seen.push(progress);
          first.resolve();
        },
      }),
    );
    await first.promise;
    expect(await client.status(call(server, 'a'))).toEqual({ state: 'running', done: 3, total: 10 });
    const { socket, next } = await openSocket(server);
    socket.send(encodeFrame({ kind: 'attach', key: 'a' }));
    expect(await next('progress')).toEqual({ kind: 'progress', key: 'a', done: 3, total: 10, phase: 'sample' });
    finish.resolve();
    await done;
    expect(seen).toEqual([
      { done: 3, total: 10, phase: 'sample' },
      { done: 10, total: 10, phase: 'sample' },
    ]);
  });

  test('that failed is told with its code, and runs again when it is asked for again', async () => {
    let runs = 0;
    const store = new MemoryStore();
    const server = await startServer(store, async (job, context) => {
      if (++runs === 1) throw new Error('out of luck');
      return double(job, context);
    });
    const client = startClient();
    await expect(client.runJob(call(server, 'a'))).rejects.toMatchObject({ code: 'internal', message: 'out of luck' });
    expect(await client.status(call(server, 'a'))).toMatchObject({ state: 'failed' });
    expect(await client.runJob(call(server, 'a', { attempt: 2 }))).toEqual({ twice: 42 });
    expect(store.commits.get('a')?.attempt).toBe(2);
  });

  test('that this worker does not do is refused, and not retryable', async () => {
    const server = await startServer(new MemoryStore());
    const client = startClient();
    await expect(client.runJob(call(server, 'a', { payload: { kind: 'triple' } }))).rejects.toMatchObject({
      code: 'job-invalid',
      retryable: false,
      message: expect.stringMatching(/^Cannot do job a: .*, expected a double job that this worker does$/),
    });
    await expect(client.runJob(call(server, 'a', { job: 'triple' }))).rejects.toMatchObject({
      message: 'Cannot do job a: its payload is of kind double, expected a triple job that this worker does',
    });
  });

  test('with a result too large for a frame fails, and is not committed', async () => {
    const store = new MemoryStore();
    const server = await startServer(store, async () => ({ result: 'x'.repeat(1_100_000), refs: [] }));
    await expect(startClient().runJob(call(server, 'a'))).rejects.toMatchObject({ code: 'frame-too-large' });
    expect(store.commits.size).toBe(0);
  });

  test('with a result of another shape is told to the caller', async () => {
    const server = await startServer(new MemoryStore(), async () => ({ result: { thrice: 3 }, refs: [] }));
    await expect(startClient().runJob(call(server, 'a'))).rejects.toMatchObject({
      code: 'result-invalid',
      message: expect.stringMatching(/^Cannot use result of a: .*, expected the result of a double job$/),
    });
  });

  test('with a key or payload that no frame can carry is refused before it is sent', async () => {
    const server = await startServer(new MemoryStore());
    const client = startClient();
    await expect(client.runJob(call(server, ''))).rejects.toMatchObject({ code: 'frame-invalid' });
    await expect(client.runJob(call(server, 'a', { payload: 'x'.repeat(1_100_000) }))).rejects.toMatchObject({
      code: 'frame-too-large',
    });
  });

  test('costs no new connection', async () => {
    const server = await startServer(new MemoryStore());
    let connections = 0;
    const relay = createServer((socket) => {
      connections++;
      socket.pipe(connect(server.port, '127.0.0.1')).pipe(socket);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    cleanups.push(async () => void relay.close());
    const { port } = relay.address() as { port: number };
    const client = startClient();
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    for (const key of keys) await client.runJob(call({ url: `ws://127.0.0.1:${port}` }, key));
    expect(connections).toBe(1);
  });
});

describe('cancelling', () => {
  test('an abort stops the running job and rejects with its reason; a new submit starts anew', async () => {
    const stopped = gate<unknown>();
    const started = gate();
    let runs = 0;
    const store = new MemoryStore();
    const server = await startServer(store, async (job, context) => {
      if (++runs > 1) return double(job, context);
      started.resolve();
      await once(context.signal, 'abort');
      stopped.resolve(context.signal.reason);
      throw context.signal.reason;
    });
    const client = startClient();
    const controller = new AbortController();
    const cancelled = client.runJob(call(server, 'a', { signal: controller.signal }));
    await started.promise;
    controller.abort(new Error('no longer wanted'));
    await expect(cancelled).rejects.toThrow('no longer wanted');
    expect(await stopped.promise).toMatchObject({ code: 'job-cancelled', retryable: true });
    expect(await client.runJob(call(server, 'a'))).toEqual({ twice: 42 });
    expect(store.events).toEqual(['started a', 'started a', 'committed a']);
  });

  test('a job that waits is taken out of the queue and never starts', async () => {
    const finish = gate();
    const store = new MemoryStore();
    const server = await startServer(store, async (job, context) => {
      await finish.promise;
      return double(job, context);
    });
    const client = startClient();
    const controller = new AbortController();
    const running = client.runJob(call(server, 'a'));
    const queued = client.runJob(call(server, 'b', { signal: controller.signal }));
    while ((await client.status(call(server, 'b'))).state !== 'queued');
    controller.abort();
    await expect(queued).rejects.toMatchObject({ name: 'AbortError' });
    while ((await client.status(call(server, 'b'))).state !== 'unknown');
    finish.resolve();
    await running;
    expect(await client.runJob(call(server, 'c'))).toEqual({ twice: 42 });
    expect(store.events).not.toContain('started b');
  });

  test('a job that somebody else waits for goes on', async () => {
    const finish = gate();
    const store = new MemoryStore();
    const server = await startServer(store, async (job, context) => {
      await finish.promise;
      context.signal.throwIfAborted();
      return double(job, context);
    });
    const [client, other] = [startClient(), startClient()];
    const controller = new AbortController();
    const kept = client.runJob(call(server, 'a'));
    while ((await client.status(call(server, 'a'))).state !== 'running');
    const sameSocket = client.runJob(call(server, 'a', { signal: controller.signal }));
    const otherSocket = other.runJob(call(server, 'a', { signal: controller.signal }));
    await other.status(call(server, 'a'));
    controller.abort();
    await expect(sameSocket).rejects.toMatchObject({ name: 'AbortError' });
    await expect(otherSocket).rejects.toMatchObject({ name: 'AbortError' });
    await other.status(call(server, 'a'));
    finish.resolve();
    expect(await kept).toEqual({ twice: 42 });
  });

  test('an abort while no worker is there rejects at once', async () => {
    const controller = new AbortController();
    const pending = startClient().runJob(
      call({ url: 'ws://127.0.0.1:9' }, 'a', {
        signal: controller.signal,
        reconnect: { unreachableAfterMs: 60_000, firstDelayMs: 60_000, maxDelayMs: 60_000 },
      }),
    );
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await expect(pending).rejects.toThrow('enough');
  });
});

describe('lost connections', () => {
  test('a dropped socket does not stop the job; the caller comes back and gets its result', async () => {
    const started = gate();
    const finish = gate();
    const store = new MemoryStore();
    const server = await startServer(store, async (job, context) => {
      started.resolve();
      await finish.promise;
      context.signal.throwIfAborted();
      return double(job, context);
    });
    const { socket, next } = await openSocket(server);
    socket.send(
      encodeFrame({ kind: 'submit', key: 'a', attempt: 1, job: 'double', payload: { kind: 'double', n: 4 } }),
    );
    await next('accepted');
    await started.promise;
    socket.terminate();
    const again = startClient().runJob(call(server, 'a', { attempt: 2 }));
    finish.resolve();
    expect(await again).toEqual({ twice: 8 });
    expect(store.events.filter((event) => event === 'started a')).toHaveLength(1);
  });

  test('a worker that stops and comes back on another port gets the job again', async () => {
    const store = new MemoryStore();
    const started = gate();
    const first = await startServer(store, async (_job, context) => {
      started.resolve();
      await once(context.signal, 'abort');
      throw new Error('stopped');
    });
    let current: { readonly url: string } = first;
    const client = startClient();
    const result = client.runJob(
      call(first, 'a', {
        endpoint: async () => ({ url: current.url, token: TOKEN }),
        reconnect: { firstDelayMs: 5, maxDelayMs: 20, unreachableAfterMs: 20_000 },
      }),
    );
    await started.promise;
    await first.close();
    const second = await startServer(store);
    expect(second.port).not.toBe(first.port);
    current = second;
    expect(await result).toEqual({ twice: 42 });
    expect(store.events).toEqual(['started a', 'started a', 'committed a']);
  });

  test('an attempt that comes too late gets the result of the one that committed first', async () => {
    const store = new MemoryStore();
    const finish = gate();
    const started = gate();
    const stale = await startServer(store, async () => {
      started.resolve();
      await finish.promise;
      return { result: { twice: -1 }, refs: [] };
    });
    const fresh = await startServer(store);
    const client = startClient();
    const late = client.runJob(call(stale, 'a', { attempt: 1 }));
    await started.promise;
    expect(await client.runJob(call(fresh, 'a', { attempt: 2 }))).toEqual({ twice: 42 });
    finish.resolve();
    expect(await late).toEqual({ twice: 42 });
    expect(store.commits.get('a')).toEqual({ result: { twice: 42 }, attempt: 2 });
  });

  test('a job that waited is looked up again before it starts', async () => {
    const store = new MemoryStore();
    const finish = gate();
    const server = await startServer(store, async (job, context) => {
      await finish.promise;
      return double(job, context);
    });
    const client = startClient();
    const before = client.runJob(call(server, 'a'));
    const waiting = client.runJob(call(server, 'b'));
    while ((await client.status(call(server, 'b'))).state !== 'queued');
    await store.commit('b', { result: { twice: 7 }, attempt: 9 });
    finish.resolve();
    expect(await waiting).toEqual({ twice: 7 });
    await before;
    expect(store.events).not.toContain('started b');
  });

  test('a worker that is not there for long enough is told as unreachable, retryable', async () => {
    await expect(startClient().runJob(call({ url: 'ws://127.0.0.1:9' }, 'a'))).rejects.toMatchObject({
      name: 'ProtocolError',
      code: 'worker-unreachable',
      retryable: true,
      message: expect.stringMatching(
        /^Cannot reach rollout worker: connect ECONNREFUSED .* for \d+ s, expected it to be running: look into its log, or start it anew$/,
      ),
    });
  });

  test('a server that takes the connection but never speaks is told as unreachable', async () => {
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const client = new WorkerClient({ handshakeTimeoutMs: 100 });
    cleanups.push(async () => void silent.close());
    await expect(client.runJob(call({ url: `ws://127.0.0.1:${port}` }, 'a'))).rejects.toMatchObject({
      code: 'worker-unreachable',
    });
  });

  test('a socket that answers no ping is dropped by the worker', async () => {
    const server = await startServer(new MemoryStore(), double, { pingIntervalMs: 20 });
    const socket = new WebSocket(server.url, subprotocol, {
      headers: { Authorization: `Bearer ${TOKEN}` },
      autoPong: false,
    });
    const [code] = await once(socket, 'close');
    expect(code).toBe(1006);
  });
});

describe('who may speak', () => {
  test('a wrong token is refused with what to do, and not retried for ever', async () => {
    const server = await startServer(new MemoryStore());
    const endpoint = async () => ({ url: server.url, token: 'the-token-of-another-home' });
    await expect(startClient().runJob(call(server, 'a', { endpoint }))).rejects.toMatchObject({
      code: 'worker-unauthorized',
      retryable: false,
      message: `Cannot reach rollout worker: ${server.url} refuses the token, expected the token of its home: start the worker and the run with the same --home`,
    });
  });

  test('an endpoint that is put right meanwhile is used', async () => {
    const server = await startServer(new MemoryStore());
    let asked = 0;
    const endpoint = async () => {
      if (++asked === 1) throw new Error('ENOENT: no such file');
      return { url: server.url, token: asked === 2 ? 'the-token-of-another-home' : TOKEN };
    };
    expect(await startClient().runJob(call(server, 'a', { endpoint }))).toEqual({ twice: 42 });
    expect(asked).toBe(3);
  });

  test('the handshake wants token and subprotocol; plain HTTP is told so', async () => {
    const server = await startServer(new MemoryStore());
    const status = async (protocol: string | undefined, headers: Record<string, string>) => {
      const socket = new WebSocket(server.url, protocol, { headers });
      socket.on('error', () => {});
      const [, response] = await once(socket, 'unexpected-response');
      response.destroy();
      return response.statusCode;
    };
    expect(await status(subprotocol, {})).toBe(401);
    expect(await status(subprotocol, { Authorization: `Basic ${TOKEN}` })).toBe(401);
    expect(await status(subprotocol, { Authorization: `Bearer ${TOKEN}x` })).toBe(401);
    expect(await status('other.v1', { Authorization: `Bearer ${TOKEN}` })).toBe(400);
    expect((await fetch(server.url.replace('ws:', 'http:'))).status).toBe(426);
  });

  test('a worker of another role is told as such', async () => {
    const server = await startServer(new MemoryStore(), double, { role: 'trainer' });
    await expect(startClient().runJob(call(server, 'a'))).rejects.toMatchObject({
      code: 'worker-mismatch',
      message: expect.stringMatching(
        /^Cannot reach rollout worker: .* is a trainer worker of version .*, expected a rollout worker of version .*: stop it, and start the one of this checkout$/,
      ),
    });
  });

  test('a port that is taken, and a token that is too short, are told at the start', async () => {
    const { port } = await startServer(new MemoryStore());
    await expect(startServer(new MemoryStore(), double, { port })).rejects.toMatchObject({
      code: 'address-unavailable',
      message: expect.stringMatching(
        /^Cannot start worker: listen EADDRINUSE.*, expected 127.0.0.1:\d+ to be free: leave the port out to have one chosen$/,
      ),
    });
    await expect(startServer(new MemoryStore(), double, { token: 'short' })).rejects.toThrow(
      'Cannot start worker: its token has 5 characters, expected at least 16',
    );
  });
});

describe('garbage', () => {
  const garbage: readonly [string, string | Buffer, number][] = [
    ['no JSON', 'hello?', 1007],
    ['JSON of another shape', '{"kind":"submit"}', 1007],
    ['a frame of the other side', '{"kind":"done","key":"a","result":1}', 1007],
    ['a binary message', Buffer.from([1, 2, 3]), 1003],
  ];
  test.each(garbage)('%s is answered with an error, and the socket closed', async (_name, message, code) => {
    const server = await startServer(new MemoryStore());
    const { socket, next, closed } = await openSocket(server);
    socket.send(message);
    expect(await next('error')).toMatchObject({ message: expect.stringMatching(/^Cannot read frame: .*, expected /) });
    expect(await closed).toBe(code);
    expect(await startClient().runJob(call(server, 'a'))).toEqual({ twice: 42 });
  });

  test('a message beyond the limit closes the socket, and the worker goes on', async () => {
    const server = await startServer(new MemoryStore());
    const { socket, closed } = await openSocket(server);
    socket.on('error', () => {});
    socket.send('x'.repeat(1_100_000));
    expect([1006, 1009]).toContain(await closed);
    expect(await startClient().runJob(call(server, 'a'))).toEqual({ twice: 42 });
  });

  test('bytes that are no WebSocket frames, and text that is no UTF-8, do no harm', async () => {
    const server = await startServer(new MemoryStore());
    for (const bytes of [
      Buffer.from('ff ff ff ff'.replaceAll(' ', ''), 'hex'),
      Buffer.from('81820000000080ff', 'hex'),
    ]) {
      const { socket, closed } = await openSocket(server);
      socket.on('error', () => {});
      (socket as unknown as { _socket: { write(data: Buffer): void } })._socket.write(bytes);
      await closed;
    }
    expect(await startClient().runJob(call(server, 'a'))).toEqual({ twice: 42 });
  });

  test('any sequence of texts leaves a worker that still works, and its store untouched', async () => {
    const store = new MemoryStore();
    const server = await startServer(store);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        const { socket, next, closed } = await openSocket(server);
        socket.send(text);
        await next('error');
        expect([1003, 1007]).toContain(await closed);
      }),
      { numRuns: 25, seed: 20260501 },
    );
    expect(store.events).toEqual([]);
    expect(await startClient().runJob(call(server, 'a'))).toEqual({ twice: 42 });
  });
});

describe('hello', () => {
  test('is the first frame, with what the worker can do', async () => {
    const server = await startServer(new MemoryStore());
    const { next } = await openSocket(server);
    expect(await next('hello')).toEqual({
      kind: 'hello',
      worker: 'rollout-1',
      role: 'rollout',
      capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });
});

describe('questions', () => {
  test('attach and status to a key that nobody knows start nothing', async () => {
    const store = new MemoryStore();
    const server = await startServer(store);
    const { socket, next } = await openSocket(server);
    socket.send(encodeFrame({ kind: 'attach', key: 'a' }));
    expect(await next('status')).toEqual({ kind: 'status', key: 'a', state: 'unknown' });
    socket.send(encodeFrame({ kind: 'status', key: 'a' }));
    expect(await next('status')).toEqual({ kind: 'status', key: 'a', state: 'unknown' });
    expect(store.events).toEqual([]);
  });

  test('attach to a committed key gives its result', async () => {
    const store = new MemoryStore();
    await store.commit('a', { result: { twice: 4 }, attempt: 1 });
    const { socket, next } = await openSocket(await startServer(store));
    socket.send(encodeFrame({ kind: 'attach', key: 'a' }));
    expect(await next('accepted')).toMatchObject({ state: 'done' });
    expect(await next('done')).toMatchObject({ result: { twice: 4 } });
  });
});

test('close() stops a running job, tells nobody that it failed, and can be called twice', async () => {
  const started = gate();
  const store = new MemoryStore();
  const server = await startServer(store, async (_job, context) => {
    started.resolve();
    await once(context.signal, 'abort');
    throw new Error('stopped');
  });
  const { socket, frames, closed } = await openSocket(server);
  socket.send(encodeFrame({ kind: 'submit', key: 'a', attempt: 1, job: 'double', payload: { kind: 'double', n: 4 } }));
  await started.promise;
  await Promise.all([server.close(), server.close()]);
  expect(await closed).toBe(1001);
  expect(frames.some((frame) => frame.kind === 'failed')).toBe(false);
  expect(store.commits.size).toBe(0);
});
