/**
 * The verifier host: a worker that draws puzzles and gives verdicts, each verifier in a sandbox of its own. It keeps nothing but
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
import { openSandbox, type VerifierSandbox } from './sandbox.ts';

export interface VerifierHostOptions {
  readonly store: Store;
  /** The home's shared secret. */
  readonly token: string;
  /** 0, the default, lets the system choose a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Its name in `hello` and in the journal. */
  readonly worker?: string;
  readonly verifiersDir?: string;
  readonly logger?: Logger;
}

export interface VerifierHost {
  readonly url: string;
  readonly port: number;
  /** Aborts the jobs, closes the sockets and ends the sandboxes. */
  close(): Promise<void>;
}

const CHUNK = 1024;
const jobSchema = z.discriminatedUnion('kind', [puzzlesJobSchema, verifyJobSchema]);

/** Listens for `puzzles` and `verify` jobs. Sandboxes are started by the first job that needs them. */
export async function startVerifierHost(options: VerifierHostOptions): Promise<VerifierHost> {
  const { store, token, port = 0, logger = silentLogger, verifiersDir } = options;
  const pool = new SandboxPool(logger, verifiersDir);
  const server = await startWorkerServer({
    ...(options.host === undefined ? {} : { host: options.host }),
    port,
    token,
    worker: options.worker ?? `verifier@${hostname()}/${process.pid}`,
    role: 'verifier',
    capabilities: {
      device: 'cpu',
      executionProvider: 'vm2',
      families: discoverVerifiers({ workspaceDir: verifiersDir }).map(({ id }) => id),
      maxConcurrentJobs: 4,
    },
    store,
    jobSchema,
    run: (job, context) =>
      job.kind === 'puzzles' ? drawPuzzles(job, context, store, pool) : verifyRollouts(job, context, store, pool),
    logger,
  });
  return {
    url: server.url,
    port: server.port,
    async close() {
      await server.close();
      await pool.close();
    },
  };
}

/** Running verifiers by name; one that did not start is tried again by the next that asks. */
class SandboxPool {
  #open = new Map<string, Promise<VerifierSandbox>>();
  #logger: Logger;
  #verifiersDir: string | undefined;

  constructor(logger: Logger, verifiersDir: string | undefined) {
    this.#logger = logger;
    this.#verifiersDir = verifiersDir;
  }

  /**
   * @param script the code that is asked for, by hash; any where it is left out
   * @throws {VerifierHostError} `verifier-changed` where the verifier on disk is not that
   */
  async get(verifier: string, script?: string): Promise<VerifierSandbox> {
    const sandbox = await this.#get(verifier);
    if (script === undefined || sandbox.scriptSha256 === script) return sandbox;
    // The verifier may have been edited since its process was started: look again once.
    this.#open.delete(verifier);
    const [again] = await Promise.all([this.#get(verifier), sandbox.close()]);
    if (again.scriptSha256 === script) return again;
    throw new VerifierHostError(
      `Cannot use verifier "${verifier}": its code is ${again.scriptSha256.slice(0, 12)}, expected ${script.slice(0, 12)} as the run began with; restore it, or start a new run (--run NAME)`,
      { code: 'verifier-changed' },
    );
  }

  #get(verifier: string): Promise<VerifierSandbox> {
    const open = this.#open.get(verifier);
    if (open !== undefined) return open;
    const opening = openSandbox({
      verifier,
      logger: this.#logger,
      ...(this.#verifiersDir === undefined ? {} : { verifiersDir: this.#verifiersDir }),
    });
    this.#open.set(verifier, opening);
    opening.catch(() => this.#open.delete(verifier));
    return opening;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    await Promise.all(opened.map((sandbox) => (sandbox.status === 'fulfilled' ? sandbox.value.close() : undefined)));
    this.#open.clear();
  }
}

async function drawPuzzles(
  { draws }: PuzzlesJob,
  { progress, signal }: JobContext,
  store: Store,
  pool: SandboxPool,
): Promise<JobOutcome> {
  const total = draws.reduce((sum, { count }) => sum + count, 0);
  let done = 0;
  const drawn = await Promise.all(
    draws.map((draw) =>
      drawOne(draw, pool, (count) => {
        signal.throwIfAborted();
        done += count;
        progress(done, total, 'puzzles');
      }),
    ),
  );
  const prompts = await store.put('prompts', encodePrompts(drawn.flat()));
  const result: PuzzlesResult = { prompts, count: total };
  return { result: result as unknown as Json, refs: [prompts] };
}

async function drawOne(draw: PuzzleDraw, pool: SandboxPool, onDrawn: (count: number) => void): Promise<PromptRow[]> {
  const { task, verifier, level, style, split, seed, from, count } = draw;
  const sandbox = await pool.get(verifier, draw.script);
  const rows: PromptRow[] = [];
  for (let start = from; start < from + count; start += CHUNK) {
    const length = Math.min(CHUNK, from + count - start);
    const queries = Array.from({ length }, (_, at) => ({ seed, index: start + at, level, split }));
    for (const [at, { puzzle, prompt }] of (await sandbox.draw(queries, { style })).entries()) {
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
  pool: SandboxPool,
): Promise<JobOutcome> {
  const { byVerifier, total } = await readItems(job, store);
  const verdicts = new Array<VerdictRow>(total);
  const tasks: Record<string, VerdictCounts> = {};
  let done = 0;
  const scoreAll = async (verifier: string, items: readonly Item[]): Promise<void> => {
    const sandbox = await pool.get(verifier, job.scripts?.[verifier]);
    for (let start = 0; start < items.length; start += CHUNK) {
      const chunk = items.slice(start, start + CHUNK);
      const scored = await sandbox.score(chunk);
      signal.throwIfAborted();
      for (const [at, { task, prompt, sample, row }] of chunk.entries()) {
        const verdict = scored[at]!;
        verdicts[row] = { prompt, sample, ...verdictColumns(verdict) };
        tasks[task] = counted(tasks[task], verdict);
      }
      done += chunk.length;
      progress(done, total, 'verdicts');
    }
  };
  await Promise.all([...byVerifier].map(([verifier, items]) => scoreAll(verifier, items)));
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
): VerdictCounts {
  if (verdict.kind !== 'scored') return { ...before, [verdict.kind]: before[verdict.kind] + 1 };
  return {
    ...before,
    scored: before.scored + 1,
    correct: before.correct + Number(verdict.correct),
    formatted: before.formatted + Number(verdict.formatted),
  };
}
