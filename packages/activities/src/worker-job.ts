import { setTimeout as sleep } from 'node:timers/promises';
import { EvenkeelError, errorRecord } from '@evenkeel/core';
import type { Job, JobResults, Priority, WorkerRole, WorkerWish } from '@evenkeel/protocol';
import { defaultStallMs, faultPoint, ProtocolError, resultSchemas, Silence } from '@evenkeel/protocol';
import { Context, type Info, log } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { z } from 'zod';
import { type ActivityContext, workerEndpoint } from './context.ts';
import { readRunPriority } from './run-priority.ts';

const HEARTBEAT_MS = 1_000;
/**
 * Of the bound after which a worker counts as hung: its own process and its supervisor look by that bound, and are given the time to
 * begin anew before the job is taken away from it.
 */
const PATIENCE = 1.25;
/** How long a job that was sent away waits where there is no other worker: the successor comes up meanwhile. */
const AWAY_MS = 500;

/** What a job needs of its worker, besides the role; `threads` it tells the worker. */
export type JobNeeds = Omit<WorkerWish, 'role'> & { readonly threads?: number };

export interface WorkerJob<K extends Job['kind']> {
  readonly role: WorkerRole;
  /** Names the job's inputs: the key under which its result is committed once. */
  readonly key: string;
  readonly job: Extract<Job, { kind: K }>;
  /** Chooses among several workers of the role. */
  readonly ordinal?: number;
  /** Jobs of one affinity stay with one worker, which remembers what they need. */
  readonly affinity?: string;
  readonly wish?: JobNeeds;
}

/** Whose work an activity does: workflow ids begin with the run's name. */
async function whose(
  { home }: ActivityContext,
  { workflowExecution }: Info,
): Promise<{ run?: string; priority?: Priority }> {
  const run = workflowExecution?.workflowId.split('/')[0];
  return run === undefined ? {} : { run, priority: await readRunPriority(home, run) };
}

/**
 * Runs a job on a worker from within an activity: attaches where the key is running or done, submits where it is not, reconnects
 * where the socket drops, and moves on to another worker from one that shows no progress or is about to end.
 * What the first one may still bring is not waited for: the first commit counts, whoever made it.
 *
 * @throws {ProtocolError} `worker-stalled`, `worker-unreachable` (both retryable) where no other worker is left; the job's own failure
 */
export async function runWorkerJob<K extends Job['kind']>(
  context: ActivityContext,
  { role, key, job, ordinal = 0, affinity, wish: { threads, ...wish } = {} }: WorkerJob<K>,
): Promise<JobResults[K]> {
  const activity = Context.current();
  const avoid = new Set<string>();
  const place = { wish: { role, ...wish }, ordinal, affinity, key, avoid };
  const call = {
    role,
    key,
    attempt: activity.info.attempt,
    ...(await whose(context, activity.info)),
    threads,
    job: job.kind,
  };
  let isAgain = activity.info.attempt > 1;
  try {
    faultPoint('activity/before-submit', key);
    for (;;) {
      const watch = watchWorker(context.stallMs ?? defaultStallMs, role, key);
      try {
        const result = await untilShutdown(
          context.client.runJob<JobResults[K]>({
            ...call,
            endpoint: async () => {
              watch.at(null);
              const endpoint = await workerEndpoint(context, { ...place, isAgain });
              isAgain = true;
              watch.at(endpoint.url);
              return endpoint;
            },
            payload: job,
            resultSchema: resultSchemas[job.kind] as unknown as z.ZodType<JobResults[K]>,
            signal: AbortSignal.any([watch.signal, watch.cancelled]),
            onProgress: watch.progress,
          }),
        );
        faultPoint('activity/after-reply', key);
        return result;
      } catch (error) {
        // Where none was chosen, none answers that is fit: said by the failure, and tried again by Temporal.
        if (activity.cancellationSignal.aborted || !isAboutWorker(error) || watch.url === null) throw error;
        const { workers } = await context.endpoints();
        avoid.add(watch.url);
        const hasOther = workers[role].some((url) => !avoid.has(url));
        if (!hasOther && error.code !== 'worker-draining') throw error;
        context.logger.warn('Job moved', { key, from: watch.url, reason: error.code });
        if (!hasOther) await sleep(AWAY_MS);
      } finally {
        watch.end();
      }
    }
  } catch (error) {
    if (activity.cancellationSignal.aborted) throw new CancelledFailure(`Cancelled ${key}`);
    throw error;
  }
}

