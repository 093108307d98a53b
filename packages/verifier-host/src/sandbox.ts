/**
 * A verifier behind glass: what `TaskVerifier` answers, asked of a process of its own that may hang, crash or lie. It knows no
 * sockets and no store.
 *
 * Invariants: one answer per item, in order; an item gets `failed` only for what it did when it ran alone; a process that died is
 * started again with the next item; nothing unchecked comes out.
 */
import { canonicalJson, type Logger, silentLogger } from '@evenkeel/core';
import type {
  PromptStyle,
  Puzzle,
  PuzzleQuery,
  Submission,
  Verdict,
  VerifierFailure,
  VerifierManifest,
} from '@evenkeel/verifier';
import type { z } from 'zod';
import { bundleSandboxProgram, bundleVerifier, type VerifierScript } from './bundle.ts';
import { drawnSchema, explainIssue, manifestSchema, verdictSchema, verifierFailureSchema } from './contract-schemas.ts';
import { findVerifier } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { maxFrameBytes } from './frame.ts';
import { type BatchOutcome, type Death, type SandboxLink, startLink } from './sandbox-link.ts';
import type { Isolation, SandboxMethod } from './sandbox-messages.ts';

export interface SandboxOptions {
  /** Name, or path of a package folder; see `findVerifier`. */
  readonly verifier: string;
  readonly verifiersDir?: string;
  readonly logger?: Logger;
  /** After how long without an answer the watchdog kills what is computing, see `LinkOptions`. */
  readonly stallMs?: number;
  /**
   * For tests alone, never from a configuration, a command line or a manifest: `none` leaves out vm2, which shows what the process
   * holds by itself.
   */
  readonly isolation?: Isolation;
}

export interface DrawOptions {
  readonly style: PromptStyle;
  /** Variant of a gold answer to be drawn too. */
  readonly gold?: number;
  /** Variant of a decoy to be drawn too. */
  readonly decoy?: number;
}

export interface DrawnPuzzle {
  readonly puzzle: Puzzle;
  readonly prompt: string;
  readonly gold?: string;
  readonly decoy?: string;
}

const BATCH_ITEMS = 512;
const BATCH_CHARS = 1_000_000;
/** Batches under way at once: one is being answered while the next is being written. */
const WINDOW = 2;
const LONGEST_COMPLETION_CHARS = 10_000_000;
const VERDICT_CHARS = 8_000;
const DRAWN_CHARS = 1_000_000;
const START_ATTEMPTS = 3;
const FIRST_MEMORY_MB = 64;

/** Memory limits by script, known once a manifest was read: the process that runs a script must be started with it. */
const memoryOfScript = new Map<string, number>();

/**
 * Bundles a verifier, starts its process and reads its manifest.
 *
 * @throws {VerifierHostError} if it is not there, does not bundle or load, has no valid manifest, or asks for permissions
 */
export async function openSandbox(options: SandboxOptions): Promise<VerifierSandbox> {
  const found = findVerifier(options.verifier, { workspaceDir: options.verifiersDir });
  const [script, program] = await Promise.all([bundleVerifier(found), bundleSandboxProgram()]);
  const start = (timeMs: number, memoryMb: number) =>
    startLink({
      program,
      script: script.text,
      timeMs,
      memoryMb,
      stallMs: options.stallMs,
      isolation: options.isolation,
    });
  const supposedMb = memoryOfScript.get(script.sha256) ?? FIRST_MEMORY_MB;
  // The limits are in the manifest, and the manifest in the script: the first process only reads it where they are not the usual.
  const first = await startSurely(found.id, () => start(1000, supposedMb));
  const manifest = await checkManifest(found.id, first);
  const { timeMs, memoryMb } = manifest.limits;
  memoryOfScript.set(script.sha256, memoryMb);
  const fits = timeMs === 1000 && memoryMb === supposedMb;
  if (!fits) await first.close();
  return new VerifierSandbox({
    manifest,
    script,
    logger: options.logger ?? silentLogger,
    link: fits ? first : null,
    start: () => start(timeMs, memoryMb),
  });
}

async function checkManifest(id: string, link: SandboxLink): Promise<VerifierManifest> {
  const refuse = async (code: string, problem: string): Promise<never> => {
    await link.close();
    throw new VerifierHostError(`Cannot open verifier "${id}": ${problem}`, { code });
  };
  const answer = readAnswer(link.manifestLine, manifestSchema);
  if (link.manifestLine[0] === '!' && answer.kind === 'failed') {
    return refuse(
      'verifier-start',
      `its module did not load (${answer.error.message}), expected one that runs without a platform`,
    );
  }
  if (answer.kind === 'failed') {
    return refuse(
      'verifier-manifest',
      `its manifest is not valid (${answer.error.message}), expected the contract's fields`,
    );
  }
  const manifest = answer.value as VerifierManifest;
  if (manifest.id !== id) {
    return refuse('verifier-manifest', `its manifest has the id "${manifest.id}", expected the package's name`);
  }
  const wanted = Object.entries(manifest.permissions).filter(([, grants]) => grants.length > 0);
  if (wanted.length > 0) {
    const names = wanted.map(([name, grants]) => `${name} (${grants.join(', ')})`).join(', ');
    return refuse('verifier-permission', `it asks for ${names}, expected none: nothing is granted`);
  }
  return manifest;
}

