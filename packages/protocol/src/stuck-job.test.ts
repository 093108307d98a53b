/** Jobs that hang, jobs that kill their worker, and workers that are told to end: over real sockets, in one process. */
import type { Json } from '@evenkeel/core';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { JobContext, JobOutcome, JobStore, StalledJob } from './job-table.ts';
import { type RunJobOptions, WorkerClient } from './worker-client.ts';
import { startWorkerServer, type WorkerServer, type WorkerServerOptions } from './worker-server.ts';

const TOKEN = 'the-token-of-this-home';
const jobSchema = z.strictObject({ kind: z.literal('work') });
type Work = z.infer<typeof jobSchema>;
type Run = (job: Work, context: JobContext) => Promise<JobOutcome>;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Commits and attempts as long as the test lives: what the processes of one home share. */
class MemoryStore implements JobStore {
  readonly commits = new Map<string, Json>();
  readonly open = new Map<string, { deaths: number; worker: string; pid: number; session: string }>();
  readonly started: string[] = [];

  async lookup(key: string) {
    const result = this.commits.get(key);
    return result === undefined ? null : { result };
  }

  async commit(key: string, { result }: { readonly result: Json }) {
    if (!this.commits.has(key)) this.commits.set(key, result);
    return { result: this.commits.get(key)! };
  }

  async journal({ key, kind }: { readonly key: string; readonly kind: string }) {
    if (kind === 'started') this.started.push(key);
  }

  earlierAttempts(key: string, session: string) {
    const last = this.open.get(key) ?? null;
    return { deaths: last === null ? 0 : last.deaths + (last.session === session ? 1 : 0), last };
  }

  beginAttempt(key: string, attempt: { worker: string; pid: number; session: string }) {
    const earlier = this.earlierAttempts(key, attempt.session);
    this.open.set(key, { deaths: earlier.deaths, ...attempt });
    return earlier;
  }

  endAttempt(key: string) {
    this.open.delete(key);
  }

  /** So many processes began on the key and died. */
  died(key: string, times: number) {
    for (let death = 0; death < times; death++) {
      this.beginAttempt(key, { worker: 'rollout-1', pid: death, session: 'one' });
    }
  }
}

const work: Run = async (_job, { key }) => ({ result: `done ${key}`, refs: [] });

async function serve(
  store: MemoryStore,
  run: Run = work,
  options: Partial<WorkerServerOptions<Work>> = {},
): Promise<WorkerServer> {
  const server = await startWorkerServer<Work>({
    ...{ token: TOKEN, worker: 'rollout-1', role: 'rollout', store, jobSchema, run, session: 'one' },
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: [], maxConcurrentJobs: 4 },
    closeGraceMs: 50,
    ...options,
  });
  cleanups.push(() => server.close());
  return server;
}

function client() {
  const made = new WorkerClient();
  cleanups.push(() => made.close());
  return (server: WorkerServer, key: string, more: Partial<RunJobOptions<string>> = {}) =>
    made.runJob({
      ...{ endpoint: async () => ({ url: server.url, token: TOKEN }), role: 'rollout', key, attempt: 1 },
      ...{ job: 'work', payload: { kind: 'work' }, resultSchema: z.string(), ...more },
    });
}

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('a job that hangs', () => {
  test('is named, with what it said last; one that tells of its progress is not', async () => {
    const stalled: StalledJob[] = [];
    const found = Promise.withResolvers<void>();
    const onStalled = (job: StalledJob) => {
      stalled.push(job);
      found.resolve();
    };
    const run: Run = async (_job, { key, progress, signal }) => {
      progress(2, 9, 'sample');
      if (key === 'hangs') return await aborted(signal);
      const telling = setInterval(() => progress(2, 9, 'sample'), 40);
      await found.promise;
      clearInterval(telling);
      return { result: 'done', refs: [] };
    };
    const server = await serve(new MemoryStore(), run, { stall: { afterMs: 600, onStalled } });
    const call = client();
    const hanging = call(server, 'hangs').catch(() => {});
    await call(server, 'goes-on');
    expect(stalled).toEqual([
      { key: 'hangs', job: 'work', progress: { done: 2, total: 9, phase: 'sample' }, silentMs: 600 },
    ]);
    await server.close();
    void hanging;
  });

  test('is named even where it was cancelled, since it still has its thread', async () => {
    const found = Promise.withResolvers<StalledJob>();
    const begun = Promise.withResolvers<void>();
    const run: Run = () => {
      begun.resolve();
      return new Promise(() => {});
    };
    const server = await serve(new MemoryStore(), run, { stall: { afterMs: 300, onStalled: found.resolve } });
    const controller = new AbortController();
    const call = client()(server, 'deaf', { signal: controller.signal });
    await begun.promise;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(await found.promise).toMatchObject({ key: 'deaf', progress: null });
  });
});

