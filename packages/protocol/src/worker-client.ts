/**
 * Calling a worker: a job is submitted under its key until its result is there, over as many sockets, ports and processes
 * as that takes. One socket per worker is kept open. It does not know what a job does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorRecord, type Json, type Logger, silentLogger } from '@evenkeel/core';
import { z } from 'zod';
import type { WorkerRole } from './endpoints.ts';
import { ProtocolError } from './errors.ts';
import { type ClientFrame, clientFrameSchema, encodeFrame, type Hello, type ServerFrame } from './frames.ts';
import type { Priority } from './job-queue.ts';
import { ConnectionLost, connect, type WorkerConnection, type WorkerEndpoint } from './worker-connection.ts';

export interface WorkerClientOptions {
  readonly logger?: Logger;
  /** A worker that answers no ping within three intervals counts as gone. Default 5000. */
  readonly pingIntervalMs?: number;
  /** Default 5000. */
  readonly handshakeTimeoutMs?: number;
}

export interface ReconnectOptions {
  /** How long no connection may come about before the call fails, retryable. Default 30000. */
  readonly unreachableAfterMs?: number;
  /** How long a refusal (token, role, version) must last: an old port may belong to somebody else for a moment. Default 1000. */
  readonly refusedAfterMs?: number;
  /** How many sockets one call may lose before it fails, retryable: a job that kills its worker must come to an end. Default 10. */
  readonly maxLosses?: number;
  /** Delays double from the first to the longest. Default 20 and 1000. */
  readonly firstDelayMs?: number;
  readonly maxDelayMs?: number;
}

export interface CallOptions {
  /** Asked at each connection: ports change when a worker is started anew. */
  readonly endpoint: () => Promise<WorkerEndpoint>;
  readonly role: WorkerRole;
  readonly key: string;
  /** An abort cancels the job where nobody else wants it, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly reconnect?: ReconnectOptions;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly phase?: string | undefined;
}

export interface RunJobOptions<R> extends CallOptions {
  readonly attempt: number;
  /** The job's kind. */
  readonly job: string;
  readonly payload: Json;
  readonly resultSchema: z.ZodType<R>;
  /** Whose work it is: runs that share a worker take turns, by their priority. */
  readonly run?: string | undefined;
  readonly priority?: Priority | undefined;
  /** Threads of each inference session that computes it. */
  readonly threads?: number | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

export interface JobStatus {
  readonly state: 'unknown' | 'queued' | 'running' | 'done' | 'failed';
  readonly done?: number | undefined;
  readonly total?: number | undefined;
}

type Outcome =
  | { readonly kind: 'done'; readonly result: Json }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

/** Sockets to workers, one per worker. One client per process is enough; an idle one does not keep the process alive. */
export class WorkerClient {
  readonly #logger: Logger;
  readonly #pingIntervalMs: number;
  readonly #handshakeTimeoutMs: number;
  readonly #connections = new Map<string, Promise<WorkerConnection>>();
  readonly #load = new Map<string, number>();

  constructor({ logger = silentLogger, pingIntervalMs = 5000, handshakeTimeoutMs = 5000 }: WorkerClientOptions = {}) {
    this.#logger = logger;
    this.#pingIntervalMs = pingIntervalMs;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  /**
   * The job's result: from its commit where there is one, from the running job where it runs, from a new one otherwise.
   *
   * @throws {ProtocolError} `worker-unreachable` (retryable), `worker-lost` (retryable), `worker-unauthorized`,
   * `worker-mismatch`, `frame-invalid`, `frame-too-large`, `result-invalid`, or the job's own failure with its code
   */
  async runJob<R>(options: RunJobOptions<R>): Promise<R> {
    const { key, attempt, job, payload, resultSchema, onProgress, run, priority, threads } = options;
    const whose = {
      ...(run === undefined ? {} : { run }),
      ...(priority === undefined ? {} : { priority }),
      ...(threads === undefined ? {} : { threads }),
    };
    const frame = checked({ kind: 'submit', key, attempt, job, payload, ...whose });
    const outcome = await this.#call(options, frame, (received) => outcomeOf(received, onProgress));
    if (outcome.kind === 'failed') throw ProtocolError.from(outcome.error);
    const parsed = resultSchema.safeParse(outcome.result);
    if (parsed.success) return parsed.data;
    throw new ProtocolError(
      `Cannot use result of ${key}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}, expected the result of a ${job} job`,
      { code: 'result-invalid', cause: parsed.error },
    );
  }

  /** What the worker knows of a key. Starts nothing. @throws {ProtocolError} as `runJob`, the connection's codes */
  status(options: CallOptions): Promise<JobStatus> {
    const frame = checked({ kind: 'status', key: options.key });
    return this.#call(options, frame, (received) => {
      if (received.kind !== 'status') return undefined;
      const { state, done, total } = received;
      return { state, done, total };
    });
  }

  /**
   * What the worker at an address says of itself, from the open socket where there is one.
   *
   * @throws {ProtocolError} `worker-unauthorized`, `worker-mismatch`; any other error: it does not answer
   */
  async hello(endpoint: WorkerEndpoint, role: WorkerRole): Promise<Hello> {
    return (await this.#connected(endpoint, role)).hello;
  }

  /** How many calls of this client are on their way to, or wait at, the worker of an address. */
  load(url: string): number {
    return this.#load.get(url) ?? 0;
  }

  /** Closes the sockets. Jobs that run go on. */
  async close(): Promise<void> {
    const opening = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of opening) await connection.then((open) => open.close()).catch(() => {});
  }

