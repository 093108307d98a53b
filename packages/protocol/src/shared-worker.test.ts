/** Several runs on one worker, over a real socket. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { JobContext, JobStore } from './job-table.ts';
import { type RunJobOptions, WorkerClient } from './worker-client.ts';
import { startWorkerServer } from './worker-server.ts';

const TOKEN = 'the-token-of-this-home';
const jobSchema = z.strictObject({ kind: z.literal('note'), ms: z.number() });
type NoteJob = z.infer<typeof jobSchema>;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const store: JobStore = {
  lookup: async () => null,
  commit: async (_key, { result }) => ({ result }),
  journal: async () => {},
};

/** A worker that notes the order of its jobs, and a way to give it some. */
async function shared(run: (job: NoteJob, context: JobContext) => Promise<void>) {
  const order: string[] = [];
  const server = await startWorkerServer<NoteJob>({
    ...{ token: TOKEN, worker: 'rollout', role: 'rollout', store, jobSchema },
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: [], maxConcurrentJobs: 1 },
    run: async (job, context) => {
      order.push(context.key);
      await run(job, context);
      return { result: null, refs: [] };
    },
  });
  const client = new WorkerClient();
  cleanups.push(async () => {
    await client.close();
    await server.close();
  });
  const submit = (key: string, ms: number, options: Partial<RunJobOptions<null>>) =>
    client.runJob({
      ...{ endpoint: async () => ({ url: server.url, token: TOKEN }), role: 'rollout', key, attempt: 1 },
      ...{ job: 'note', payload: { kind: 'note', ms }, resultSchema: z.null() },
      ...options,
    });
  return { order, submit };
}

test('a run with one job does not wait for all the jobs that another gave before', async () => {
  const { order, submit } = await shared(({ ms }) => sleep(ms));
  const many = Array.from({ length: 6 }, (_, n) => submit(`many/${n}`, 20, { run: 'many' }));
  await sleep(5);
  await Promise.all([...many, submit('one/0', 20, { run: 'one' })]);
  expect(order.indexOf('one/0')).toBeLessThanOrEqual(2);
});

test('a run of priority 1 gets ahead of one of priority 5, which still gets its turns', async () => {
  const { order, submit } = await shared(({ ms }) => sleep(ms));
  const jobs = (run: string, priority: 1 | 5, count: number) =>
    Array.from({ length: count }, (_, n) => submit(`${run}/${n}`, 4, { run, priority }));
  await Promise.all([...jobs('patient', 5, 8), ...jobs('urgent', 1, 60)]);
  const first = order.slice(0, 40).filter((key) => key.startsWith('patient/')).length;
  expect(first).toBeGreaterThanOrEqual(1);
  expect(first).toBeLessThanOrEqual(6);
});

test('a job that waits for its turn is told that the one before it goes on', async () => {
  const { submit } = await shared(async ({ ms }, { progress }) => {
    for (let done = 0; done < ms; done += 50) {
      await sleep(50);
      progress(done, ms);
    }
  });
  const phases: (string | undefined)[] = [];
  const before = submit('long/0', 1_500, { run: 'long' });
  const waiting = submit('next/0', 0, { run: 'next', onProgress: ({ phase }) => phases.push(phase) });
  await Promise.all([before, waiting]);
  expect(phases).toContain('waiting');
});

test('a job is told the threads that its run computes with', async () => {
  const threads: (number | undefined)[] = [];
  const { submit } = await shared(async (_job, context) => void threads.push(context.threads));
  await submit('a/0', 0, { threads: 3 });
  await submit('b/0', 0, {});
  expect(threads).toEqual([3, undefined]);
});
