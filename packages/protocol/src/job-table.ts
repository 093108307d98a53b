/**
 * The jobs of one worker, by key: found where committed, joined where running, queued otherwise, committed before anybody
 * is told. It does not know sockets: whoever listens is a function that takes frames.
 *
 * Invariants: a key is at most once among the jobs; `done` is told only of what the store holds; a listener that goes away
 * stops nothing.
 */
import { type ArtefactRef, errorRecord, type Json, type Logger } from '@evenkeel/core';
import { z } from 'zod';
import { ProtocolError } from './errors.ts';
import { faultPoint } from './fault-point.ts';
import { type ClientFrame, encodeFrame, type ServerFrame } from './frames.ts';
import { JobQueue } from './job-queue.ts';
import { lookIntervalMs, Silence } from './silence.ts';
import { SoloGate } from './solo-gate.ts';

/** What a worker needs of the store; `packages/store` fulfils it. */
export interface JobStore {
  lookup(key: string): Promise<{ readonly result: Json } | null>;
  commit(
    key: string,
    outcome: { readonly result: Json; readonly refs: readonly ArtefactRef[]; readonly attempt: number },
  ): Promise<{ readonly result: Json }>;
  journal(event: {
    readonly key: string;
    readonly kind: 'started' | 'committed' | 'found';
    readonly worker: string;
    readonly pid: number;
    readonly at?: number;
  }): Promise<void>;
  /** Counts the processes that died while they worked on a key; all three are left out where nothing is to be counted. */
  earlierAttempts?(key: string, session: string): EarlierAttempts;
  beginAttempt?(key: string, attempt: { worker: string; pid: number; session: string }): EarlierAttempts;
  endAttempt?(key: string): void;
}

interface EarlierAttempts {
  readonly deaths: number;
  readonly last: { readonly worker: string; readonly pid: number } | null;
}

/** A job that shows no progress. */
export interface StalledJob {
  readonly key: string;
  /** The job's kind. */
  readonly job: string;
  /** What it said last; null where it has not said anything. */
  readonly progress: { readonly done: number; readonly total: number; readonly phase?: string } | null;
  readonly silentMs: number;
}

/** What to do about jobs that hang. */
export interface StallOptions {
  readonly afterMs: number;
  /** Called with each job that has shown no progress for so long. A thread that hangs cannot be ended: the process has to go. */
  readonly onStalled: (job: StalledJob) => void;
}

/** What a job is told besides its payload. */
export interface JobContext {
  readonly key: string;
  /** The attempt that started it. A result must not depend on it. */
  readonly attempt: number;
  /** Threads of each inference session, where who asks has said so. */
  readonly threads?: number | undefined;
  /** Aborted where nobody wants the result any longer, or the worker stops. */
  readonly signal: AbortSignal;
  progress(done: number, total: number, phase?: string): void;
}

/** A job's outcome: the small result, and every artefact that it names. */
export interface JobOutcome {
  readonly result: Json;
  readonly refs: readonly ArtefactRef[];
}

export interface JobTableOptions<J extends { readonly kind: string }> {
  /** The worker's name, as the journal has it. */
  readonly worker: string;
  readonly maxConcurrentJobs: number;
  readonly store: JobStore;
  readonly jobSchema: z.ZodType<J>;
  readonly run: (job: J, context: JobContext) => Promise<JobOutcome>;
  readonly logger: Logger;
  /** The life of what keeps this process alive: a death is held against a job only where this outlived it. Default: always. */
  readonly session?: string;
  /** Where this process's log lies, for messages. */
  readonly logPath?: string;
  /** Left out: nothing is watched. */
  readonly stall?: StallOptions;
}

export type Listener = (frame: ServerFrame) => void;

type Submit = Extract<ClientFrame, { kind: 'submit' }>;

interface Entry<J> {
  readonly key: string;
  readonly attempt: number;
  readonly job: J;
  /** As `JobContext` has it. */
  readonly threads: number | undefined;
  readonly run: string;
  readonly listeners: Set<Listener>;
  readonly controller: AbortController;
  state: 'queued' | 'running';
  /** It waits in the queue. */
  isWaiting: boolean;
  /** Since it works. */
  silence: Silence | null;
  progress: { readonly done: number; readonly total: number; readonly phase?: string } | null;
  toldAt: number;
}

