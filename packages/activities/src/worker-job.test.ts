/** Activities that ask a worker, in an activity's context, over a real socket. */
import { ConfigError, EvenkeelError, type Json } from '@evenkeel/core';
import {
  type JobContext,
  type JobOutcome,
  type PuzzlesJob,
  puzzlesJobSchema,
  startWorkerServer,
  type WorkerServer,
} from '@evenkeel/protocol';
import { encodePrompts, type PromptRow } from '@evenkeel/store';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { afterEach, describe, expect, test } from 'vitest';
import { workerEndpoint } from './context.ts';
import { planEvaluation } from './evaluation.ts';
import { inActivity, openRunFixture, type RunFixture } from './fixtures.ts';
import { planRound } from './plan-round.ts';
import { asActivity, runWorkerJob } from './worker-job.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Draws puzzles that are numbers: as a verifier host does, without a sandbox. */
async function draw(run: RunFixture, { draws }: PuzzlesJob): Promise<JobOutcome> {
  const rows = draws.flatMap(({ task, verifier, level, split, from, count }) =>
    Array.from({ length: count }, (_, place): PromptRow => {
      const index = from + place;
      return {
        task,
        verifier,
        level,
        puzzle: `${split}-${index}`,
        index,
        prompt: `make ${index} :`,
        groundTruth: '{}',
      };
    }),
  );
  const prompts = await run.context.store.put('prompts', encodePrompts(rows));
  return { result: { prompts: { ...prompts }, count: rows.length } satisfies Json, refs: [prompts] };
}

type Handler = (job: PuzzlesJob, context: JobContext, run: RunFixture) => Promise<JobOutcome>;

/** A run, and the worker that draws its puzzles. */
async function openRun(handler: Handler = (asked, _context, run) => draw(run, asked), workers = 1) {
  const run = await openRunFixture({ promptsPerStep: 8, groupSize: 2, shardPrompts: 10, seed: 3 });
  cleanups.push(run.close);
  const servers: WorkerServer[] = [];
  const { token } = await run.context.endpoints();
  for (let index = 0; index < workers; index++) {
    const server = await startWorkerServer<PuzzlesJob>({
      ...{
        token,
        worker: `verifier-${index}`,
        role: 'verifier',
        store: run.context.store,
        jobSchema: puzzlesJobSchema,
      },
      capabilities: { device: 'cpu', executionProvider: 'cpu', families: [], maxConcurrentJobs: 1 },
      run: (asked, context) => handler(asked, context, run),
    });
    cleanups.push(() => server.close());
    servers.push(server);
  }
  const known = await run.context.endpoints();
  const endpoints = { ...known, workers: { ...known.workers, verifier: servers.map(({ url }) => url) } };
  const drain = async (index: number) => await servers[index]?.drain();
  return { run, context: { ...run.context, endpoints: async () => endpoints }, drain };
}

const job = { kind: 'puzzles' as const, draws: [] };

describe('runWorkerJob()', () => {
  test('gives the result, and hands the activity’s attempt on', async () => {
    const attempts: number[] = [];
    const { context } = await openRun(async (asked, { attempt }, run) => {
      attempts.push(attempt);
      return await draw(run, asked);
    });
    const result = await inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }), { attempt: 3 });
    expect(result.count).toBe(0);
    expect(attempts).toEqual([3]);
  });

  test('heartbeats while the job runs, with its key and its progress', async () => {
    const beats: unknown[] = [];
    const beaten = Promise.withResolvers<void>();
    const { context } = await openRun(async (asked, { progress }, run) => {
      progress(2, 5);
      await beaten.promise;
      return await draw(run, asked);
    });
    const onHeartbeat = (details: unknown) => {
      beats.push(details);
      beaten.resolve();
    };
    await inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }), { onHeartbeat });
    expect(beats[0]).toEqual({ key: 'k', done: 2, total: 5 });
  });

  test('ends as cancelled where Temporal cancels, and stops the job', async () => {
    const controller = new AbortController();
    const stopped = Promise.withResolvers<void>();
    const { context } = await openRun(async (_job, { signal }) => {
      controller.abort();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped.resolve();
      throw new Error('stopped');
    });
    const running = inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }), controller);
    await expect(running).rejects.toBeInstanceOf(CancelledFailure);
    await stopped.promise;
    expect(await context.store.lookup('k')).toBeNull();
  });

  test("keeps the job's own failure", async () => {
    const { context } = await openRun(async () => {
      throw new EvenkeelError('Cannot draw: no puzzle left, expected one', { code: 'puzzles-exhausted' });
    });
    await expect(inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }))).rejects.toMatchObject({
      code: 'puzzles-exhausted',
      retryable: false,
    });
  });
});