/** It says something of the worker, and nothing of the job. */
function isAboutWorker(error: unknown): error is ProtocolError {
  const codes = ['worker-stalled', 'worker-draining'];
  return error instanceof ProtocolError && codes.includes(error.code);
}

/** Heartbeats to Temporal while the worker shows progress; where it does not for the bound, its signal aborts with `worker-stalled`. */
function watchWorker(stallMs: number, role: WorkerRole, key: string) {
  const activity = Context.current();
  const silence = new Silence(PATIENCE * stallMs);
  const stalled = new AbortController();
  const cancelled = new AbortController();
  let url: string | null = null;
  let progress: { done: number; total: number } = { done: 0, total: 0 };
  const looks = setInterval(
    () => {
      // As long as there is no worker, the client's own patience counts.
      if (url === null) silence.heard();
      if (silence.look()) stalled.abort(stall(role, url, key, silence.boundMs));
      else if (!activity.info.isLocal) activity.heartbeat({ key, ...progress });
    },
    Math.min(HEARTBEAT_MS, stallMs / 4),
  );
  // A worker process that is told to end leaves the job as it is: the next one attaches to it.
  const cancel = () => {
    if (!isShutdown(activity.cancellationSignal)) cancelled.abort(activity.cancellationSignal.reason);
  };
  activity.cancellationSignal.addEventListener('abort', cancel);
  if (activity.cancellationSignal.aborted) cancel();
  return {
    signal: stalled.signal,
    cancelled: cancelled.signal,
    get url() {
      return url;
    },
    /** A worker was chosen, which answers; or none is there just now. */
    at(chosen: string | null) {
      url = chosen;
      silence.heard();
    },
    progress({ done, total }: { readonly done: number; readonly total: number }) {
      progress = { done, total };
      silence.heard();
    },
    end() {
      clearInterval(looks);
      activity.cancellationSignal.removeEventListener('abort', cancel);
    },
  };
}

function stall(role: WorkerRole, url: string | null, key: string, silentMs: number): ProtocolError {
  return new ProtocolError(
    `Cannot finish job ${key}: the ${role} worker ${url === null ? '' : `at ${url} `}has shown no progress for ${silentMs / 1000} s, expected some: look into its log, or end it; where single jobs take longer, raise --stall-seconds`,
    { code: 'worker-stalled', retryable: true },
  );
}

/** Whether Temporal's worker in this process is being shut down. */
function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof Error && signal.reason.message === 'WORKER_SHUTDOWN';
}

/** The promise; where this process is told to end, a rejection at once, and what it waits for goes on without it. */
function untilShutdown<T>(promise: Promise<T>): Promise<T> {
  const { cancellationSignal } = Context.current();
  return new Promise((resolve, reject) => {
    const leave = () => isShutdown(cancellationSignal) && reject(cancellationSignal.reason);
    cancellationSignal.addEventListener('abort', leave);
    leave();
    promise.then(resolve, reject).finally(() => cancellationSignal.removeEventListener('abort', leave));
  });
}

/** A mistake in the program: the same input leads to it again. */
function isMistake(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}

/**
 * An activity whose expected failures reach Temporal with their code, and are not retried where a retry cannot help: a run that
 * fails is seen, and goes on when it is started again; one that is retried for ever only stands still.
 */
export function asActivity<A extends unknown[], R>(run: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await run(...args);
    } catch (error) {
      if (error instanceof EvenkeelError || isMistake(error)) {
        const { code, message, retryable } = errorRecord(error);
        log.warn(message, { code, error: error.stack });
        const failure = ApplicationFailure.create({ type: code, message, nonRetryable: !retryable });
        // The server shows a pending activity's failure only below 2 KB: causes and stacks go to the log.
        failure.stack = `${failure.name}: ${message}`;
        throw failure;
      }
      throw error;
    }
  };
}