/** Progress more often than this is kept for `status`, but not sent. */
const PROGRESS_INTERVAL_MS = 50;
/** Who waits behind the jobs of others is told so often that these go on: to wait for one's turn is not to be stuck. */
const WAITING_INTERVAL_MS = 1_000;
/** So many processes must have died of a job before it is set aside: kills from outside hardly ever meet one job so often. */
const POISONED_AFTER = 5;
/** A job that so many died of runs alone, so that no other is held to account for the next death. */
const ALONE_AFTER = 2;
/** Failed keys that `status` still tells of. */
const REMEMBERED_FAILURES = 100;

export class JobTable<J extends { readonly kind: string }> {
  readonly #options: JobTableOptions<J>;
  readonly #entries = new Map<string, Entry<J>>();
  readonly #failed = new Set<string>();
  readonly #running = new Map<Entry<J>, Promise<void>>();
  readonly #queue = new JobQueue<Entry<J>>();
  readonly #gate = new SoloGate();
  readonly #looks: NodeJS.Timeout | undefined;
  #draining = false;
  #closed = false;

  constructor(options: JobTableOptions<J>) {
    this.#options = options;
    const { stall } = options;
    if (stall === undefined) return;
    this.#looks = setInterval(() => this.#look(stall), lookIntervalMs(stall.afterMs)).unref();
  }