describe('planRound()', () => {
  test('draws the prompts of the first round in the order of the tasks, and cuts them into shards', async () => {
    const { run, context } = await openRun();
    const ask = { run: 'r', config: run.configRef, state: run.state };
    const plan = await inActivity(() => planRound(context)(ask));
    const total = Object.values(plan.counts).reduce((sum, count) => sum + count, 0);
    expect(total).toBe(24);
    expect(plan).toMatchObject({
      round: 0,
      shards: [
        { from: 0, to: 10 },
        { from: 10, to: 20 },
        { from: 20, to: 24 },
      ],
    });
    expect(await inActivity(() => planRound(context)(ask))).toEqual(plan);
    const events = await context.store.readJournal();
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'committed', 'found']);
  });
});

describe('planEvaluation()', () => {
  test('is one shard of every task’s puzzles, of a split and a seed that are not the run’s', async () => {
    const { run, context } = await openRun();
    const plan = await inActivity(() => planEvaluation(context)({ run: 'r', config: run.configRef }));
    expect(plan.counts).toEqual({ countdown: 200, zebra: 200, arc: 200 });
    expect(plan.shards).toEqual([{ from: 0, to: 600 }]);
  });
});

describe('a job whose worker does not go on', () => {
  test('is moved to another worker after the bound, and the late result of the first does no harm', async () => {
    const first = Promise.withResolvers<void>();
    const worked: string[] = [];
    const stuck = Promise.withResolvers<void>();
    const { context } = await openRun(async (asked, { signal }, run) => {
      worked.push('begun');
      if (worked.length === 1) {
        await first.promise;
        // It does not hear that it was cancelled.
        expect(signal.aborted).toBe(true);
        const late = await draw(run, asked);
        stuck.resolve();
        return late;
      }
      return await draw(run, asked);
    }, 2);
    const beats: unknown[] = [];
    const moved = await inActivity(
      () => runWorkerJob({ ...context, stallMs: 400 }, { role: 'verifier', key: 'k', job }),
      { onHeartbeat: (details) => beats.push(details) },
    );
    expect(worked).toHaveLength(2);
    expect(beats.length).toBeGreaterThan(0);
    const committed = await context.store.lookup('k');
    expect(committed?.result).toEqual({ ...moved });
    first.resolve();
    await stuck.promise;
    expect(await context.store.lookup('k')).toEqual(committed);
  });

  test('is left alone as long as it shows progress, however long it takes', async () => {
    let begun = 0;
    const { context } = await openRun(async (asked, { progress }, run) => {
      begun++;
      for (let done = 0; done < 12; done++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        progress(0, 1);
      }
      return await draw(run, asked);
    }, 2);
    await inActivity(() => runWorkerJob({ ...context, stallMs: 400 }, { role: 'verifier', key: 'k', job }));
    expect(begun).toBe(1);
  });

  test('fails, to be tried again, where there is no other, with what to do', async () => {
    const { context } = await openRun(
      (_job, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const [url] = (await context.endpoints()).workers.verifier;
    const waiting = inActivity(() => runWorkerJob({ ...context, stallMs: 400 }, { role: 'verifier', key: 'k', job }));
    await expect(waiting).rejects.toMatchObject({
      code: 'worker-stalled',
      retryable: true,
      message: `Cannot finish job k: the verifier worker at ${url} has shown no progress for 0.5 s, expected some: look into its log, or end it; where single jobs take longer, raise --stall-seconds`,
    });
  }, 20_000);

  test('is sent away by a worker that is told to end, and finds another without a failed attempt', async () => {
    const servers: string[] = [];
    const { context, drain } = await openRun(async (asked, _context, run) => {
      servers.push('worked');
      return await draw(run, asked);
    }, 2);
    await inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'before', job }));
    await drain(0);
    await inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job, ordinal: 0 }));
    expect(servers).toHaveLength(2);
  });

  test('goes on where only this process is told to end: the next one attaches to it', async () => {
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let starts = 0;
    const { context } = await openRun(async (asked, { signal }, run) => {
      starts++;
      begun.resolve();
      await gate.promise;
      signal.throwIfAborted();
      return await draw(run, asked);
    });
    const left = inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }), controller);
    await begun.promise;
    controller.abort(new CancelledFailure('WORKER_SHUTDOWN'));
    await expect(left).rejects.toBeInstanceOf(CancelledFailure);
    const next = inActivity(() => runWorkerJob(context, { role: 'verifier', key: 'k', job }), { attempt: 2 });
    gate.resolve();
    await next;
    expect(starts).toBe(1);
  });
});

