/**
 * A place for one sandboxed process at a time, started when it is needed and again after it died. It asks and hands on; who is to
 * blame for a death, and what an answer means, is not its business.
 */
import type { BatchOutcome, Death, SandboxLink } from './sandbox-link.ts';
import type { SandboxMethod } from './sandbox-messages.ts';

export interface CellOptions {
  /** Starts a process; rejects where that cannot be done at all. */
  readonly start: () => Promise<SandboxLink>;
  /** Told of each death that was not asked for, once. */
  readonly died: (death: Death) => void;
  /** Told of each process in place of one that died. */
  readonly restarted: () => void;
  /** A process that runs already. */
  readonly link?: SandboxLink | null;
}

export class SandboxCell {
  #options: CellOptions;
  #link: SandboxLink | null;
  #mourned: SandboxLink | null = null;

  constructor(options: CellOptions) {
    this.#options = options;
    this.#link = options.link ?? null;
  }

  /** The process, while one is running. */
  get pid(): number | undefined {
    return this.#link?.alive ? this.#link.pid : undefined;
  }

  /** The process that runs, or a new one. */
  async living(): Promise<SandboxLink> {
    if (this.#link?.alive) return this.#link;
    if (this.#link !== null) {
      await this.#link.gone;
      this.#link = null;
      this.#options.restarted();
    }
    this.#link = await this.#options.start();
    return this.#link;
  }

  /** A process that was not asked anything yet. */
  async fresh(): Promise<SandboxLink> {
    if (this.#link?.alive && !this.#link.fresh) await this.close();
    return await this.living();
  }

  /** One batch to a link of this cell. */
  async run(
    link: SandboxLink,
    method: SandboxMethod,
    payloads: readonly string[],
    options: { readonly maxChars: number; readonly single?: boolean },
  ): Promise<BatchOutcome> {
    const outcome = await link.run(method, payloads, options);
    // Batches that are under way at once die of one death.
    if (outcome.death !== null && this.#mourned !== link) {
      this.#mourned = link;
      this.#options.died(outcome.death);
    }
    return outcome;
  }

  /** Ends the process; the next that is asked for is another. */
  async close(): Promise<void> {
    const link = this.#link;
    this.#link = null;
    await link?.close();
  }
}
