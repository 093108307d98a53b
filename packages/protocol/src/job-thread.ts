/**
 * A job in a thread of its own: the heavy session blocks that thread, and the process keeps its event loop for sockets and
 * heartbeats. One job at a time; a thread that died is started anew with the next job. It does not know what the jobs are.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type ErrorRecord, errorRecord } from '@evenkeel/core';
import { ProtocolError } from './errors.ts';

/** A cancelled job has so long to notice; then its thread is ended. */
const CANCEL_GRACE_MS = 5_000;

type ToThread<J> = { readonly kind: 'run'; readonly job: J } | { readonly kind: 'cancel' };
type FromThread<R> =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly phase?: string }
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

export interface JobThreadRun {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, phase?: string) => void;
}

export class JobThread<J, R> {
  #entry: URL;
  #data: unknown;
  #worker: Worker | undefined;

  /**
   * @param entry the module that calls `serveJobs`
   * @param data what it finds as `workerData`
   */
  constructor(entry: URL, data: unknown) {
    this.#entry = entry;
    this.#data = data;
  }

  /** @throws {ProtocolError} the job's own code, `job-cancelled`, or `thread-died` (retryable) */
  async run(job: J, { signal, onProgress }: JobThreadRun): Promise<R> {
    const worker = (this.#worker ??= this.#start());
    return await new Promise<R>((resolve, reject) => {
      let grace: NodeJS.Timeout | undefined;
      const abort = () => {
        worker.postMessage({ kind: 'cancel' } satisfies ToThread<J>);
        grace = setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS);
      };
      const settle = (outcome: () => void) => {
        clearTimeout(grace);
        signal.removeEventListener('abort', abort);
        worker.removeAllListeners();
        outcome();
      };
      const died = (reason: unknown) => {
        this.#worker = undefined;
        const message = `Cannot finish a job: its thread died (${reason instanceof Error ? reason.message : `exit ${reason}`})`;
        settle(() => reject(new ProtocolError(message, { code: 'thread-died', retryable: true, cause: reason })));
      };
      worker.on('error', died);
      worker.on('exit', died);
      worker.on('message', (message: FromThread<R>) => {
        switch (message.kind) {
          case 'progress':
            return onProgress(message.done, message.total, message.phase);
          case 'done':
            return settle(() => resolve(message.result));
          case 'failed': {
            const { message: text, code, retryable } = message.error;
            return settle(() => reject(new ProtocolError(text, { code, retryable })));
          }
        }
      });
      signal.addEventListener('abort', abort);
      worker.postMessage({ kind: 'run', job } satisfies ToThread<J>);
      if (signal.aborted) abort();
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    return new Worker(this.#entry, { workerData: this.#data });
  }
}

/** In the thread: runs each job that comes in. Call it once, at the module's top level. */
export function serveJobs<J, R>(run: (job: J, context: JobThreadRun) => Promise<R>): void {
  const port = parentPort;
  if (isMainThread || port === null) {
    throw new TypeError('Cannot serve jobs: this is the main thread, expected a worker thread');
  }
  let controller = new AbortController();
  const onProgress: JobThreadRun['onProgress'] = (done, total, phase) => {
    port.postMessage({ kind: 'progress', done, total, ...(phase === undefined ? {} : { phase }) });
  };
  port.on('message', (message: ToThread<J>) => {
    if (message.kind === 'cancel') return controller.abort();
    controller = new AbortController();
    run(message.job, { signal: controller.signal, onProgress }).then(
      (result) => port.postMessage({ kind: 'done', result }),
      (error: unknown) => port.postMessage({ kind: 'failed', error: errorRecord(error) }),
    );
  });
}
