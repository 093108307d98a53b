/**
 * A verifier behind glass: what `TaskVerifier` answers, asked of processes of its own that may hang, crash or lie. It knows no
 * sockets and no store, and believes what it is told the first time; see `open-verifier.ts` for second looks.
 *
 * Invariants: one answer per item, in order; an item gets `failed` only for what it did when it ran alone; nothing unchecked comes
 * out.
 */
import { canonicalJson, type Logger, silentLogger } from '@evenkeel/core';
import type { PromptStyle, Puzzle, PuzzleQuery, Submission, Verdict, VerifierManifest } from '@evenkeel/verifier';
import type { z } from 'zod';
import { failureLine, readAnswer } from './answers.ts';
import { performRequest } from './context-fetch.ts';
import { drawnSchema, verdictSchemaOf } from './contract-schemas.ts';
import { findVerifier, type VerifierPlaces } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { maxFrameBytes } from './frame.ts';
import { inParallel } from './in-parallel.ts';
import { type LoadedVerifier, type LoadOptions, loadVerifier, type VerifierIdentity } from './load-verifier.ts';
import type { SandboxMethod } from './sandbox-messages.ts';
import { type PoolAnswers, VerifierPool } from './verifier-pool.ts';
import type { Answered } from './vm-driver.ts';

export interface SandboxOptions extends LoadOptions {
  /** A verifier reference, see `findVerifier`. */
  readonly verifier: string;
  readonly places?: VerifierPlaces | undefined;
  /** Most processes at once; default 1. */
  readonly processes?: number | undefined;
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

const LONGEST_COMPLETION_CHARS = 10_000_000;
const VERDICT_CHARS = 8_000;
const DRAWN_CHARS = 1_000_000;
/** A request may carry a text of its own. */
const REQUEST_CHARS = 1_200_000;
/** Requests of verifiers that are under way at once. */
const REQUESTS = 8;

/**
 * Bundles a verifier, starts its process and reads its manifest.
 *
 * @throws {VerifierHostError} if it is not there, does not bundle or load, has no valid manifest, or asks for more than was granted
 */
export async function openSandbox(options: SandboxOptions): Promise<VerifierSandbox> {
  const found = findVerifier(options.verifier, options.places);
  return new VerifierSandbox(await loadVerifier({ kind: 'package', package: found }, options), options);
}

const tooLong: Extract<Verdict, { kind: 'failed' }> = {
  kind: 'failed',
  error: {
    code: 'memory',
    message: `the completion is too long, expected at most ${LONGEST_COMPLETION_CHARS} characters`,
  },
};

/** An item's answer before anybody believes it. */
export interface Testimony {
  readonly line: string;
  readonly verdict: Verdict;
  /** Two processes died of it. */
  readonly proven: boolean;
  /** What was asked, to ask it again; null where it was not asked at all. */
  readonly item: string | null;
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
  readonly identity: VerifierIdentity;
  readonly #pool: VerifierPool;
  readonly #origins: readonly string[];
  readonly #schema: z.ZodType<Verdict>;

  constructor(
    { manifest, identity, origins, link, start }: LoadedVerifier,
    {
      processes = 1,
      logger = silentLogger,
    }: { readonly processes?: number | undefined; readonly logger?: Logger | undefined },
  ) {
    this.manifest = manifest;
    this.identity = identity;
    this.#origins = origins;
    this.#schema = verdictSchemaOf(manifest);
    this.#pool = new VerifierPool({ id: manifest.id, start, link, processes, logger });
  }

  /** The verifier's version by content. */
  get scriptSha256(): string {
    return this.identity.sha256;
  }

  /** The processes that are running, for those who watch them. */
  get pids(): readonly number[] {
    return this.#pool.pids;
  }

  /** One of them; undefined while none is running. */
  get pid(): number | undefined {
    return this.#pool.pids[0];
  }

  /** Processes that died, and processes in their place. */
  get deaths(): { readonly kills: number; readonly restarts: number } {
    const { kills, restarts } = this.#pool;
    return { kills, restarts };
  }

  /**
   * One verdict per submission, in order.
   *
   * @throws {VerifierHostError} `verifier-start` (retryable) if no process can be kept running at all
   */
  async score(submissions: readonly Submission[]): Promise<Verdict[]> {
    return (await this.hear(submissions)).map(({ verdict }) => verdict);
  }

  /**
   * As `score`, with what is needed to look a second time.
   *
   * @param known items that need not be asked, and what they get
   */
  async hear(
    submissions: readonly Submission[],
    known: (item: string) => Extract<Verdict, { kind: 'failed' }> | undefined = () => undefined,
  ): Promise<Testimony[]> {
    const testimonies = new Array<Testimony>(submissions.length);
    const asked: string[] = [];
    const positions: number[] = [];
    for (const [position, submission] of submissions.entries()) {
      const item = itemOf(submission);
      const failure = item === null ? tooLong : known(item);
      if (item === null || failure !== undefined) {
        testimonies[position] = { line: '', verdict: failure!, item: null, proven: true };
      } else {
        asked.push(item);
        positions.push(position);
      }
    }
    for (const [at, testimony] of (await this.hearItems(asked)).entries()) testimonies[positions[at]!] = testimony;
    return testimonies;
  }

