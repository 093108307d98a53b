/**
 * The verifiers that a host has running, by reference and by the hash of their code: what lies on the disk, or what a run kept in
 * the store because something else lies there now. It knows no jobs.
 *
 * Invariants: nobody gets code of another hash than they asked for; a verifier is ended only when nobody uses it; one that did not
 * start is tried again by the next that asks.
 */
import type { Logger } from '@evenkeel/core';
import { keptScriptKey, keptScriptSchema } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';
import { findVerifier, type VerifierPlaces } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { type Grants, noGrants, readGrants } from './grants.ts';
import { loadVerifier } from './load-verifier.ts';
import { type OpenVerifier, openVerifier, SandboxedVerifier } from './open-verifier.ts';

export interface RunningVerifiersOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly places: VerifierPlaces;
  /** Most processes of one verifier. */
  readonly processes: number;
}

interface Running {
  readonly opening: Promise<OpenVerifier>;
  users: number;
  /** Nobody else gets it. */
  retired: boolean;
}

/** Verifiers beyond these are ended, least recently used first, once nobody uses them. */
const MOST_OPEN = 16;

export class RunningVerifiers {
  readonly #options: RunningVerifiersOptions;
  /** By reference from the disk, by `reference sha256` from the store; least recently used first. */
  readonly #running = new Map<string, Running>();

  constructor(options: RunningVerifiersOptions) {
    this.#options = options;
  }

  /**
   * Lends a verifier to a function.
   *
   * @param sha256 the code that is asked for, see `VerifierIdentity`; any where it is left out
   * @throws {VerifierHostError} `verifier-changed` where neither the disk nor the store has that
   */
  async use<T>(reference: string, sha256: string | undefined, act: (verifier: OpenVerifier) => Promise<T>): Promise<T> {
    const running = await this.#find(reference, sha256);
    try {
      return await act(await running.opening);
    } finally {
      this.#leave(running);
    }
  }

  /** Ends all, after what was asked before. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(all.map(({ opening }) => opening.then((verifier) => verifier.close()).catch(() => {})));
  }

  async #find(reference: string, sha256: string | undefined): Promise<Running> {
    if (sha256 === undefined) return await this.#take(reference, () => this.#openFromDisk(reference));
    const kept = `${reference} ${sha256}`;
    if (this.#running.has(kept)) return await this.#take(kept, () => this.#openFromStore(reference, sha256));
    let refusal: VerifierHostError;
    try {
      const found = await this.#fromDisk(reference, sha256);
      if (typeof found !== 'string') return found;
      refusal = new VerifierHostError(
        `Cannot use verifier "${reference}": its code is ${found.slice(0, 12)}, expected ${sha256.slice(0, 12)} as the run began with; restore it, or start a new run (--run NAME)`,
        { code: 'verifier-changed' },
      );
    } catch (error) {
      // What is no longer there, no longer loads, or asks for more now, may be in the store as it was.
      if (!(error instanceof VerifierHostError) || error.retryable) throw error;
      refusal = error;
    }
    if ((await this.#options.store.lookup(keptScriptKey(sha256))) === null) throw refusal;
    return await this.#take(kept, () => this.#openFromStore(reference, sha256));
  }

  /** The verifier on disk where it is the one that is asked for, else the hash of what is there. */
  async #fromDisk(reference: string, sha256: string): Promise<Running | string> {
    for (let attempt = 1; ; attempt++) {
      const running = await this.#take(reference, () => this.#openFromDisk(reference));
      const found = (await running.opening).identity.sha256;
      if (found === sha256) return running;
      this.#leave(running);
      if (attempt === 2) return found;
      // It may have been edited since its process was started: look again once.
      this.#retire(reference, running);
    }
  }

  async #openFromDisk(reference: string): Promise<OpenVerifier> {
    const { places, logger, processes } = this.#options;
    return await openVerifier({ verifier: reference, places, grants: await this.#grants(), logger, processes });
  }

  /** The code that a run kept: what else its hash covers must be as it was. */
  async #openFromStore(reference: string, sha256: string): Promise<OpenVerifier> {
    const { store, places, logger, processes } = this.#options;
    const commit = await store.lookup(keptScriptKey(sha256));
    const { id, script } = keptScriptSchema.parse(commit?.result);
    const text = new TextDecoder().decode(await store.get(script));
    const grants = await this.#grants();
    const source = {
      kind: 'script',
      id,
      script: { text, sha256: script.sha256 },
      folder: folderOf(reference, places),
    } as const;
    const loaded = await loadVerifier(source, { grants, logger });
    const verifier = new SandboxedVerifier(loaded, { logger, processes });
    if (verifier.identity.sha256 === sha256) {
      logger.info('Verifier is not on disk as it was: the run goes on under the code that it began with', {
        verifier: reference,
        code: sha256.slice(0, 12),
      });
      return verifier;
    }
    await verifier.close();
    throw new VerifierHostError(
      `Cannot use verifier "${reference}": its code is kept, but the files that it reads have changed, expected them as the run began with; restore them, or start a new run (--run NAME)`,
      { code: 'verifier-changed' },
    );
  }

  async #grants(): Promise<Grants> {
    const { home } = this.#options.places;
    return home === undefined ? noGrants : await readGrants(home);
  }

  async #take(key: string, open: () => Promise<OpenVerifier>): Promise<Running> {
    let running = this.#running.get(key);
    if (running === undefined) running = { opening: open(), users: 0, retired: false };
    this.#running.delete(key);
    this.#running.set(key, running);
    running.users++;
    try {
      await running.opening;
    } catch (error) {
      this.#leave(running);
      if (this.#running.get(key) === running) this.#running.delete(key);
      throw error;
    }
    this.#endSurplus();
    return running;
  }

  #leave(running: Running): void {
    running.users--;
    if (running.retired && running.users === 0) void running.opening.then((verifier) => verifier.close());
    else this.#endSurplus();
  }

  #retire(key: string, running: Running): void {
    if (this.#running.get(key) !== running) return;
    this.#running.delete(key);
    running.retired = true;
    if (running.users === 0) void running.opening.then((verifier) => verifier.close());
  }

  #endSurplus(): void {
    for (const [key, running] of this.#running) {
      if (this.#running.size <= MOST_OPEN) return;
      if (running.users === 0) this.#retire(key, running);
    }
  }
}

/** Where a verifier's own files lie, if its package is there. */
function folderOf(reference: string, places: VerifierPlaces): string | null {
  try {
    return findVerifier(reference, places).folder;
  } catch {
    return null;
  }
}