/** A process that died before it was ready is started again: whoever killed it was not the verifier, or will do it again. */
async function startSurely(id: string, start: () => Promise<SandboxLink | Death>): Promise<SandboxLink> {
  for (let attempt = 1; ; attempt++) {
    const started = await start();
    if (!('code' in started)) return started;
    if (attempt < START_ATTEMPTS) continue;
    throw new VerifierHostError(
      `Cannot start verifier "${id}": ${started.message}, expected its module to load in the sandbox`,
      { code: 'verifier-start', retryable: true },
    );
  }
}

type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: VerifierFailure };

/** A line of a sandbox, checked. */
function readAnswer<T>(line: string, schema: z.ZodType<T>): Answer<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.slice(1));
  } catch {
    return contractBroken('found no JSON value');
  }
  if (line[0] === '!') {
    const failure = verifierFailureSchema.safeParse(parsed);
    return failure.success ? { kind: 'failed', error: failure.data } : contractBroken('found no failure record');
  }
  const checked = schema.safeParse(parsed);
  return checked.success ? { kind: 'value', value: checked.data } : contractBroken(explainIssue(checked.error));
}

function contractBroken(message: string): Answer<never> {
  return { kind: 'failed', error: { code: 'contract', message } };
}

const tooLong: Verdict = {
  kind: 'failed',
  error: {
    code: 'memory',
    message: `the completion is too long, expected at most ${LONGEST_COMPLETION_CHARS} characters`,
  },
};

interface SandboxParts {
  readonly manifest: VerifierManifest;
  readonly script: VerifierScript;
  readonly logger: Logger;
  readonly link: SandboxLink | null;
  readonly start: () => Promise<SandboxLink | Death>;
}

/**
 * A running verifier.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const sandbox = await openSandbox({ verifier: 'countdown' });
 * const [verdict] = await sandbox.score([{ groundTruth: { target: 6, numbers: [2, 4] }, completion: '\\boxed{2+4}' }]);
 * equal(verdict.kind === 'scored' && verdict.reward, 1);
 * await sandbox.close();
 * ```
 */