  /** Starts the job, or joins it where its key is known. */
  async submit(frame: Submit, listener: Listener): Promise<void> {
    const { key, attempt } = frame;
    if (this.#closed || this.#join(key, listener)) return;
    const job = this.#parse(frame);
    if (job instanceof ProtocolError) {
      listener({ kind: 'failed', key, error: errorRecord(job) });
      return;
    }
    const controller = new AbortController();
    const listeners = new Set([listener]);
    const entry: Entry<J> = {
      ...{ key, attempt, job, listeners, controller, state: 'queued', progress: null, toldAt: 0 },
      ...{ run: frame.run ?? key.split('/')[0] ?? '', threads: frame.threads, isWaiting: false, silence: null },
    };
    this.#entries.set(key, entry);
    this.#failed.delete(key);
    try {
      const found = await this.#find(key);
      if (found !== null) {
        this.#tell(entry, { kind: 'accepted', key, state: 'done' });
        this.#finish(entry, { kind: 'done', key, result: found.result });
        return;
      }
    } catch (thrown) {
      this.#fail(entry, thrown);
      return;
    }
    if (controller.signal.aborted || this.#closed) return;
    if (this.#draining) {
      this.#finish(entry, { kind: 'failed', key, error: errorRecord(draining(key)) });
      return;
    }
    entry.isWaiting = true;
    // Work of no run (a tool's, a test's) takes its turn as one run.
    this.#queue.push(entry, { run: frame.run ?? '', priority: frame.priority });
    this.#pump();
    this.#tell(entry, { kind: 'accepted', key, state: entry.state });
  }

  /** Joins a key that is known; starts nothing. */
  async attach(key: string, listener: Listener): Promise<void> {
    if (this.#join(key, listener)) return;
    const found = await this.#find(key);
    if (found === null) {
      listener({ kind: 'status', key, state: this.#failed.has(key) ? 'failed' : 'unknown' });
      return;
    }
    listener({ kind: 'accepted', key, state: 'done' });
    listener({ kind: 'done', key, result: found.result });
  }

  async status(key: string, listener: Listener): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      const { done, total } = entry.progress ?? {};
      const amount = done === undefined || total === undefined ? {} : { done, total };
      listener({ kind: 'status', key, state: entry.state, ...amount });
      return;
    }
    const committed = (await this.#options.store.lookup(key)) !== null;
    listener({ kind: 'status', key, state: committed ? 'done' : this.#failed.has(key) ? 'failed' : 'unknown' });
  }

  /** Takes back this listener's wish; the job stops where no other listener has it. */
  cancel(key: string, listener: Listener): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      listener({ kind: 'status', key, state: 'unknown' });
      return;
    }
    entry.listeners.delete(listener);
    if (entry.listeners.size === 0) {
      const error = new ProtocolError(
        `Cannot finish job ${key}: it was cancelled, expected somebody to want its result`,
        {
          code: 'job-cancelled',
          retryable: true,
        },
      );
      // Out of the table at once: a new submit must not join a job that is being stopped.
      this.#entries.delete(key);
      this.#queue.remove(entry);
      entry.controller.abort(error);
    }
    // Not `failed`: on its way it would meet, and end, a new submit of the same key.
    listener({ kind: 'status', key, state: this.#entries.get(key)?.state ?? 'unknown' });
  }

  /** Forgets a listener whose socket is gone. Its jobs go on. */
  detach(listener: Listener): void {
    for (const entry of this.#entries.values()) entry.listeners.delete(listener);
  }

  /** Begins nothing more, sends away what waits, and resolves when what is under way has ended. Commits are still found. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#queue.clear();
    for (const entry of [...this.#entries.values()]) {
      if (!entry.isWaiting) continue;
      this.#finish(entry, { kind: 'failed', key: entry.key, error: errorRecord(draining(entry.key)) });
    }
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Stops everything, tells nobody: whoever waits comes back to the next process. Waits for running jobs to see it. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    for (const entry of this.#entries.values()) entry.listeners.clear();
    for (const entry of this.#running.keys()) entry.controller.abort(new Error('The worker stops'));
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#running.values()), grace]);
    clearTimeout(timer);
    clearInterval(this.#looks);
    // Those that did not see their signal die with the process, by its own will.
    for (const { key } of this.#running.keys()) this.#options.store.endAttempt?.(key);
  }

  /** Finds jobs that hang, and lets those know who wait for one that has not begun that its worker lives. */
  #look({ onStalled }: StallOptions): void {
    // A job that was cancelled is no longer among the entries, but may still have the thread.
    for (const entry of new Set([...this.#entries.values(), ...this.#running.keys()])) {
      const { key, job, progress, silence, state } = entry;
      if (silence === null) {
        this.#tell(entry, {
          kind: 'progress',
          key,
          done: 0,
          total: 0,
          phase: state === 'queued' ? 'queued' : 'waiting',
        });
      } else if (silence.look()) {
        silence.heard();
        onStalled({ key, job: job.kind, progress, silentMs: silence.boundMs });
      }
    }
  }

  #join(key: string, listener: Listener): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    entry.listeners.add(listener);
    listener({ kind: 'accepted', key, state: entry.state });
    if (entry.progress !== null) listener({ kind: 'progress', key, ...entry.progress });
    return true;
  }

  #parse(frame: Submit): J | ProtocolError {
    const parsed = this.#options.jobSchema.safeParse(frame.payload);
    if (parsed.success && parsed.data.kind === frame.job) return parsed.data;
    const state = parsed.success
      ? `its payload is of kind ${parsed.data.kind}`
      : z.prettifyError(parsed.error).replaceAll('\n', ' ');
    return new ProtocolError(
      `Cannot do job ${frame.key}: ${state}, expected a ${frame.job} job that this worker does`,
      {
        code: 'job-invalid',
      },
    );
  }

  async #find(key: string): Promise<{ readonly result: Json } | null> {
    const found = await this.#options.store.lookup(key);
    if (found !== null) await this.#journal(key, 'found');
    return found;
  }

  #pump(): void {
    while (!this.#closed && this.#running.size < this.#options.maxConcurrentJobs) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      entry.state = 'running';
      entry.isWaiting = false;
      const startedAt = performance.now();
      const running = this.#execute(entry).finally(() => {
        this.#running.delete(entry);
        this.#queue.charge(entry, performance.now() - startedAt);
        this.#pump();
        this.#tellWaiting(performance.now());
      });
      this.#running.set(entry, running);
    }
  }

  /** Never rejects. */
  async #execute(entry: Entry<J>): Promise<void> {
    const { key, controller } = entry;
    let leave = () => {};
    try {
      leave = await this.#gate.enter(this.#deathsOf(entry) >= ALONE_AFTER, controller.signal);
      // Looked up again: another process may have committed it while it waited here.
      const askedAt = Date.now();
      const { result } = (await this.#find(key)) ?? (await this.#work(entry, askedAt));
      this.#finish(entry, { kind: 'done', key, result });
      faultPoint('worker/after-reply', key);
    } catch (thrown) {
      this.#fail(entry, controller.signal.aborted ? controller.signal.reason : thrown);
    } finally {
      leave();
    }
  }

