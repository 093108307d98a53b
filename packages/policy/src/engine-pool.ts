/**
 * The engines of a thread that serves several runs: one for each architecture and way of working, with its sessions. Runs of one
 * kind share an engine and hand it their weights in turn. How many threads it has and how much it does at once are the run's: they
 * can change the last bits.
 */
import type { Architecture } from './policy-artefact.ts';
import { PolicyEngine, type PolicyEngineOptions } from './policy-engine.ts';
import { RecentlyUsed } from './recently-used.ts';

/** What a run may say of its engine; what it does not say is the engine's own. */
interface RunEngineOptions {
  readonly threads: number;
  readonly tokensPerRun: number | undefined;
  readonly decodeBatch: number | undefined;
}

/** Sessions of so many architectures are kept: making them anew costs a second or more each time. */
const ENGINES = 3;

export class EnginePool {
  readonly #options: Omit<PolicyEngineOptions, keyof RunEngineOptions>;
  readonly #engines: RecentlyUsed<PolicyEngine>;
  readonly #leaving: Promise<void>[] = [];

  constructor(
    options: Omit<PolicyEngineOptions, keyof RunEngineOptions>,
    { maxCount = ENGINES }: { readonly maxCount?: number } = {},
  ) {
    this.#options = options;
    this.#engines = new RecentlyUsed({ maxCount, onOut: (engine) => this.#leaving.push(engine.dispose()) });
  }

  /** The architecture's engine. Only the last one asked for is sure to stay: ask at each use. */
  async engineFor(
    { ref, config }: Pick<Architecture, 'ref' | 'config'>,
    { threads, tokensPerRun, decodeBatch }: RunEngineOptions,
  ): Promise<PolicyEngine> {
    const key = `${ref.sha256}/${threads}/${tokensPerRun}/${decodeBatch}`;
    const found = this.#engines.get(key);
    if (found !== undefined) return found;
    const made = new PolicyEngine(config, {
      ...{ ...this.#options, threads },
      ...(tokensPerRun === undefined ? {} : { tokensPerRun }),
      ...(decodeBatch === undefined ? {} : { decodeBatch }),
    });
    this.#engines.put(key, made);
    // Their memory is given back before the new one takes its own.
    await Promise.all(this.#leaving.splice(0));
    return made;
  }
}
