/**
 * The engines of a thread that serves several runs: one an architecture, with its sessions. Runs of one architecture share an engine
 * and hand it their weights in turn.
 */
import type { Architecture } from './policy-artefact.ts';
import { PolicyEngine, type PolicyEngineOptions } from './policy-engine.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Sessions of so many architectures are kept: making them anew costs a second or more each time. */
const ENGINES = 3;

export class EnginePool {
  readonly #options: PolicyEngineOptions;
  readonly #engines: RecentlyUsed<PolicyEngine>;
  readonly #leaving: Promise<void>[] = [];

  constructor(options: PolicyEngineOptions, { maxCount = ENGINES }: { readonly maxCount?: number } = {}) {
    this.#options = options;
    this.#engines = new RecentlyUsed({ maxCount, onOut: (engine) => this.#leaving.push(engine.dispose()) });
  }

  /** The architecture's engine. Only the last one asked for is sure to stay: ask at each use. */
  async engineFor({ ref, config }: Pick<Architecture, 'ref' | 'config'>): Promise<PolicyEngine> {
    const found = this.#engines.get(ref.sha256);
    if (found !== undefined) return found;
    const made = new PolicyEngine(config, this.#options);
    this.#engines.put(ref.sha256, made);
    // Their memory is given back before the new one takes its own.
    await Promise.all(this.#leaving.splice(0));
    return made;
  }
}
