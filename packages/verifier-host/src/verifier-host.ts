/**
 * The verifier host: a worker that draws puzzles and gives verdicts, each verifier in processes of its own. It keeps nothing but
 * warm processes: a job is a function of its payload.
 */
import { hostname } from 'node:os';
import { canonicalJson, type Json, type Logger, silentLogger } from '@evenkeel/core';
import {
  type JobContext,
  type JobOutcome,
  type PuzzleDraw,
  type PuzzlesJob,
  type PuzzlesResult,
  puzzlesJobSchema,
  type StallOptions,
  startWorkerServer,
  type VerdictCounts,
  type VerifyJob,
  type VerifyResult,
  verifyJobSchema,
} from '@evenkeel/protocol';
import {
  decodePrompts,
  decodeRollouts,
  encodePrompts,
  encodeVerdicts,
  type PromptRow,
  type Store,
  type VerdictRow,
} from '@evenkeel/store';
import type { Submission, Verdict } from '@evenkeel/verifier';
import { z } from 'zod';
import { discoverVerifiers } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { inParallel } from './in-parallel.ts';
import type { OpenVerifier } from './open-verifier.ts';
import { RunningVerifiers } from './running-verifiers.ts';
import { usualProcesses } from './verifier-pool.ts';

export interface VerifierHostOptions {
  readonly store: Store;
  /** The home's shared secret. */
  readonly token: string;
  /** 0, the default, lets the system choose a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Its name in `hello` and in the journal. */
  readonly worker?: string;
  /** With what is installed and granted; without one only the workspace's verifiers are seen, and nothing is granted. */
  readonly home?: string;
  /** Default: the checkout's `verifiers/`. */
  readonly workspaceDir?: string;
  /** Most processes of one verifier. Default: one for each core, at most 4. */
  readonly processes?: number;
  readonly logger?: Logger;
  /** See `WorkerServerOptions`, as the next two. */
  readonly session?: string;
  readonly logPath?: string;
  readonly stall?: StallOptions;
}

export interface VerifierHost {
  readonly url: string;
  readonly port: number;
  /** Takes no new job, and resolves when those under way have ended. */
  drain(): Promise<void>;
  /** Aborts the jobs, closes the sockets and ends the sandboxes. */
  close(): Promise<void>;
}

const CHUNK = 1024;
const jobSchema = z.discriminatedUnion('kind', [puzzlesJobSchema, verifyJobSchema]);

/** Listens for `puzzles` and `verify` jobs. Sandboxes are started by the first job that needs them. */
export async function startVerifierHost(options: VerifierHostOptions): Promise<VerifierHost> {
  const { store, token, port = 0, logger = silentLogger, home, workspaceDir } = options;
  const places = { home, workspaceDir };
  const processes = options.processes ?? usualProcesses();
  const verifiers = new RunningVerifiers({ store, logger, places, processes });
  const server = await startWorkerServer({
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.session === undefined ? {} : { session: options.session }),
    ...(options.logPath === undefined ? {} : { logPath: options.logPath }),
    ...(options.stall === undefined ? {} : { stall: options.stall }),
    port,
    token,
    worker: options.worker ?? `verifier@${hostname()}/${process.pid}`,
    role: 'verifier',
    capabilities: {
      device: 'cpu',
      executionProvider: 'vm2',
      families: [...new Set(discoverVerifiers(places).map(({ id }) => id))],
      maxConcurrentJobs: 4,
    },
    store,
    jobSchema,
    run: (job, context) =>
      whileBounded(context, (watched) =>
        job.kind === 'puzzles'
          ? drawPuzzles(job, watched, store, verifiers)
          : verifyRollouts(job, watched, store, verifiers),
      ),
    logger,
  });
  return {
    url: server.url,
    port: server.port,
    drain: () => server.drain(),
    async close() {
      await server.close();
      await verifiers.close();
    },
  };
}

const BEAT_MS = 500;

/**
 * Says over and over that the job goes on. All that it waits for has limits of its own: starting a sandbox, each item, each request to
 * an endpoint. A chunk in which every item runs into its limit takes many minutes, and is no sign of a hung host.
 */
async function whileBounded<T>(context: JobContext, run: (context: JobContext) => Promise<T>): Promise<T> {
  let last: Parameters<JobContext['progress']> = [0, 1, 'open'];
  const beat = setInterval(() => context.progress(...last), BEAT_MS);
  const progress: JobContext['progress'] = (...told) => {
    last = told;
    context.progress(...told);
  };
  try {
    return await run({ ...context, progress });
  } finally {
    clearInterval(beat);
  }
}

async function drawPuzzles(
  { draws }: PuzzlesJob,
  { progress, signal }: JobContext,
  store: Store,
  verifiers: RunningVerifiers,
): Promise<JobOutcome> {
  const total = draws.reduce((sum, { count }) => sum + count, 0);
  let done = 0;
  const drawn = await Promise.all(
    draws.map((draw) =>
      verifiers.use(draw.verifier, draw.script, (open) =>
        drawOne(draw, open, (count) => {
          signal.throwIfAborted();
          done += count;
          progress(done, total, 'puzzles');
        }),
      ),
    ),
  );
  const prompts = await store.put('prompts', encodePrompts(drawn.flat()));
  const result: PuzzlesResult = { prompts, count: total };
  return { result: result as unknown as Json, refs: [prompts] };
}