export class VerifierSandbox {
  readonly manifest: VerifierManifest;
  /** Of the code that runs: the verifier's version by content. */
  readonly scriptSha256: string;
  #logger: Logger;
  #link: SandboxLink | null;
  #start: () => Promise<SandboxLink | Death>;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor({ manifest, script, logger, link, start }: SandboxParts) {
    this.manifest = manifest;
    this.scriptSha256 = script.sha256;
    this.#logger = logger;
    this.#link = link;
    this.#start = start;
  }

  /** The process, for those who watch it; undefined while none is running. */
  get pid(): number | undefined {
    return this.#link?.alive ? this.#link.pid : undefined;
  }

  /**
   * One verdict per submission, in order.
   *
   * @throws {VerifierHostError} `verifier-start` (retryable) if the process cannot be kept running at all
   */
  async score(submissions: readonly Submission[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = new Array(submissions.length).fill(tooLong);
    const payloads: string[] = [];
    const positions: number[] = [];
    for (const [position, { groundTruth, completion }] of submissions.entries()) {
      if (completion.length > LONGEST_COMPLETION_CHARS) continue;
      const payload = JSON.stringify({ groundTruth, completion });
      if (payload.length * 3 > maxFrameBytes && Buffer.byteLength(payload) > maxFrameBytes - 1024) continue;
      payloads.push(payload);
      positions.push(position);
    }
    let answered = 0;
    await this.#ask('score', payloads, VERDICT_CHARS, (line) => {
      const answer = readAnswer(line, verdictSchema);
      verdicts[positions[answered++]!] = answer.kind === 'value' ? answer.value : answer;
    });
    return verdicts;
  }

  /**
   * Puzzles with their prompts, in the order of the queries.
   *
   * @throws {VerifierHostError} `level-unknown`, or `verifier-draw` where a puzzle fails: there is no other in its place
   */
  async draw(queries: readonly PuzzleQuery[], { style, gold, decoy }: DrawOptions): Promise<DrawnPuzzle[]> {
    for (const { level } of queries) {
      if (this.manifest.levels.includes(level)) continue;
      throw new VerifierHostError(
        `Cannot draw puzzles: "${this.manifest.id}" has no level "${level}", expected one of: ${this.manifest.levels.join(', ')}`,
        { code: 'level-unknown' },
      );
    }
    const payloads = queries.map((query) => JSON.stringify({ query, style, gold, decoy }));
    const drawn: DrawnPuzzle[] = [];
    await this.#ask('draw', payloads, DRAWN_CHARS, (line) => {
      const answer = readAnswer(line, drawnSchema);
      if (answer.kind === 'value') {
        drawn.push(answer.value as DrawnPuzzle);
        return;
      }
      const query = canonicalJson(queries[drawn.length]);
      throw new VerifierHostError(
        `Cannot draw puzzles: "${this.manifest.id}" failed on ${query} (${answer.error.code}: ${answer.error.message}), expected a puzzle`,
        { code: 'verifier-draw', retryable: answer.error.code === 'timeout' },
      );
    });
    return drawn;
  }

  /** Ends the process, after what was asked before. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#exclusively(async () => {
      await this.#link?.close();
      this.#link = null;
    });
  }

  /** One call at a time: a death must have one suspect. */
  #exclusively<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #ask(
    method: SandboxMethod,
    payloads: readonly string[],
    maxChars: number,
    accept: (line: string) => void,
  ): Promise<void> {
    return this.#exclusively(async () => {
      for (let next = 0; next < payloads.length; ) {
        const { answered, suspects } = await this.#stream(method, payloads, next, maxChars, accept);
        next += answered;
        if (suspects > 0) next = await this.#interrogate(method, payloads, next, next + suspects, maxChars, accept);
      }
    });
  }

  /** Batch after batch, until the end or a death: then those that were sent and not answered are suspects. */
  async #stream(
    method: SandboxMethod,
    payloads: readonly string[],
    start: number,
    maxChars: number,
    accept: (line: string) => void,
  ): Promise<{ answered: number; suspects: number }> {
    const link = await this.#living();
    const underWay: { readonly outcome: Promise<BatchOutcome>; readonly count: number }[] = [];
    let sent = start;
    let answered = 0;
    while (sent < payloads.length || underWay.length > 0) {
      while (sent < payloads.length && underWay.length < WINDOW) {
        const batch = nextBatch(payloads, sent);
        underWay.push({ outcome: link.run(method, batch, { maxChars }), count: batch.length });
        sent += batch.length;
      }
      const { outcome } = underWay.shift()!;
      const { answers, death } = await outcome;
      for (const line of answers) accept(line);
      answered += answers.length;
      if (death !== null) {
        this.#logger.warn('Verifier process died: its items are asked again one by one', {
          verifier: this.manifest.id,
          code: death.code,
          message: death.message,
        });
        return { answered, suspects: sent - start - answered };
      }
    }
    return { answered, suspects: 0 };
  }

  /** One at a time until one kills, or all are cleared. Returns the first that was not asked. */
  async #interrogate(
    method: SandboxMethod,
    payloads: readonly string[],
    from: number,
    to: number,
    maxChars: number,
    accept: (line: string) => void,
  ): Promise<number> {
    for (let at = from; at < to; at++) {
      let death: Death | null = null;
      // A death without a known reason (somebody else's signal, say) is believed the second time.
      for (let attempt = 0; attempt < 2; attempt++) {
        const link = await this.#living();
        const outcome = await link.run(method, nextBatch(payloads, at, 1), { maxChars, single: true });
        death = outcome.death;
        if (death === null) accept(outcome.answers[0]!);
        if (death === null || death.found) break;
      }
      if (death === null) continue;
      accept(`!${JSON.stringify({ code: death.code, message: death.message })}`);
      return at + 1;
    }
    return to;
  }

  /** The process that is running, or a new one. */
  async #living(): Promise<SandboxLink> {
    if (this.#closed && this.#link === null) {
      throw new VerifierHostError(
        `Cannot ask verifier "${this.manifest.id}": its sandbox is closed, expected an open one`,
        {
          code: 'verifier-closed',
        },
      );
    }
    if (this.#link?.alive) return this.#link;
    await this.#link?.gone;
    this.#link = null;
    this.#link = await startSurely(this.manifest.id, this.#start);
    return this.#link;
  }
}

/** What goes into one frame: so many items, so many characters, at least one item. */
function nextBatch(payloads: readonly string[], from: number, items = BATCH_ITEMS): string[] {
  const batch: string[] = [];
  let chars = 0;
  for (let at = from; at < payloads.length && batch.length < items; at++) {
    const payload = payloads[at]!;
    chars += payload.length;
    if (batch.length > 0 && chars > BATCH_CHARS) break;
    batch.push(payload);
  }
  return batch;
}
