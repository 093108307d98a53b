/**
 * A verifier as the service holds it: opened once, with a line before it, and an eye on whether it still answers.
 */

import type { PuzzleQuery, Submission, Verdict, VerifierManifest } from '@evenkeel/verifier';
import { type DrawnPuzzle, type DrawOptions, type OpenVerifier, VerifierHostError } from '@evenkeel/verifier-host';
import { WorkQueue, type WorkRequest } from './work-queue.ts';

/** Most items of one portion, and about how long one takes: what a sandbox is handed at once. */
const PORTION = 512;
const PORTION_MS = 50;
/** Portions under way per process: one is being answered while the next is being handed over. */
const PORTIONS_PER_PROCESS = 2;
const PUZZLES_AT_ONCE = 256;

export class ServedVerifier {
  readonly manifest: VerifierManifest;
  #verifier: OpenVerifier;
  #scores: WorkQueue<Submission, Verdict>;
  /** Drawing is one at a time: a trainer's verdicts go first. */
  #drawing: Promise<unknown> = Promise.resolve();
  #down = false;
  #looking: Promise<void> | null = null;

  constructor(verifier: OpenVerifier, processes: number) {
    this.manifest = verifier.manifest;
    this.#verifier = verifier;
    this.#scores = new WorkQueue({
      work: (submissions) => this.#watched(() => verifier.score(submissions)),
      underWay: processes * PORTIONS_PER_PROCESS,
      portion: PORTION,
      portionMs: PORTION_MS,
    });
  }

  /** False after its process could not be kept running, until it answers again. */
  get up(): boolean {
    return !this.#down;
  }

  score(submissions: readonly Submission[], request: WorkRequest): Promise<Verdict[]> {
    return this.#scores.ask(submissions, request);
  }

  async draw(
    queries: readonly PuzzleQuery[],
    options: DrawOptions,
    { signal, onDone }: WorkRequest,
  ): Promise<DrawnPuzzle[]> {
    const drawn: DrawnPuzzle[] = [];
    for (let from = 0; from < queries.length; from += PUZZLES_AT_ONCE) {
      const portion = queries.slice(from, from + PUZZLES_AT_ONCE);
      const turn = this.#drawing.then(() => {
        signal?.throwIfAborted();
        return this.#watched(() => this.#verifier.draw(portion, options));
      });
      this.#drawing = turn.catch(() => {});
      drawn.push(...(await turn));
      onDone?.(portion.length);
    }
    return drawn;
  }

  counts(): ReturnType<OpenVerifier['counts']> {
    return this.#verifier.counts();
  }

  /** Asks a verifier that is down for anything, so that it is known to be up without waiting for a client to try. */
  look(): void {
    this.#looking ??= this.#watched(() => this.#verifier.score([{ groundTruth: null, completion: '' }]))
      .catch(() => {})
      .then(() => {
        this.#looking = null;
      });
  }

  async close(reason: Error): Promise<void> {
    this.#scores.close(reason);
    await this.#verifier.close();
  }

  async #watched<T>(act: () => Promise<T>): Promise<T> {
    try {
      const result = await act();
      this.#down = false;
      return result;
    } catch (error) {
      if (error instanceof VerifierHostError && error.code === 'verifier-start') this.#down = true;
      throw error;
    }
  }
}