describe('workerEndpoint()', () => {
  test('spreads the jobs over the workers by their number', async () => {
    const { context } = await openRun(undefined, 2);
    const urls = (await context.endpoints()).workers.verifier;
    const chosen = await Promise.all(
      [0, 1, 2, 3].map((ordinal) => workerEndpoint(context, { wish: { role: 'verifier' }, ordinal })),
    );
    expect(chosen.map(({ url }) => url)).toEqual([urls[0], urls[1], urls[0], urls[1]]);
  });

  test('says that no worker is there yet, to be tried again', async () => {
    const { context } = await openRun();
    await expect(workerEndpoint(context, { wish: { role: 'trainer' } })).rejects.toMatchObject({
      code: 'worker-unreachable',
      retryable: true,
      message: expect.stringContaining('Cannot reach a trainer worker: none has announced itself'),
    });
  });
});

describe('asActivity()', () => {
  const failing = (error: Error) =>
    inActivity(
      asActivity(async () => {
        throw error;
      }),
    ).catch((thrown: unknown) => thrown);

  test('tells Temporal the code of an expected failure, and whether a retry can help', async () => {
    const lost = await failing(new EvenkeelError('gone', { code: 'worker-lost', retryable: true }));
    expect(lost).toBeInstanceOf(ApplicationFailure);
    expect(lost).toMatchObject({ type: 'worker-lost', message: 'gone', nonRetryable: false });
    expect(await failing(new ConfigError('wrong'))).toMatchObject({ type: 'config-invalid', nonRetryable: true });
  });

  test('keeps a failure short, so that the server shows it while the activity waits', async () => {
    const cause = new Error('the disk is full');
    const failure = await failing(new EvenkeelError('Cannot write', { code: 'disk-full', retryable: true, cause }));
    expect(failure).toMatchObject({ cause: undefined, stack: 'ApplicationFailure: Cannot write' });
  });

  test('does not have a mistake of the program tried again for ever', async () => {
    expect(await failing(new RangeError('out of range'))).toMatchObject({ type: 'internal', nonRetryable: true });
    expect(await failing(new TypeError('not a function'))).toMatchObject({ type: 'internal', nonRetryable: true });
  });

  test('lets everything else through, as it is', async () => {
    const error = new Error('ENOSPC: no space left on device');
    expect(await failing(error)).toBe(error);
    const cancelled = new CancelledFailure('enough');
    expect(await failing(cancelled)).toBe(cancelled);
  });

  test('hands arguments and result on', async () => {
    expect(await asActivity(async (a: number, b: number) => a + b)(1, 2)).toBe(3);
  });
});
