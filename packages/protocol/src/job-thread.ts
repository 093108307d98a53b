/**
 * A job in a thread of its own: the heavy session blocks that thread, and the process keeps its event loop for sockets and
 * heartbeats. One job at a time; a thread that died, at work or between two jobs, is started anew with the next job. It does
 * not know what the jobs are.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type ErrorRecord, errorRecord } from '@evenkeel/core';
import { ProtocolError } from './errors.ts';
import { faultPoint } from './fault-point.ts';

type ToThread<J> = { readonly kind: 'run'; readonly job: J } | { readonly kind: 'cancel' };
type FromThread<R> =
  /** It has loaded its module. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly phase?: string }
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

export interface JobThreadRun {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, phase?: string) => void;
}

/** What a job in the thread is told. */
export interface JobThreadContext extends JobThreadRun {
  /**
   * Says that the work goes on where there is no new number to tell: after each stretch whose length is known beforehand, such as
   * one run of a graph. Costs next to nothing; told twice a second at the most.
   */
  readonly alive: () => void;
}

export interface JobThreadOptions {
  /** A cancelled job has so long to notice; then its thread is ended. Default 5000. */
  readonly cancelGraceMs?: number;
}

const ALIVE_EVERY_MS = 500;
/** Loading a thread's module takes a second, and several on a busy machine: for so long it needs no progress of its own. */
const LOADING_MS = 60_000;

/** Who waits for the job that runs. */
interface Waiting<R> {
  readonly onMessage: (message: FromThread<R>) => void;
  readonly onDeath: (reason: unknown) => void;
}

function cancelled(): ProtocolError {
  return new ProtocolError('Cannot finish a job: it was cancelled, expected somebody to want its result', {
    code: 'job-cancelled',
    retryable: true,
  });
}

/** One thread, as long as it lives. */
interface Thread<R> {
  readonly worker: Worker;
  isReady: boolean;
  waiting: Waiting<R> | undefined;
}

export class JobThread<J, R> {
  readonly #entry: URL;
  readonly #data: unknown;
  readonly #cancelGraceMs: number;
  #thread: Thread<R> | undefined;

  /**
   * @param entry the module that calls `serveJobs`
   * @param data what it finds as `workerData`
   */
  constructor(entry: URL, data: unknown, { cancelGraceMs = 5_000 }: JobThreadOptions = {}) {
    this.#entry = entry;
    this.#data = data;
    this.#cancelGraceMs = cancelGraceMs;
  }

  /**
   * Runs a job.
   *
   * @throws {ProtocolError} the job's own code, `job-cancelled` or `thread-died` (both retryable)
   * @throws {TypeError} while another job runs
   */
  async run(job: J, { signal, onProgress }: JobThreadRun): Promise<R> {
    if (this.#thread?.waiting !== undefined) {
      throw new TypeError('Cannot run a job: the thread has one already, expected one at a time');
    }
    if (signal.aborted) throw cancelled();
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const loading = this.#tellLoading(thread, onProgress);
    let grace: NodeJS.Timeout | undefined;
    const abort = () => {
      thread.worker.postMessage({ kind: 'cancel' } satisfies ToThread<J>);
      grace = setTimeout(() => {
        this.#forget(thread);
        void thread.worker.terminate();
      }, this.#cancelGraceMs);
    };
    try {
      return await new Promise<R>((resolve, reject) => {
        thread.waiting = {
          onMessage: (message) => {
            switch (message.kind) {
              case 'ready':
                return clearInterval(loading);
              case 'progress':
                return onProgress(message.done, message.total, message.phase);
              case 'done':
                return resolve(message.result);
              case 'failed':
                return reject(ProtocolError.from(message.error));
            }
          },
          onDeath: (reason) => reject(signal.aborted ? cancelled() : died(reason)),
        };
        signal.addEventListener('abort', abort);
        thread.worker.postMessage({ kind: 'run', job } satisfies ToThread<J>);
      });
    } finally {
      clearInterval(loading);
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
      thread.waiting = undefined;
    }
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.worker.terminate();
  }

  /** The thread is listened to as long as it lives: an error that nobody hears would end the process. */
  #start(): Thread<R> {
    const worker = new Worker(this.#entry, { workerData: this.#data });
    const thread: Thread<R> = { worker, isReady: false, waiting: undefined };
    const onDeath = (reason: unknown) => {
      this.#forget(thread);
      thread.waiting?.onDeath(reason);
    };
    thread.worker.on('error', onDeath);
    thread.worker.on('exit', onDeath);
    thread.worker.on('message', (message: FromThread<R>) => {
      if (message.kind === 'ready') thread.isReady = true;
      thread.waiting?.onMessage(message);
    });
    return thread;
  }

  #tellLoading(thread: Thread<R>, onProgress: JobThreadRun['onProgress']): NodeJS.Timeout | undefined {
    if (thread.isReady) return undefined;
    const since = performance.now();
    const telling = setInterval(() => {
      if (performance.now() - since < LOADING_MS) onProgress(0, 0, 'load');
      else clearInterval(telling);
    }, ALIVE_EVERY_MS);
    return telling;
  }

  #forget(thread: Thread<R>): void {
    if (this.#thread === thread) this.#thread = undefined;
  }
}

function died(reason: unknown): ProtocolError {
  const state = reason instanceof Error ? reason.message : `exit ${reason}`;
  return new ProtocolError(`Cannot finish a job: its thread died (${state}), expected it to live: try again`, {
    code: 'thread-died',
    retryable: true,
    cause: reason,
  });
}

/** In the thread: runs each job that comes in. Call it once, at the module's top level. */
export function serveJobs<J, R>(run: (job: J, context: JobThreadContext) => Promise<R>): void {
  const port = parentPort;
  if (isMainThread || port === null) {
    throw new TypeError('Cannot serve jobs: this is the main thread, expected a worker thread');
  }
  let controller = new AbortController();
  let told: FromThread<R> & { kind: 'progress' } = { kind: 'progress', done: 0, total: 0 };
  let toldAt = 0;
  const tell = (progress: typeof told) => {
    faultPoint('job-thread/progress');
    told = progress;
    toldAt = performance.now();
    port.postMessage(told);
  };
  const onProgress: JobThreadRun['onProgress'] = (done, total, phase) => {
    tell({ kind: 'progress', done, total, ...(phase === undefined ? {} : { phase }) });
  };
  const alive = () => {
    if (performance.now() - toldAt >= ALIVE_EVERY_MS) tell(told);
  };
  port.postMessage({ kind: 'ready' } satisfies FromThread<R>);
  port.on('message', (message: ToThread<J>) => {
    if (message.kind === 'cancel') return controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    told = { kind: 'progress', done: 0, total: 0 };
    toldAt = performance.now();
    run(message.job, { signal, onProgress, alive })
      .then((result) => port.postMessage({ kind: 'done', result }))
      .catch((error: unknown) => {
        port.postMessage({ kind: 'failed', error: errorRecord(signal.aborted ? cancelled() : error) });
      });
  });
}