  async #work(entry: Entry<J>, askedAt: number): Promise<{ readonly result: Json }> {
    const { controller, key } = entry;
    const { store, stall, worker, session = '' } = this.#options;
    controller.signal.throwIfAborted();
    store.beginAttempt?.(key, { worker, pid: process.pid, session });
    if (stall !== undefined) entry.silence = new Silence(stall.afterMs);
    try {
      return await this.#runAndCommit(entry, askedAt);
    } finally {
      entry.silence = null;
      store.endAttempt?.(key);
    }
  }

  async #runAndCommit(entry: Entry<J>, askedAt: number): Promise<{ readonly result: Json }> {
    const { key, attempt, job, controller } = entry;
    const { store, run, logger } = this.#options;
    await this.#journal(key, 'started', askedAt);
    faultPoint('worker/before-run', key);
    logger.debug('Job started', { key, attempt, job: job.kind });
    const progress = (done: number, total: number, phase?: string) => this.#progress(entry, done, total, phase);
    const { result, refs } = await run(job, {
      key,
      attempt,
      threads: entry.threads,
      signal: controller.signal,
      progress,
    });
    entry.silence?.heard();
    // A result that cannot be sent must not be committed: it would fail for ever.
    encodeFrame({ kind: 'done', key, result });
    faultPoint('worker/before-commit', key);
    const commit = await store.commit(key, { result, refs, attempt });
    faultPoint('worker/after-commit', key);
    await this.#journal(key, 'committed');
    logger.debug('Job committed', { key, attempt, job: job.kind });
    return commit;
  }

  /**
   * How many processes died of the job, one after the other.
   *
   * @throws {ProtocolError} `job-poisoned`, with which the count is taken back: whoever asks again means it
   */
  #deathsOf({ key, run }: Entry<J>): number {
    const { store, logPath, session = '' } = this.#options;
    const { deaths, last } = store.earlierAttempts?.(key, session) ?? { deaths: 0, last: null };
    if (deaths < POISONED_AFTER) return deaths;
    store.endAttempt?.(key);
    const where = logPath === undefined ? 'in the log of that worker' : `at the end of ${logPath}`;
    throw new ProtocolError(
      `Cannot finish job ${key}: ${deaths} processes of worker "${last?.worker}" died one after the other while they worked on it, expected one to live: see ${where} what ended them, mend it, then try it again: evenkeel resume ${run}`,
      { code: 'job-poisoned' },
    );
  }

  #journal(key: string, kind: 'started' | 'committed' | 'found', at?: number): Promise<void> {
    const { store, worker } = this.#options;
    return store.journal({ key, kind, worker, pid: process.pid, ...(at === undefined ? {} : { at }) });
  }

  #progress(entry: Entry<J>, done: number, total: number, phase?: string): void {
    faultPoint('worker/in-the-middle', entry.key);
    entry.silence?.heard();
    entry.progress = { done, total, ...(phase === undefined ? {} : { phase }) };
    const now = performance.now();
    this.#tellWaiting(now);
    if (now - entry.toldAt < PROGRESS_INTERVAL_MS && done < total) return;
    entry.toldAt = now;
    this.#tell(entry, { kind: 'progress', key: entry.key, ...entry.progress });
  }

  #tellWaiting(now: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'queued' || now - entry.toldAt < WAITING_INTERVAL_MS) continue;
      entry.toldAt = now;
      this.#tell(entry, { kind: 'progress', key: entry.key, done: 0, total: 1, phase: 'waiting' });
    }
  }

  #fail(entry: Entry<J>, thrown: unknown): void {
    const error = errorRecord(thrown);
    if (!entry.controller.signal.aborted) {
      this.#options.logger.warn('Job failed', { key: entry.key, ...error });
      this.#failed.add(entry.key);
      const [oldest] = this.#failed;
      if (this.#failed.size > REMEMBERED_FAILURES && oldest !== undefined) this.#failed.delete(oldest);
    }
    this.#finish(entry, { kind: 'failed', key: entry.key, error });
  }

  /** Forgets the job, then tells: a retry that comes at once starts anew. */
  #finish(entry: Entry<J>, frame: ServerFrame): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    this.#tell(entry, frame);
  }

  #tell(entry: Entry<J>, frame: ServerFrame): void {
    for (const listener of entry.listeners) listener(frame);
  }
}

function draining(key: string): ProtocolError {
  return new ProtocolError(
    `Cannot begin job ${key}: this worker was told to end and takes no more work, expected another one, or its successor`,
    { code: 'worker-draining', retryable: true },
  );
}