describe('a job that kills its worker', () => {
  test('is set aside after five deaths, with where to look; asked again, it is tried again', async () => {
    const store = new MemoryStore();
    const server = await serve(store, work, { logPath: 'logs/rollout-1.log' });
    const call = client();
    store.died('mine/step-000001/update/k', 5);
    await expect(call(server, 'mine/step-000001/update/k', { run: 'mine' })).rejects.toMatchObject({
      code: 'job-poisoned',
      retryable: false,
      message:
        'Cannot finish job mine/step-000001/update/k: 5 processes of worker "rollout-1" died one after the other while they worked on it, expected one to live: see at the end of logs/rollout-1.log what ended them, mend it, then try it again: evenkeel resume mine',
    });
    expect(store.started).toEqual([]);
    expect(await call(server, 'mine/step-000001/update/k')).toBe('done mine/step-000001/update/k');
    expect(store.open.size).toBe(0);
  });

  test('is tried once more after four, and nothing is left of the count when it ends', async () => {
    const store = new MemoryStore();
    store.died('k', 4);
    expect(await client()(await serve(store), 'k')).toBe('done k');
    expect(store.open.size).toBe(0);
  });

  test('is not held to account for deaths that its supervisor did not outlive', async () => {
    const store = new MemoryStore();
    store.died('k', 5);
    expect(await client()(await serve(store, work, { session: 'another' }), 'k')).toBe('done k');
  });

  test('runs alone from the third time on, so that no other is held to account', async () => {
    const store = new MemoryStore();
    const inside = new Set<string>();
    const beside = new Map<string, readonly string[]>();
    const run: Run = async (_job, { key }) => {
      inside.add(key);
      await new Promise((resolve) => setTimeout(resolve, 30));
      beside.set(key, [...inside]);
      inside.delete(key);
      return { result: key, refs: [] };
    };
    const server = await serve(store, run);
    const call = client();
    store.died('suspect', 2);
    await Promise.all(['a', 'b', 'suspect', 'c', 'd'].map((key) => call(server, key)));
    expect(beside.get('suspect')).toEqual(['suspect']);
    expect(Math.max(...[...beside.values()].map(({ length }) => length))).toBeGreaterThan(1);
  });

  test('a job that fails, is cancelled, or is cut off by a clean stop leaves no count', async () => {
    const store = new MemoryStore();
    const begun = Promise.withResolvers<void>();
    const run: Run = async (_job, { key }) => {
      if (key === 'fails') throw new Error('no');
      begun.resolve();
      return await new Promise(() => {});
    };
    const server = await serve(store, run);
    const call = client();
    await expect(call(server, 'fails')).rejects.toThrow('no');
    void call(server, 'deaf').catch(() => {});
    await begun.promise;
    expect([...store.open.keys()]).toEqual(['deaf']);
    await server.close();
    expect(store.open.size).toBe(0);
  });
});

describe('a worker that is told to end', () => {
  test('ends what is under way, sends away what waits and what comes, and still finds what is committed', async () => {
    const store = new MemoryStore();
    store.commits.set('before', 'done before');
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const run: Run = async (_job, { key }) => {
      begun.resolve();
      await gate.promise;
      return { result: `done ${key}`, refs: [] };
    };
    const capabilities = { device: 'cpu', executionProvider: 'cpu', families: [], maxConcurrentJobs: 1 };
    const server = await serve(store, run, { capabilities });
    const call = client();
    const running = call(server, 'running');
    await begun.promise;
    const waiting = call(server, 'waiting').catch((error: unknown) => error);
    await call(server, 'before');
    const drained = server.drain();
    expect(await waiting).toMatchObject({ code: 'worker-draining', retryable: true });
    await expect(call(server, 'later')).rejects.toMatchObject({ code: 'worker-draining' });
    expect(await call(server, 'before')).toBe('done before');
    gate.resolve();
    await drained;
    expect(await running).toBe('done running');
    expect(store.started).toEqual(['running']);
  });
});
