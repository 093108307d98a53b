/**
 * Second looks at verdicts: a failure is asked once more, alone, in a fresh process; some of the others are asked again in another
 * order. What differs is not deterministic. It knows no processes.
 *
 * Neither can make a verdict out of what a verifier did not say twice, so what is looked at again may be chosen: failures that were
 * confirmed are remembered by content, and where failure after failure was confirmed, only some of those that follow are asked
 * again.
 */
import { canonicalJson, type Logger, sha256Hex } from '@evenkeel/core';
import type { Verdict, VerifierFailureCode } from '@evenkeel/verifier';
import type { Testimony, VerifierSandbox } from './sandbox.ts';

type Failed = Extract<Verdict, { kind: 'failed' }>;

/** What came of a second look. */
export interface SecondLook {
  readonly verdict: Verdict;
  /** Scored, but not when it was asked first. */
  readonly retried: boolean;
}

const again = new Set<VerifierFailureCode>(['timeout', 'memory', 'crash', 'contract']);
/** What the machine may have had its part in. */
const circumstantial = new Set<VerifierFailureCode>(['timeout', 'memory']);
/** After so many failures of a code in a row that were confirmed, one in so many of the rest is asked again. */
const CONFIRMED_IN_A_ROW = 16;
const ONE_IN = 16;
/** Confirmed failures that are remembered, and characters of the items. */
const REMEMBERED = 4096;
const LONGEST_KEY = 1024;

export class SecondLooks {
  /** Items that were asked a second time though nothing was wrong. */
  spotChecked = 0;
  readonly #sandbox: Pick<VerifierSandbox, 'manifest' | 'hearAlone' | 'hearItems'>;
  readonly #logger: Logger;
  readonly #spotCheckEvery: number;
  readonly #confirmedInARow = new Map<VerifierFailureCode, number>();
  /** Failures by item, oldest first. */
  readonly #confirmed = new Map<string, Failed>();
  #told = false;

  /** @param spotCheckEvery of how many items one is asked again; 0 for none */
  constructor(
    sandbox: Pick<VerifierSandbox, 'manifest' | 'hearAlone' | 'hearItems'>,
    { logger, spotCheckEvery }: { readonly logger: Logger; readonly spotCheckEvery: number },
  ) {
    this.#sandbox = sandbox;
    this.#logger = logger;
    this.#spotCheckEvery = spotCheckEvery;
  }

  /** The failure of an item that was confirmed before: it need not be asked. */
  known(item: string): Failed | undefined {
    return this.#confirmed.size === 0 ? undefined : this.#confirmed.get(keyOf(item));
  }

  /** The verdicts that stand, in order. */
  async at(heard: readonly Testimony[]): Promise<SecondLook[]> {
    const looks: SecondLook[] = heard.map(({ verdict }) => ({ verdict, retried: false }));
    const failures: number[] = [];
    const checks: number[] = [];
    for (const [position, { verdict, item }] of heard.entries()) {
      if (item === null) continue;
      if (verdict.kind === 'failed' && again.has(verdict.error.code)) {
        failures.push(position);
      } else if (this.#spotCheckEvery > 0 && sampleOf(item) % this.#spotCheckEvery === 0) {
        checks.push(position);
      }
    }
    await Promise.all([this.#atFailures(heard, failures, looks), this.#atSome(heard, checks, looks)]);
    return looks;
  }

  /** One after the other: what came of one tells whether the next is asked again. */
  async #atFailures(heard: readonly Testimony[], positions: readonly number[], looks: SecondLook[]): Promise<void> {
    for (const position of positions) {
      const { verdict, item, proven } = heard[position]!;
      looks[position] = await this.#atFailure(verdict as Failed, item!, proven);
    }
  }

  async #atFailure(first: Failed, item: string, proven: boolean): Promise<SecondLook> {
    const stands: SecondLook = { verdict: first, retried: false };
    const { code } = first.error;
    if (proven) {
      this.#remember(item, first);
      return stands;
    }
    const inARow = this.#confirmedInARow.get(code) ?? 0;
    if (inARow >= CONFIRMED_IN_A_ROW && sampleOf(item) % ONE_IN !== 0) return stands;
    // Another of the same call may have been the same item.
    if (this.known(item)?.error.code === code) return stands;
    const second = await this.#sandbox.hearAlone(item);
    if (second.kind === 'failed') {
      this.#confirmedInARow.set(code, inARow + 1);
      this.#remember(item, first);
      return stands;
    }
    this.#confirmedInARow.set(code, 0);
    if (circumstantial.has(code)) return { verdict: second, retried: true };
    return { verdict: this.#notDeterministic(first, second), retried: false };
  }

  /** In another order, so that what a verifier keeps from item to item shows. */
  async #atSome(heard: readonly Testimony[], positions: readonly number[], looks: SecondLook[]): Promise<void> {
    if (positions.length === 0) return;
    const backwards = positions.toReversed();
    const seconds = await this.#sandbox.hearItems(backwards.map((position) => heard[position]!.item!));
    this.spotChecked += backwards.length;
    for (const [at, position] of backwards.entries()) {
      const first = heard[position]!;
      const second = seconds[at]!;
      if (second.line === first.line) continue;
      const { verdict } = second;
      const code = verdict.kind === 'failed' ? verdict.error.code : null;
      if (code !== null && (circumstantial.has(code) || code === 'unreachable')) continue;
      if (canonicalJson(verdict) === canonicalJson(first.verdict)) continue;
      looks[position] = { verdict: this.#notDeterministic(first.verdict, verdict), retried: false };
    }
  }

  #remember(item: string, failure: Failed): void {
    this.#confirmed.set(keyOf(item), failure);
    if (this.#confirmed.size > REMEMBERED) this.#confirmed.delete(this.#confirmed.keys().next().value!);
  }

  #notDeterministic(first: Verdict, second: Verdict): Failed {
    const message = `asked twice, it gave ${shortly(first)} and ${shortly(second)}`;
    if (!this.#told) {
      this.#told = true;
      this.#logger.warn('Verifier is not deterministic: the same item got two verdicts', {
        verifier: this.#sandbox.manifest.id,
        version: this.#sandbox.manifest.version,
        first: shortly(first),
        second: shortly(second),
      });
    }
    return { kind: 'failed', error: { code: 'nondeterministic', message } };
  }
}

function shortly(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'scored':
      return `${verdict.reward} (${verdict.reason})`;
    case 'abstained':
      return `no score (${verdict.reason})`;
    case 'failed':
      return `a failure (${verdict.error.code}: ${verdict.error.message.slice(0, 200)})`;
  }
}

function keyOf(item: string): string {
  return item.length <= LONGEST_KEY ? item : sha256Hex(item);
}

/** A number of 32 bits by an item's length and at most 64 of its characters: FNV-1a, mixed. */
function sampleOf(item: string): number {
  let hash = 0x811c9dc5 ^ item.length;
  const stride = Math.max(1, Math.floor(item.length / 64));
  for (let at = item.length - 1; at >= 0; at -= stride) hash = Math.imul(hash ^ item.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
