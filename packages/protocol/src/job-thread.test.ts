import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { EchoJob, EchoResult } from '../test-fixtures/echo-thread.ts';
import { JobThread, type JobThreadOptions, serveJobs } from './job-thread.ts';

const entry = new URL('../test-fixtures/echo-thread.ts', import.meta.url);
const threads: JobThread<EchoJob, EchoResult>[] = [];

afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.close();
});

function start(options?: JobThreadOptions) {
  const thread = new JobThread<EchoJob, EchoResult>(entry, { home: 'h' }, options);
  threads.push(thread);
  const run = (job: EchoJob, { signal = new AbortController().signal, onProgress = () => {} } = {}) =>
    thread.run(job, { signal, onProgress });
  return { thread, run };
}

/** Aborts as soon as the job is under way. */
function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, onProgress: () => controller.abort(), controller };
}

describe('JobThread', () => {
  test('gives the result of a job, and what the thread was started with', async () => {
    const { run } = start();
    expect(await run({ kind: 'echo', text: 'hello' })).toMatchObject({ text: 'hello', data: { home: 'h' } });
  });

  test('does one job after the other in the same thread', async () => {
    const { run } = start();
    const first = await run({ kind: 'echo', text: 'a' });
    const second = await run({ kind: 'echo', text: 'b' });
    expect(second).toEqual({ ...first, text: 'b' });
  });

  test('refuses a second job while one runs, which goes on', async () => {
    const { run } = start();
    const first = run({ kind: 'echo', text: 'a' });
    await expect(run({ kind: 'echo', text: 'b' })).rejects.toThrow(
      'Cannot run a job: the thread has one already, expected one at a time',
    );
    expect((await first).text).toBe('a');
  });

  test('tells of progress, in order, with the phase where there is one', async () => {
    const { run } = start();
    const seen: unknown[] = [];
    await run({ kind: 'progress', text: 'sample' }, { onProgress: (...told: unknown[]) => void seen.push(told) });
    // A thread that takes its time to load says so first.
    expect(seen.filter((told) => (told as unknown[])[2] !== 'load')).toEqual([
      [1, 3, 'sample'],
      [2, 3, 'sample'],
      [3, 3, 'sample'],
      [3, 3, undefined],
    ]);
  });

  test("a job's failure keeps its code, its message and whether it may be tried again", async () => {
    const { run } = start();
    await expect(run({ kind: 'fail' })).rejects.toMatchObject({
      name: 'ProtocolError',
      code: 'echo-lost',
      retryable: true,
      message: 'Cannot echo: nobody is there, expected somebody',
    });
    await expect(run({ kind: 'throw' })).rejects.toMatchObject({ code: 'internal', retryable: false });
    expect((await run({ kind: 'echo', text: 'goes on' })).text).toBe('goes on');
  });

  test('a result that cannot leave the thread is a failure, not a death', async () => {
    const { run } = start();
    const { thread } = await run({ kind: 'echo', text: '' });
    await expect(run({ kind: 'unclonable' })).rejects.toMatchObject({ code: 'internal' });
    expect((await run({ kind: 'echo', text: '' })).thread).toBe(thread);
  });
});

describe('a thread that dies', () => {
  const deaths = [
    ['exit', 'Cannot finish a job: its thread died (exit 3), expected it to live: try again'],
    ['throw-later', 'Cannot finish a job: its thread died (a timer threw), expected it to live: try again'],
  ] as const;
  test.each(deaths)('by %s fails its job as retryable, and the next job has a fresh one', async (kind, message) => {
    const { run } = start();
    const { thread } = await run({ kind: 'echo', text: '' });
    await expect(run({ kind })).rejects.toMatchObject({ code: 'thread-died', retryable: true, message });
    const next = await run({ kind: 'echo', text: 'next' });
    expect(next.text).toBe('next');
    expect(next.thread).not.toBe(thread);
  });

  test('between two jobs harms nobody', async () => {
    const { run } = start();
    const { thread } = await run({ kind: 'die-afterwards' });
    const channel = new BroadcastChannel('echo-thread');
    channel.postMessage('die');
    channel.close();
    let later = thread;
    while (later === thread) {
      await sleep(50);
      later = await run({ kind: 'echo', text: '' }).then(
        (result) => result.thread,
        () => thread,
      );
    }
    expect(later).not.toBe(thread);
  });

  test('at its start, for its module cannot be loaded, fails the job', async () => {
    const thread = new JobThread<EchoJob, EchoResult>(new URL('./not-there.ts', entry), null);
    threads.push(thread);
    const waiting = { signal: new AbortController().signal, onProgress: () => {} };
    await expect(thread.run({ kind: 'echo', text: '' }, waiting)).rejects.toMatchObject({ code: 'thread-died' });
  });

  test('because it is closed, fails its job', async () => {
    const { thread, run } = start();
    const waiting = run({ kind: 'wait' }, { onProgress: () => void thread.close() });
    await expect(waiting).rejects.toMatchObject({ code: 'thread-died', retryable: true });
    expect((await run({ kind: 'echo', text: 'again' })).text).toBe('again');
  });
});

describe('a cancelled job', () => {
  test('that notices ends as cancelled, retryable, and its thread goes on', async () => {
    const { run } = start();
    const { thread } = await run({ kind: 'echo', text: '' });
    await expect(run({ kind: 'wait' }, abortable())).rejects.toMatchObject({
      code: 'job-cancelled',
      retryable: true,
      message: 'Cannot finish a job: it was cancelled, expected somebody to want its result',
    });
    expect((await run({ kind: 'echo', text: '' })).thread).toBe(thread);
  });

  test('that does not notice loses its thread after the grace', async () => {
    const { run } = start({ cancelGraceMs: 50 });
    const { thread } = await run({ kind: 'echo', text: '' });
    await expect(run({ kind: 'wait-deaf' }, abortable())).rejects.toMatchObject({ code: 'job-cancelled' });
    expect((await run({ kind: 'echo', text: '' })).thread).not.toBe(thread);
  });

  test('that was cancelled before its start does not start', async () => {
    const { run } = start();
    const { controller, signal } = abortable();
    controller.abort();
    await expect(run({ kind: 'wait-deaf' }, { signal })).rejects.toMatchObject({ code: 'job-cancelled' });
    expect((await run({ kind: 'echo', text: 'free' })).text).toBe('free');
  });

  test('leaves nothing behind for the next one', async () => {
    const { run } = start({ cancelGraceMs: 50 });
    const { signal, onProgress } = abortable();
    await run({ kind: 'wait' }, { signal, onProgress }).catch(() => {});
    const { thread } = await run({ kind: 'echo', text: '' });
    await sleep(100);
    expect((await run({ kind: 'echo', text: '' })).thread).toBe(thread);
  });
});

test('serveJobs() is refused in the main thread', () => {
  expect(() => serveJobs(async () => null)).toThrow(
    'Cannot serve jobs: this is the main thread, expected a worker thread',
  );
});
