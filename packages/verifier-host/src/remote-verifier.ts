/**
 * A task in any language: an endpoint that speaks the verifier protocol, as an open verifier. Nothing of what it says is believed
 * unchecked, and nothing that it does is more than a `failed` verdict: an endpoint that is away gives `unreachable`, never a zero,
 * and is asked again with the next call.
 *
 * Invariants: one verdict per submission, in order; only the granted origin is asked; no verdict is taken from an endpoint that
 * calls itself another task or version than the package does.
 */
import { canonicalJson, type Logger, sha256Hex, silentLogger } from '@evenkeel/core';
import type { PuzzleQuery, Submission, Verdict, VerifierFailureCode, VerifierManifest } from '@evenkeel/verifier';
import { z } from 'zod';
import { drawnSchema, explainIssue, verdictSchemaOf } from './contract-schemas.ts';
import type { VerifierPackage } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { type Grants, noGrants, requireGranted } from './grants.ts';
import { httpManifestSchema } from './http-schemas.ts';
import type { VerifierIdentity } from './load-verifier.ts';
import type { OpenVerifier, ScoreOptions, VerifierCounts } from './open-verifier.ts';
import {
  type RemoteCall,
  RemoteClient,
  type RemoteClientOptions,
  type RemoteOutcome,
  type RemoteRequest,
} from './remote-client.ts';
import { type RemoteSpec, remoteSha256 } from './remote-spec.ts';
import type { DrawnPuzzle, DrawOptions } from './sandbox.ts';

export interface RemoteVerifierOptions {
  readonly grants?: Grants | undefined;
  readonly logger?: Logger | undefined;
  /** One in so many items is asked a second time, among others; 0 for none; default 64. */
  readonly spotCheckEvery?: number | undefined;
  /** Pauses and patience, see `RemoteClientOptions`. */
  readonly patience?: Pick<RemoteClientOptions, 'pauseMs' | 'patienceMs' | 'busyPatienceMs' | 'pause'> | undefined;
}

type Failed = Extract<Verdict, { kind: 'failed' }>;

/** One call of `score`, which all its requests share. */
interface Call extends RemoteCall {
  readonly submissions: readonly Submission[];
  readonly verdicts: Verdict[];
  readonly retried: Set<number>;
}

const LONGEST_COMPLETION_CHARS = 10_000_000;
/** A request holds no more, unless one item alone does. */
const BATCH_CHARS = 4_000_000;
const MANIFEST_BYTES = 100_000;
const VERDICT_BYTES = 16_384;
const PUZZLE_BYTES = 1024 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;
/** For so long a manifest that was asked for is believed. */
const CONFIRMED_MS = 10_000;
/** Items that are asked alone and fail the same way one after the other: the rest would too. */
const ALIKE_IN_A_ROW = 3;

const verdictsSchema = z.looseObject({ verdicts: z.array(z.unknown()) });
const puzzlesSchema = z.looseObject({ puzzles: z.array(z.unknown()) });

/**
 * Opens a task that is an endpoint: checks what it was granted, and that it is there and is what the package says.
 *
 * @throws {VerifierHostError} `verifier-permission`; `verifier-remote` (retryable) if nobody answers, or not what the protocol says;
 *   `verifier-changed` if it is another task or version
 */
export async function openRemoteVerifier(
  { id, remote }: VerifierPackage,
  options: RemoteVerifierOptions = {},
): Promise<OpenVerifier> {
  if (remote === null) throw new TypeError(`Cannot open verifier "${id}" as an endpoint: it is code`);
  if (remote.manifest.id !== id) {
    throw new VerifierHostError(
      `Cannot open verifier "${id}": its manifest has the id "${remote.manifest.id}", expected the package's name`,
      { code: 'verifier-manifest' },
    );
  }
  requireGranted(remote.manifest, options.grants ?? noGrants);
  const token = remote.tokenEnv === null ? null : (process.env[remote.tokenEnv] ?? null);
  if (remote.tokenEnv !== null && (token === null || !/^[\x21-\x7e]+$/.test(token))) {
    throw new VerifierHostError(
      `Cannot open verifier "${id}": the variable ${remote.tokenEnv} ${token === null ? 'is not set' : 'holds no token'}, expected the token of ${remote.url} in it`,
      { code: 'verifier-remote' },
    );
  }
  const verifier = new RemoteVerifier(remote, token, options);
  try {
    await verifier.confirm();
  } catch (error) {
    await verifier.close();
    throw error;
  }
  return verifier;
}

