/**
 * The door to a verifier, wherever it comes from: code in sandboxed processes, or an endpoint. What comes out was checked, and was
 * looked at twice where it was doubtful. It knows no jobs and no store.
 */
import { silentLogger } from '@evenkeel/core';
import type { PuzzleQuery, Submission, Verdict, VerifierFailureCode, VerifierManifest } from '@evenkeel/verifier';
import { findVerifier } from './discover.ts';
import { type LoadedVerifier, loadVerifier, type VerifierIdentity } from './load-verifier.ts';
import { openRemoteVerifier } from './remote-verifier.ts';
import { type DrawnPuzzle, type DrawOptions, type SandboxOptions, VerifierSandbox } from './sandbox.ts';
import { type SecondLook, SecondLooks } from './second-look.ts';

/** What a verifier gave since it was opened. */
export interface VerifierCounts {
  readonly scored: number;
  readonly abstained: number;
  readonly failed: Readonly<Record<VerifierFailureCode, number>>;
  /** Of the scored: those that were, but not when they were asked first. */
  readonly retried: number;
  /** Asked a second time though nothing was wrong. */
  readonly spotChecked: number;
  /** Processes that died or were killed. */
  readonly kills: number;
  /** Processes in place of those. */
  readonly restarts: number;
}

export interface ScoreOptions {
  /** Told of each submission, by its position, that was scored, but not when it was asked first. */
  readonly onRetried?: (position: number) => void;
}

/** A verifier that is running. */
export interface OpenVerifier {
  readonly manifest: VerifierManifest;
  readonly identity: VerifierIdentity;
  /**
   * One verdict per submission, in order; calls may overlap.
   *
   * @throws {VerifierHostError} `verifier-start` (retryable) if no process can be kept running at all
   */
  score(submissions: readonly Submission[], options?: ScoreOptions): Promise<Verdict[]>;
  /**
   * Puzzles with their prompts, in the order of the queries.
   *
   * @throws {VerifierHostError} `level-unknown`, or `verifier-draw` where a puzzle fails: there is no other in its place
   */
  draw(queries: readonly PuzzleQuery[], options: DrawOptions): Promise<DrawnPuzzle[]>;
  counts(): VerifierCounts;
  /** Ends it, after what was asked before. */
  close(): Promise<void>;
}

export interface OpenVerifierOptions extends SandboxOptions {
  /** One in so many items is scored a second time; 0 for none; default 64. */
  readonly spotCheckEvery?: number | undefined;
}

/**
 * Opens a verifier by its reference: finds and bundles it, checks its manifest and what it was granted, starts a process.
 *
 * @throws {VerifierHostError} if it is not there, does not bundle or load, has no valid manifest, or asks for more than was granted
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { openVerifier } from '@evenkeel/verifier-host';
 *
 * const countdown = await openVerifier({ verifier: 'countdown' });
 * const groundTruth = { target: 6, numbers: [2, 4] };
 * const verdicts = await countdown.score([
 *   { groundTruth, completion: '\\boxed{2 + 4}' },
 *   { groundTruth, completion: '\\boxed{4 - 2}' },
 * ]);
 * deepEqual(verdicts.map((verdict) => verdict.kind === 'scored' && verdict.reward), [1, 0.1]);
 * await countdown.close();
 * ```
 */
export async function openVerifier(options: OpenVerifierOptions): Promise<OpenVerifier> {
  const found = findVerifier(options.verifier, options.places);
  if (found.remote !== null) return await openRemoteVerifier(found, options);
  return new SandboxedVerifier(await loadVerifier({ kind: 'package', package: found }, options), options);
}

/** A verifier whose code runs here. */
export class SandboxedVerifier implements OpenVerifier {
  readonly manifest: VerifierManifest;
  readonly identity: VerifierIdentity;
  /** The bundled code. */
  readonly script: LoadedVerifier['script'];
  readonly #sandbox: VerifierSandbox;
  readonly #looks: SecondLooks;
  readonly #scoring = new Set<Promise<unknown>>();
  #scored = 0;
  #abstained = 0;
  #retried = 0;
  readonly #failed: Record<VerifierFailureCode, number> = noFailures();

  constructor(
    loaded: LoadedVerifier,
    options: Pick<OpenVerifierOptions, 'processes' | 'logger' | 'spotCheckEvery'> = {},
  ) {
    const { logger = silentLogger, spotCheckEvery = 64 } = options;
    this.manifest = loaded.manifest;
    this.identity = loaded.identity;
    this.script = loaded.script;
    this.#sandbox = new VerifierSandbox(loaded, options);
    this.#looks = new SecondLooks(this.#sandbox, { logger, spotCheckEvery });
  }

  /** The processes that are running, for those who watch them. */
  get pids(): readonly number[] {
    return this.#sandbox.pids;
  }

  async score(submissions: readonly Submission[], options: ScoreOptions = {}): Promise<Verdict[]> {
    const scoring = this.#score(submissions, options);
    this.#scoring.add(scoring);
    try {
      return await scoring;
    } finally {
      this.#scoring.delete(scoring);
    }
  }

  async #score(submissions: readonly Submission[], { onRetried }: ScoreOptions): Promise<Verdict[]> {
    const heard = await this.#sandbox.hear(submissions, (item) => this.#looks.known(item));
    const looks = await this.#looks.at(heard);
    return looks.map((look, position) => {
      this.#count(look);
      if (look.retried) onRetried?.(position);
      return look.verdict;
    });
  }

  async draw(queries: readonly PuzzleQuery[], options: DrawOptions): Promise<DrawnPuzzle[]> {
    return await this.#sandbox.draw(queries, options);
  }

  counts(): VerifierCounts {
    return {
      scored: this.#scored,
      abstained: this.#abstained,
      failed: { ...this.#failed },
      retried: this.#retried,
      spotChecked: this.#looks.spotChecked,
      ...this.#sandbox.deaths,
    };
  }

  async close(): Promise<void> {
    // Their second looks are asked for after the first answers.
    await Promise.allSettled(this.#scoring);
    await this.#sandbox.close();
  }

  #count({ verdict, retried }: SecondLook): void {
    if (verdict.kind === 'scored') this.#scored++;
    else if (verdict.kind === 'abstained') this.#abstained++;
    else this.#failed[verdict.error.code]++;
    if (retried) this.#retried++;
  }
}

/** Of each code none. */
function noFailures(): Record<VerifierFailureCode, number> {
  return { timeout: 0, memory: 0, crash: 0, contract: 0, 'ground-truth': 0, nondeterministic: 0, unreachable: 0 };
}
