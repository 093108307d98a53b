/**
 * How much may wait: a bound on the items and on the bytes that were taken in and are not answered yet, and the pace at which
 * items are answered, from which those who are turned away learn when to come back. It knows neither HTTP nor verifiers.
 *
 * Invariant: what is held never exceeds the bounds, except that an empty budget takes any one request.
 */
export interface ItemBudgetOptions {
  readonly maxItems: number;
  readonly maxBytes: number;
  /** Milliseconds from any beginning, never going back. */
  readonly now?: () => number;
}

/** What a request holds; to be given back exactly once, however it ends. */
export interface Hold {
  /** @returns false where there is no room; then nothing is held in addition */
  add(what: { readonly items?: number; readonly bytes?: number }): boolean;
  /** Takes room without asking, for what is there already, such as an answer that waits to be read. */
  charge(bytes: number): void;
  /** Items that were answered; they count for the pace, and leave. */
  answered(items: number): void;
  release(): void;
}

const LONGEST_WAIT_S = 60;
/** Over how long the pace is averaged. */
const MEMORY_MS = 10_000;

export class ItemBudget {
  readonly maxItems: number;
  readonly maxBytes: number;
  #now: () => number;
  #items = 0;
  #bytes = 0;
  /** Answered items and busy milliseconds, both fading. */
  #answered = 0;
  #busyMs = 0;
  #last: number;

  constructor({ maxItems, maxBytes, now = () => performance.now() }: ItemBudgetOptions) {
    this.maxItems = maxItems;
    this.maxBytes = maxBytes;
    this.#now = now;
    this.#last = now();
  }

  /** Items taken in and not answered. */
  get items(): number {
    return this.#items;
  }

  /** Bytes of bodies of requests that are not answered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Items per second while there were any; null before the first answer. */
  get pace(): number | null {
    return this.#answered > 0 && this.#busyMs > 0 ? (this.#answered * 1000) / this.#busyMs : null;
  }

  /** Whole seconds until what waits now will have been answered, as far as the pace tells; at least 1, at most 60. */
  get retryAfterS(): number {
    const { pace } = this;
    return pace === null ? 1 : Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(this.#items / pace)));
  }

  hold(): Hold {
    let [items, bytes, released] = [0, 0, false];
    return {
      add: (what) => {
        const [moreItems, moreBytes] = [what.items ?? 0, what.bytes ?? 0];
        const others = { items: this.#items - items, bytes: this.#bytes - bytes };
        if (others.items > 0 && this.#items + moreItems > this.maxItems) return false;
        if (others.bytes > 0 && this.#bytes + moreBytes > this.maxBytes) return false;
        this.#pass();
        items += moreItems;
        bytes += moreBytes;
        this.#items += moreItems;
        this.#bytes += moreBytes;
        return true;
      },
      charge: (more) => {
        bytes += more;
        this.#bytes += more;
      },
      answered: (count) => {
        this.#pass();
        this.#answered += count;
        items -= count;
        this.#items -= count;
      },
      release: () => {
        if (released) return;
        released = true;
        this.#pass();
        this.#items -= items;
        this.#bytes -= bytes;
        [items, bytes] = [0, 0];
      },
    };
  }

  /** Time counts only while items wait. */
  #pass(): void {
    const now = this.#now();
    const passedMs = now - this.#last;
    this.#last = now;
    if (this.#items === 0) return;
    const fade = Math.exp(-passedMs / MEMORY_MS);
    this.#answered *= fade;
    this.#busyMs = this.#busyMs * fade + passedMs;
  }
}