class RemoteVerifier implements OpenVerifier {
  readonly manifest: VerifierManifest;
  readonly identity: VerifierIdentity;
  readonly #remote: RemoteSpec;
  readonly #client: RemoteClient;
  readonly #logger: Logger;
  readonly #spotCheckEvery: number;
  readonly #schema: z.ZodType<Verdict>;
  /** When the endpoint last said what it is, and how often it had been away by then. */
  #confirmed: { readonly at: number; readonly interruptions: number } | null = null;
  #confirming: Promise<RemoteOutcome> | null = null;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;
  #told = false;
  #scored = 0;
  #abstained = 0;
  #retried = 0;
  #spotChecked = 0;
  readonly #failed: Record<VerifierFailureCode, number> = {
    timeout: 0,
    memory: 0,
    crash: 0,
    contract: 0,
    'ground-truth': 0,
    nondeterministic: 0,
    unreachable: 0,
  };

  constructor(remote: RemoteSpec, token: string | null, options: RemoteVerifierOptions) {
    const { manifest, url, timeoutMs, concurrency } = remote;
    this.manifest = manifest;
    this.identity = { id: manifest.id, version: manifest.version, sha256: remoteSha256(remote) };
    this.#remote = remote;
    this.#client = new RemoteClient({ url, token, timeoutMs, concurrency, ...options.patience });
    this.#logger = options.logger ?? silentLogger;
    this.#spotCheckEvery = options.spotCheckEvery ?? 64;
    this.#schema = verdictSchemaOf(manifest);
  }

  /** @throws {VerifierHostError} `verifier-remote` (retryable) where nobody answers; `verifier-changed` */
  async confirm(): Promise<void> {
    const away = await this.#confirmOrAway();
    if (away !== null) throw this.#refusal(away, 'it to be running', true);
  }

  async score(submissions: readonly Submission[], { onRetried }: ScoreOptions = {}): Promise<Verdict[]> {
    return await this.#running(async () => {
      const verdicts = new Array<Verdict>(submissions.length).fill(tooLong);
      const call: Call = { submissions, verdicts, retried: new Set(), away: null };
      const batches = this.#batches(submissions);
      call.away = batches.length === 0 ? null : await this.#confirmOrAway();
      await allOf(batches.map((batch) => this.#scoreBatch(call, batch)));
      await this.#spotCheck(call, batches);
      for (const position of call.retried) if (verdicts[position]!.kind !== 'scored') call.retried.delete(position);
      this.#retried += call.retried.size;
      for (const position of call.retried) onRetried?.(position);
      for (const verdict of verdicts) this.#count(verdict);
      return verdicts;
    });
  }

  async draw(queries: readonly PuzzleQuery[], { style, gold, decoy }: DrawOptions): Promise<DrawnPuzzle[]> {
    for (const { level } of queries) {
      if (this.manifest.levels.includes(level)) continue;
      throw new VerifierHostError(
        `Cannot draw puzzles: "${this.manifest.id}" has no level "${level}", expected one of: ${this.manifest.levels.join(', ')}`,
        { code: 'level-unknown' },
      );
    }
    return await this.#running(async () => {
      await this.confirm();
      const { batch } = this.#remote;
      const starts = Array.from({ length: Math.ceil(queries.length / batch) }, (_, at) => at * batch);
      const drawn = await allOf(
        starts.map((start) => this.#drawBatch(queries.slice(start, start + batch), { style, gold, decoy })),
      );
      return drawn.flat();
    });
  }

  counts(): VerifierCounts {
    return {
      scored: this.#scored,
      abstained: this.#abstained,
      failed: { ...this.#failed },
      retried: this.#retried,
      spotChecked: this.#spotChecked,
      kills: 0,
      restarts: 0,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    this.#client.close();
  }

  /** Positions of the submissions, batch by batch; without those that are too long to be asked. */
  #batches(submissions: readonly Submission[]): number[][] {
    const batches: number[][] = [];
    let chars = 0;
    for (const [position, { completion }] of submissions.entries()) {
      if (completion.length > LONGEST_COMPLETION_CHARS) continue;
      const last = batches.at(-1);
      chars += completion.length;
      if (last === undefined || last.length >= this.#remote.batch || chars > BATCH_CHARS) {
        batches.push([position]);
        chars = completion.length;
      } else last.push(position);
    }
    return batches;
  }

  async #scoreBatch(call: Call, batch: readonly number[]): Promise<void> {
    const outcome = await this.#askScores(call, batch);
    if (outcome.kind === 'verdicts') {
      for (const [at, position] of batch.entries()) call.verdicts[position] = outcome.verdicts[at]!;
    } else if (batch.length === 1 || !outcome.aboutItems) {
      for (const position of batch) call.verdicts[position] = outcome.failed;
    } else await this.#scoreAlone(call, batch);
  }

  /** One item may have been too much for the batch it was in: each is asked alone, and the others are not lost. */
  async #scoreAlone(call: Call, batch: readonly number[]): Promise<void> {
    // Who hangs altogether need not be asked item by item.
    const there = await this.#client.ask({
      method: 'GET',
      path: this.#path(),
      mostBytes: MANIFEST_BYTES,
      persistent: false,
    });
    if (there.kind === 'away' || there.kind === 'silent') call.away ??= there.message;
    let alike = 0;
    let last: Failed | null = null;
    for (const position of batch) {
      if (last !== null && alike >= ALIKE_IN_A_ROW) {
        call.verdicts[position] = last;
        continue;
      }
      const outcome = await this.#askScores(call, [position], false);
      if (outcome.kind === 'verdicts') {
        call.verdicts[position] = outcome.verdicts[0]!;
        call.retried.add(position);
        alike = 0;
        continue;
      }
      // A refusal is about its item; whoever hangs or crashes at one item after the other does so at all.
      alike = outcome.failed.error.code === last?.error.code && !outcome.refused ? alike + 1 : 1;
      last = outcome.failed;
      call.verdicts[position] = outcome.failed;
      // Who has stopped answering is not waited for again and again in this call.
      if (alike >= ALIKE_IN_A_ROW && last.error.code === 'timeout') call.away ??= last.error.message;
    }
  }

  async #askScores(call: Call, positions: readonly number[], persistent = true) {
    if (call.away !== null) return notScored('unreachable', call.away);
    const items = positions.map((position) => {
      const { groundTruth, completion } = call.submissions[position]!;
      return { groundTruth, completion };
    });
    const outcome = await this.#post(
      'score-batch',
      { items },
      { mostBytes: (items.length + 1) * VERDICT_BYTES, persistent, call },
    );
    switch (outcome.kind) {
      case 'answered':
        return this.#readVerdicts(outcome.value, items.length);
      case 'away':
        return notScored('unreachable', outcome.message);
      case 'silent':
        return notScored('timeout', outcome.message, { aboutItems: true });
      case 'crashed':
        return notScored('crash', outcome.message, { aboutItems: true });
      case 'broken':
        return notScored('contract', outcome.message);
      case 'refused':
        return notScored('contract', outcome.message, { aboutItems: true, refused: true });
    }
  }

  #readVerdicts(value: unknown, expected: number) {
    const parsed = verdictsSchema.safeParse(value);
    if (!parsed.success) return notScored('contract', `its answer is none (${explainIssue(parsed.error)})`);
    const { verdicts } = parsed.data;
    if (verdicts.length !== expected) {
      return notScored('contract', `it gave ${verdicts.length} verdicts, expected ${expected}: one per item`);
    }
    const checked = verdicts.map((verdict): Verdict => {
      const result = this.#schema.safeParse(verdict);
      return result.success ? result.data : failedWith('contract', explainIssue(result.error));
    });
    return { kind: 'verdicts', verdicts: checked } as const;
  }

  async #drawBatch(
    queries: readonly PuzzleQuery[],
    { style, gold, decoy }: Record<'style' | 'gold' | 'decoy', unknown>,
  ): Promise<DrawnPuzzle[]> {
    const { id } = this.manifest;
    const failed = (problem: string, retryable = false) =>
      new VerifierHostError(`Cannot draw puzzles: "${id}" at ${this.#remote.url}: ${problem}, expected puzzles`, {
        code: 'verifier-draw',
        retryable,
      });
    const body = { queries, style, gold, decoy };
    const mostBytes = Math.min(MOST_BYTES, (queries.length + 1) * PUZZLE_BYTES);
    const outcome = await this.#post('draw', body, { mostBytes });
    if (outcome.kind === 'refused' && [404, 405, 501].includes(outcome.status)) {
      throw failed('it offers none: take its prompts from a prompt set');
    }
    if (outcome.kind !== 'answered') throw failed(outcome.message, ['away', 'silent'].includes(outcome.kind));
    const parsed = puzzlesSchema.safeParse(outcome.value);
    if (!parsed.success) throw failed(`its answer is none (${explainIssue(parsed.error)})`);
    const { puzzles } = parsed.data;
    if (puzzles.length !== queries.length) throw failed(`it gave ${puzzles.length} for ${queries.length} queries`);
    return puzzles.map((puzzle, at) => {
      const checked = drawnSchema.safeParse(puzzle);
      const query = canonicalJson(queries[at]);
      if (!checked.success) throw failed(`its puzzle for ${query} is none (${explainIssue(checked.error)})`);
      const drawn = checked.data as DrawnPuzzle;
      if (drawn.puzzle.level !== queries[at]!.level) throw failed(`its puzzle for ${query} is of another level`);
      if ((gold !== undefined && drawn.gold === undefined) || (decoy !== undefined && drawn.decoy === undefined)) {
        throw failed(`its puzzle for ${query} came without the gold answer or decoy that was asked for`);
      }
      return drawn;
    });
  }

  /**
   * Asks, and takes no answer from an endpoint that was away since it last said what it is before it says so again.
   *
   * @throws {VerifierHostError} `verifier-changed`; `verifier-remote` where the endpoint does not let us ask at all
   */
  async #post(
    path: 'score-batch' | 'draw',
    body: unknown,
    request: Pick<RemoteRequest, 'mostBytes' | 'persistent' | 'call'>,
  ): Promise<RemoteOutcome> {
    const outcome = await this.#client.ask({ method: 'POST', path: this.#path(path), body, ...request });
    if (outcome.kind === 'answered' && (this.#confirmed?.interruptions ?? -1) < outcome.interruptions) {
      const away = await this.#confirmOrAway();
      if (away !== null) return { kind: 'away', message: away };
    }
    const isOurs = outcome.kind === 'refused' && (outcome.status < 400 || [401, 403].includes(outcome.status));
    const isGone = outcome.kind === 'refused' && path !== 'draw' && [404, 405, 501].includes(outcome.status);
    if (isOurs || isGone) throw this.#refusal(outcome.message, this.#wishFor(outcome.status));
    return outcome;
  }

  /** Whether the endpoint is what the package says; why not asked, where it is away. */
  async #confirmOrAway(): Promise<string | null> {
    const known = this.#confirmed;
    const isFresh =
      known !== null &&
      known.interruptions === this.#client.interruptions &&
      performance.now() - known.at < CONFIRMED_MS;
    if (isFresh) return null;
    this.#confirming ??= this.#client
      .ask({ method: 'GET', path: this.#path(), mostBytes: MANIFEST_BYTES })
      .finally(() => {
        this.#confirming = null;
      });
    const outcome = await this.#confirming;
    switch (outcome.kind) {
      case 'answered':
        this.#requireSame(outcome.value);
        this.#confirmed = { at: performance.now(), interruptions: outcome.interruptions };
        return null;
      case 'away':
      case 'silent':
      case 'crashed':
        return outcome.message;
      case 'broken':
        throw this.#refusal(outcome.message, 'a manifest');
      case 'refused':
        throw this.#refusal(outcome.message, this.#wishFor(outcome.status));
    }
  }

  #requireSame(value: unknown): void {
    const parsed = httpManifestSchema.safeParse(value);
    if (!parsed.success) throw this.#refusal(`its manifest is none (${explainIssue(parsed.error)})`, 'one');
    for (const field of ['id', 'version', 'levels', 'rewards', 'components'] as const) {
      const [there, here] = [parsed.data[field], this.manifest[field]];
      if (
        there === here ||
        (there !== undefined && here !== undefined && canonicalJson(there) === canonicalJson(here))
      ) {
        continue;
      }
      throw new VerifierHostError(
        `Cannot use verifier "${this.manifest.id}": the manifest at ${this.#remote.url} has the ${field} ${JSON.stringify(there)}, expected ${JSON.stringify(here)} as in its package; add the package that belongs to it`,
        { code: 'verifier-changed' },
      );
    }
  }

  /**
   * Some items are asked again, in another order and among others. Who gives another verdict is not deterministic; who stands by it
   * when asked alone had mixed up the order of the batch.
   */
  async #spotCheck(call: Call, batches: readonly (readonly number[])[]): Promise<void> {
    if (this.#spotCheckEvery === 0) return;
    const isChosen = (position: number) => {
      if (call.verdicts[position]!.kind === 'failed') return false;
      const { groundTruth, completion } = call.submissions[position]!;
      const hash = sha256Hex(JSON.stringify([groundTruth, completion]));
      return Number.parseInt(hash.slice(0, 8), 16) % this.#spotCheckEvery === 0;
    };
    await allOf(
      batches.map(async (batch) => {
        const chosen = batch.filter(isChosen).reverse();
        if (chosen.length === 0) return;
        const outcome = await this.#askScores({ ...call, away: null }, chosen);
        if (outcome.kind !== 'verdicts') return;
        this.#spotChecked += chosen.length;
        for (const [at, position] of chosen.entries()) {
          if (isSame(outcome.verdicts[at]!, call.verdicts[position]!)) continue;
          await this.#judgeDifference(call, batch, position, outcome.verdicts[at]!);
        }
      }),
    );
  }

  async #judgeDifference(call: Call, batch: readonly number[], position: number, second: Verdict): Promise<void> {
    const first = call.verdicts[position]!;
    if (first.kind === 'failed' || second.kind === 'failed') return;
    // Each of another length, so that no answer kept under an idempotency key serves for another.
    const answers: Verdict[] = [];
    for (const times of [1, 2, 3]) {
      const outcome = await this.#askScores({ ...call, away: null }, new Array<number>(times).fill(position));
      if (outcome.kind === 'verdicts') answers.push(...outcome.verdicts);
    }
    const mixedUp = answers.length === 6 && answers.every((answer) => isSame(answer, answers[0]!));
    if (!this.#told) {
      this.#told = true;
      const what = mixedUp ? 'gives verdicts in another order than items' : 'is not deterministic';
      this.#logger.warn(`Verifier ${what}: the same item got two verdicts`, {
        verifier: this.manifest.id,
        url: this.#remote.url,
        first: shortly(first),
        second: shortly(second),
      });
    }
    if (mixedUp) {
      const failure = failedWith('contract', 'its verdicts are in another order than the items of the batch');
      for (const other of batch) call.verdicts[other] = failure;
    } else {
      const message = `asked twice, it gave ${shortly(first)} and ${shortly(second)}`;
      call.verdicts[position] = failedWith('nondeterministic', message);
    }
  }

  #path(name?: string): string {
    return `/v1/verifiers/${encodeURIComponent(this.#remote.id)}${name === undefined ? '' : `/${name}`}`;
  }

  #wishFor(status: number): string {
    const { tokenEnv, id } = this.#remote;
    if (status === 401 || status === 403) {
      return tokenEnv === null
        ? 'no token to be asked for, or "tokenEnv" in its package.json'
        : `the token in ${tokenEnv} to be right`;
    }
    return status < 400 ? 'its package.json to name the address itself' : `the protocol's paths for "${id}" there`;
  }

  #refusal(problem: string, wish: string, retryable = false): VerifierHostError {
    return new VerifierHostError(
      `Cannot ask verifier "${this.manifest.id}" at ${this.#remote.url}: ${problem}, expected ${wish}`,
      { code: 'verifier-remote', retryable },
    );
  }

  async #running<T>(act: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new VerifierHostError(`Cannot ask verifier "${this.manifest.id}": it is closed, expected an open one`, {
        code: 'verifier-closed',
      });
    }
    const running = act();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  #count(verdict: Verdict): void {
    if (verdict.kind === 'scored') this.#scored++;
    else if (verdict.kind === 'abstained') this.#abstained++;
    else this.#failed[verdict.error.code]++;
  }
}

interface NotScored {
  readonly kind: 'failed';
  readonly failed: Failed;
  /** Whether another set of items could have gone better. */
  readonly aboutItems: boolean;
  readonly refused: boolean;
}

function notScored(
  code: VerifierFailureCode,
  message: string,
  { aboutItems = false, refused = false }: { aboutItems?: boolean; refused?: boolean } = {},
): NotScored {
  return { kind: 'failed', failed: failedWith(code, message), aboutItems, refused };
}

function failedWith(code: VerifierFailureCode, message: string): Failed {
  return { kind: 'failed', error: { code, message: message.slice(0, 1000) } };
}

const tooLong: Verdict = failedWith(
  'memory',
  `the completion is too long, expected at most ${LONGEST_COMPLETION_CHARS} characters`,
);

function isSame(a: Verdict, b: Verdict): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function shortly(verdict: Verdict): string {
  return verdict.kind === 'scored' ? `${verdict.reward} (${verdict.reason})` : `no score (${verdict.kind})`;
}

/** All of them to their end, then the first error there was: nothing goes on behind the caller's back. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
