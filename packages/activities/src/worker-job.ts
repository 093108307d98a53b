import { EvenkeelError, errorRecord } from '@evenkeel/core';
import type { Job, JobResults, Priority, WorkerRole, WorkerWish } from '@evenkeel/protocol';
import { faultPoint, resultSchemas } from '@evenkeel/protocol';
import { Context, type Info, log } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { z } from 'zod';
import { type ActivityContext, workerEndpoint } from './context.ts';
import { readRunPriority } from './run-priority.ts';

const HEARTBEAT_MS = 1_000;
/** A worker that shows no progress for so long is taken for hung: the heartbeats stop, and Temporal moves the work. */
const STALL_MS = 120_000;

export interface WorkerJob<K extends Job['kind']> {
  readonly role: WorkerRole;
  /** Names the job's inputs: the key under which its result is committed once. */
  readonly key: string;
  readonly job: Extract<Job, { kind: K }>;
  /** Chooses among several workers of the role. */
  readonly ordinal?: number;
  /** Jobs of one affinity stay with one worker, which remembers what they need. */
  readonly affinity?: string;
  /** What the job needs of its worker, besides the role. */
  readonly wish?: Pick<WorkerWish, 'family' | 'device'>;
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
 * Runs a job on a worker from within an activity: attaches where the key is running or done, submits where it is not,
 * reconnects where the socket drops, and heartbeats to Temporal only while the worker reports progress.
 */
export async function runWorkerJob<K extends Job['kind']>(
  context: ActivityContext,
  { role, key, job, ordinal = 0, affinity, wish }: WorkerJob<K>,
): Promise<JobResults[K]> {
  const activity = Context.current();
  let progress: { done: number; total: number } = { done: 0, total: 0 };
  let progressAt = performance.now();
  const heartbeat = setInterval(() => {
    if (performance.now() - progressAt < STALL_MS) activity.heartbeat({ key, ...progress });
  }, HEARTBEAT_MS);
  const place = { wish: { role, ...wish }, ordinal, affinity, key, isAgain: activity.info.attempt > 1 };
  let asked = 0;
  try {
    faultPoint('activity/before-submit');
    const result = await context.client.runJob<JobResults[K]>({
      endpoint: () => workerEndpoint(context, { ...place, isAgain: place.isAgain || asked++ > 0 }),
      role,
      key,
      attempt: activity.info.attempt,
      ...(await whose(context, activity.info)),
      job: job.kind,
      payload: job,
      resultSchema: resultSchemas[job.kind] as unknown as z.ZodType<JobResults[K]>,
      signal: activity.cancellationSignal,
      onProgress: ({ done, total }) => {
        progress = { done, total };
        progressAt = performance.now();
      },
    });
    faultPoint('activity/after-reply');
    return result;
  } catch (error) {
    if (activity.cancellationSignal.aborted) throw new CancelledFailure(`Cancelled ${key}`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
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