  async #call<T>(
    { endpoint, role, key, signal, reconnect = {} }: CallOptions,
    frame: Exclude<ClientFrame, { kind: 'cancel' }>,
    answer: (frame: ServerFrame) => T | undefined,
  ): Promise<T> {
    const { maxLosses = 10, firstDelayMs = 20, maxDelayMs = 1000 } = reconnect;
    const patience = new Patience(role, reconnect);
    let delayMs = firstDelayMs;
    for (let losses = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const there = await abortable(endpoint(), signal);
        const leave = this.#occupy(there.url);
        try {
          const connection = await abortable(this.#connected(there, role), signal);
          patience.reset();
          delayMs = firstDelayMs;
          try {
            return await connection.exchange(frame, answer, signal);
          } catch (thrown) {
            if (!(thrown instanceof ConnectionLost)) throw new Settled(thrown);
            if (++losses >= maxLosses) throw new Settled(lost(role, key, losses, thrown));
            this.#logger.debug('Connection lost, trying again', { role, key, reason: thrown.message });
          }
        } finally {
          leave();
        }
      } catch (thrown) {
        if (thrown instanceof Settled) throw thrown.reason;
        signal?.throwIfAborted();
        patience.failed(thrown);
      }
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    }
  }

  /** Counts a call at an address until it leaves. */
  #occupy(url: string): () => void {
    this.#load.set(url, this.load(url) + 1);
    return () => {
      const left = this.load(url) - 1;
      if (left > 0) this.#load.set(url, left);
      else this.#load.delete(url);
    };
  }

  #connected(endpoint: WorkerEndpoint, role: WorkerRole): Promise<WorkerConnection> {
    const name = JSON.stringify([endpoint.url, endpoint.token, role]);
    const known = this.#connections.get(name);
    if (known !== undefined) return known;
    const opening = connect(endpoint, {
      role,
      pingIntervalMs: this.#pingIntervalMs,
      handshakeTimeoutMs: this.#handshakeTimeoutMs,
      logger: this.#logger,
    });
    const forget = () => {
      if (this.#connections.get(name) === opening) this.#connections.delete(name);
    };
    this.#connections.set(name, opening);
    opening.then((connection) => {
      connection.onLost = forget;
      if (!connection.open) forget();
    }, forget);
    return opening;
  }
}

const shared = new WorkerClient();

/** {@link WorkerClient.runJob} on the process's own client. */
export function callWorker<R>(options: RunJobOptions<R>): Promise<R> {
  return shared.runJob(options);
}

/** A failure of the job, not of the way to it. */
class Settled extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('settled');
    this.reason = reason;
  }
}

/** How long a call goes on trying to connect. */
class Patience {
  readonly #role: WorkerRole;
  readonly #unreachableAfterMs: number;
  readonly #refusedAfterMs: number;
  #since = performance.now();
  #refusedSince: number | null = null;

  constructor(role: WorkerRole, { unreachableAfterMs = 30_000, refusedAfterMs = 1000 }: ReconnectOptions) {
    this.#role = role;
    this.#unreachableAfterMs = unreachableAfterMs;
    this.#refusedAfterMs = refusedAfterMs;
  }

  reset(): void {
    this.#since = performance.now();
    this.#refusedSince = null;
  }

  /** Throws where it is at an end. */
  failed(thrown: unknown): void {
    const now = performance.now();
    const isAway = thrown instanceof ProtocolError && thrown.code === 'worker-unreachable';
    if (thrown instanceof ProtocolError && !isAway) {
      this.#refusedSince ??= now;
      if (now - this.#refusedSince >= this.#refusedAfterMs) throw thrown;
    } else {
      this.#refusedSince = null;
    }
    if (now - this.#since < this.#unreachableAfterMs) return;
    if (isAway) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ProtocolError(
      `Cannot reach ${this.#role} worker: ${reason} for ${Math.round((now - this.#since) / 1000)} s, expected it to be running: look into its log, or start it anew`,
      { code: 'worker-unreachable', retryable: true, cause: thrown },
    );
  }
}

function lost(role: WorkerRole, key: string, losses: number, cause: ConnectionLost): ProtocolError {
  return new ProtocolError(
    `Cannot finish job ${key}: its ${role} worker was lost ${losses} times, expected it to stay: look into its log`,
    { code: 'worker-lost', retryable: true, cause },
  );
}

/** Refused here where it would be refused there: the worker would only close the socket. */
function checked<F extends ClientFrame>(frame: F): F {
  const parsed = clientFrameSchema.safeParse(frame);
  if (!parsed.success) {
    const state = z.prettifyError(parsed.error).replaceAll('\n', ' ');
    throw new ProtocolError(
      `Cannot send ${frame.kind} frame: ${state}, expected a key of 1 to 500 characters and JSON`,
      {
        code: 'frame-invalid',
      },
    );
  }
  encodeFrame(frame);
  return frame;
}

function outcomeOf(frame: ServerFrame, onProgress?: (progress: Progress) => void): Outcome | undefined {
  switch (frame.kind) {
    case 'done':
      return { kind: 'done', result: frame.result };
    case 'failed':
      return { kind: 'failed', error: frame.error };
    case 'progress':
      onProgress?.({ done: frame.done, total: frame.total, phase: frame.phase });
      return undefined;
    default:
      return undefined;
  }
}

/** The promise, or the signal's reason. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