  /** One testimony per item, in order. */
  async hearItems(items: readonly string[]): Promise<Testimony[]> {
    const { lines, proven } = await this.#converse('score', items, VERDICT_CHARS);
    return lines.map((line, at) => ({
      line,
      verdict: this.#verdictOf(line),
      item: items[at]!,
      proven: proven.has(at),
    }));
  }

  /** One item again, alone, in a process that was not asked anything before. */
  async hearAlone(item: string): Promise<Verdict> {
    let begun = false;
    const { lines } = await this.#converse('score', [item], VERDICT_CHARS, async (payloads, maxChars) => {
      // What it asks of the network is answered to whichever process: it begins anew each time.
      if (begun) return await this.#pool.ask('score', payloads, maxChars);
      begun = true;
      return { lines: [await this.#pool.askAlone('score', payloads[0]!, maxChars)], proven: new Set() };
    });
    return this.#verdictOf(lines[0]!);
  }

  #verdictOf(line: string): Verdict {
    const answer = readAnswer(line, this.#schema);
    return answer.kind === 'value' ? answer.value : answer;
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
    const items = queries.map((query) => JSON.stringify({ query, style, gold, decoy }));
    const { lines } = await this.#converse('draw', items, DRAWN_CHARS);
    return lines.map((line, at) => {
      const answer = readAnswer(line, drawnSchema);
      if (answer.kind === 'value') return answer.value as DrawnPuzzle;
      throw new VerifierHostError(
        `Cannot draw puzzles: "${this.manifest.id}" failed on ${canonicalJson(queries[at])} (${answer.error.code}: ${answer.error.message}), expected a puzzle`,
        { code: 'verifier-draw', retryable: ['timeout', 'unreachable'].includes(answer.error.code) },
      );
    });
  }

  /** Ends the processes, after what was asked before. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Asks, and asks again with the answers to the requests that a verifier makes, until it makes none. */
  async #converse(
    method: SandboxMethod,
    items: readonly string[],
    maxChars: number,
    ask: (payloads: readonly string[], maxChars: number) => Promise<PoolAnswers> = (payloads, most) =>
      this.#pool.ask(method, payloads, most),
  ): Promise<PoolAnswers> {
    if (this.#origins.length === 0)
      return await ask(
        items.map((item) => `{"item":${item}}`),
        maxChars,
      );
    const most = Math.max(maxChars, REQUEST_CHARS);
    const lines = new Array<string>(items.length);
    const proven = new Set<number>();
    const answered: Answered[][] = items.map(() => []);
    const waitedMs = items.map(() => 0);
    for (let open = [...items.keys()]; open.length > 0; ) {
      const asked = new Map<number, string>();
      for (const at of open) {
        const payload = `{"item":${items[at]},"answered":${JSON.stringify(answered[at])}}`;
        if (isTooLong(payload)) lines[at] = failureLine('memory', 'what it was answered is too long for its process');
        else asked.set(at, payload);
      }
      open = [...asked.keys()];
      const answers = await ask([...asked.values()], most);
      for (const [position, at] of open.entries()) {
        const line = answers.lines[position]!;
        lines[at] =
          line[0] !== '?' && line.length > maxChars
            ? failureLine('contract', `the answer has ${line.length} characters, expected at most ${maxChars}`)
            : line;
        if (answers.proven.has(position)) proven.add(at);
      }
      open = open.filter((at) => lines[at]![0] === '?');
      await inParallel(open, REQUESTS, async (at) => {
        const performed = await performRequest(lines[at]!.slice(1), this.#origins, waitedMs[at]!);
        if (performed.kind === 'failed') {
          lines[at] = performed.line;
          return;
        }
        answered[at]!.push(performed.answered);
        waitedMs[at] = performed.waitedMs;
      });
      open = open.filter((at) => lines[at]![0] === '?');
    }
    return { lines, proven };
  }
}

/** A submission as the sandbox gets it; null where it is too long for it. */
function itemOf({ groundTruth, completion }: Submission): string | null {
  if (completion.length > LONGEST_COMPLETION_CHARS) return null;
  const item = JSON.stringify({ groundTruth, completion });
  return isTooLong(item) ? null : item;
}

/** For one frame; without counting bytes where there cannot be so many. */
function isTooLong(text: string): boolean {
  return text.length * 3 > maxFrameBytes && Buffer.byteLength(text) > maxFrameBytes - 1024;
}