async function drawOne(draw: PuzzleDraw, open: OpenVerifier, onDrawn: (count: number) => void): Promise<PromptRow[]> {
  const { task, verifier, level, style, split, seed, from, count } = draw;
  const rows: PromptRow[] = [];
  for (let start = from; start < from + count; start += CHUNK) {
    const length = Math.min(CHUNK, from + count - start);
    const queries = Array.from({ length }, (_, at) => ({ seed, index: start + at, level, split }));
    for (const [at, { puzzle, prompt }] of (await open.draw(queries, { style })).entries()) {
      rows.push({
        task,
        verifier,
        level,
        puzzle: puzzle.id,
        index: start + at,
        prompt,
        groundTruth: canonicalJson(puzzle.groundTruth),
      });
    }
    onDrawn(length);
  }
  return rows;
}

interface Item extends Submission {
  readonly task: string;
  /** Row of the prompts table. */
  readonly prompt: number;
  readonly sample: number;
  /** Row of the verdicts table. */
  readonly row: number;
}

async function verifyRollouts(
  job: VerifyJob,
  { progress, signal }: JobContext,
  store: Store,
  verifiers: RunningVerifiers,
): Promise<JobOutcome> {
  const { byVerifier, total } = await readItems(job, store);
  const verdicts = new Array<VerdictRow>(total);
  const tasks: Record<string, VerdictCounts> = {};
  let done = 0;
  const scoreChunk = async (verifier: OpenVerifier, chunk: readonly Item[]): Promise<void> => {
    signal.throwIfAborted();
    const retried = new Set<number>();
    const scored = await verifier.score(chunk, { onRetried: (position) => retried.add(position) });
    for (const [at, { task, prompt, sample, row }] of chunk.entries()) {
      const verdict = scored[at]!;
      verdicts[row] = { prompt, sample, ...verdictColumns(verdict) };
      tasks[task] = counted(tasks[task], verdict, retried.has(at));
    }
    done += chunk.length;
    progress(done, total, 'verdicts');
  };
  await Promise.all(
    [...byVerifier].map(([verifier, items]) =>
      // A chunk ahead, so that no process waits while verdicts are read.
      verifiers.use(verifier, job.scripts?.[verifier], (open) =>
        inParallel(chunksOf(items), 2, (chunk) => scoreChunk(open, chunk)),
      ),
    ),
  );
  const ref = await store.put('verdicts', encodeVerdicts(verdicts));
  const result: VerifyResult = { verdicts: ref, tasks };
  return { result: result as unknown as Json, refs: [ref] };
}

async function readItems(
  { prompts, rollouts }: VerifyJob,
  store: Store,
): Promise<{ byVerifier: ReadonlyMap<string, Item[]>; total: number }> {
  const promptRows = decodePrompts(await store.get(prompts));
  const groundTruths = promptRows.map(({ groundTruth }) => JSON.parse(groundTruth) as Json);
  const byVerifier = new Map<string, Item[]>();
  let total = 0;
  for (const ref of rollouts) {
    for (const { prompt, sample, text } of decodeRollouts(await store.get(ref))) {
      const source = promptRows[prompt];
      if (source === undefined) {
        throw new VerifierHostError(
          `Cannot verify rollouts: ${ref.sha256} names prompt ${prompt}, expected one of the ${promptRows.length} of its prompts table`,
          { code: 'verify-input' },
        );
      }
      const items = byVerifier.get(source.verifier) ?? [];
      byVerifier.set(source.verifier, items);
      const { task } = source;
      items.push({ task, prompt, sample, row: total++, groundTruth: groundTruths[prompt]!, completion: text });
    }
  }
  return { byVerifier, total };
}

function chunksOf<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, at) => items.slice(at * CHUNK, (at + 1) * CHUNK));
}

function verdictColumns(verdict: Verdict): Omit<VerdictRow, 'prompt' | 'sample'> {
  const none = { reward: null, correct: false, formatted: false, answer: null, components: null };
  switch (verdict.kind) {
    case 'scored': {
      const { kind, reward, correct, formatted, answer, reason } = verdict;
      const components = verdict.components === undefined ? null : componentsText(verdict.components);
      return { kind, reward, correct, formatted, answer, reason, components };
    }
    case 'abstained':
      return { kind: 'abstained', ...none, reason: verdict.reason };
    case 'failed':
      return { kind: 'failed', ...none, reason: verdict.error.code };
  }
}

/** Canonical JSON; it knows no −0, a verifier may. */
function componentsText(components: Readonly<Record<string, number>>): string {
  return canonicalJson(Object.fromEntries(Object.entries(components).map(([name, value]) => [name, value + 0])));
}

function counted(
  before: VerdictCounts = { scored: 0, correct: 0, formatted: 0, abstained: 0, failed: 0 },
  verdict: Verdict,
  retried: boolean,
): VerdictCounts {
  switch (verdict.kind) {
    case 'scored':
      return {
        ...before,
        scored: before.scored + 1,
        correct: before.correct + Number(verdict.correct),
        formatted: before.formatted + Number(verdict.formatted),
        ...(retried ? { retried: (before.retried ?? 0) + 1 } : {}),
      };
    case 'abstained':
      return { ...before, abstained: before.abstained + 1 };
    case 'failed': {
      const { code } = verdict.error;
      const failures = { ...before.failures, [code]: (before.failures?.[code] ?? 0) + 1 };
      return { ...before, failed: before.failed + 1, failures };
    }
  }
}
