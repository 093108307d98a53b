/**
 * The line before one verifier: requests of any size are cut and joined into portions, a few of which are under way at once, so
 * that many small requests cost as little as one large one and a request whose asker is gone costs nothing. It knows no HTTP.
 *
 * Invariants: results are in the order of the request's items; a portion that fails fails its requests only.
 */
export interface WorkQueueOptions<T, R> {
  /** One result per item, in order. */
  readonly work: (items: readonly T[]) => Promise<readonly R[]>;
  /** Portions under way at once. */
  readonly underWay: number;
  /** Most items of a portion. */
  readonly portion: number;
  /** About how long a portion may take: where items are slow, portions are small, so that nobody waits long behind them. */
  readonly portionMs?: number;
}

/** Of a portion, while it is not known how long an item takes. */
const FIRST_PORTION = 16;
/** Weight of the latest portion in what is known of it. */
const LATEST = 0.3;

export interface WorkRequest {
  /** Aborted when nobody waits any more: what has not begun is left out. */
  readonly signal?: AbortSignal;
  /** Called with the number of items that have just got their result. */
  readonly onDone?: (count: number) => void;
}

interface Waiting<T, R> {
  readonly items: readonly T[];
  readonly results: R[];
  readonly onDone: ((count: number) => void) | undefined;
  readonly resolve: (results: R[]) => void;
  readonly reject: (reason: unknown) => void;
  /** First item that is in no portion yet. */
  next: number;
  open: number;
  settled: boolean;
}

interface Share<T, R> {
  readonly request: Waiting<T, R>;
  readonly from: number;
  readonly count: number;
}

export class WorkQueue<T, R> {
  #options: WorkQueueOptions<T, R>;
  #line: Waiting<T, R>[] = [];
  #running = 0;
  /** How long an item takes; null before the first. */
  #itemMs: number | null = null;
  #closed: Error | null = null;

  constructor(options: WorkQueueOptions<T, R>) {
    this.#options = options;
  }

  /** The results of all items; rejects with what a portion failed with, or with the signal's reason. */
  ask(items: readonly T[], { signal, onDone }: WorkRequest = {}): Promise<R[]> {
    return new Promise<R[]>((resolve, reject) => {
      if (this.#closed !== null) return reject(this.#closed);
      if (signal?.aborted === true) return reject(signal.reason);
      const results = new Array<R>(items.length);
      const request: Waiting<T, R> = {
        items,
        results,
        onDone,
        resolve,
        reject,
        next: 0,
        open: items.length,
        settled: false,
      };
      signal?.addEventListener('abort', () => this.#drop(request, signal.reason), { once: true });
      this.#line.push(request);
      this.#start();
    });
  }

  /** Refuses what has not begun; what is under way is finished. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const request of [...this.#line]) this.#drop(request, reason);
  }

  #drop(request: Waiting<T, R>, reason: unknown): void {
    if (request.settled) return;
    request.settled = true;
    const place = this.#line.indexOf(request);
    if (place >= 0) this.#line.splice(place, 1);
    request.reject(reason);
  }

  #start(): void {
    while (this.#running < this.#options.underWay && this.#line.length > 0) {
      this.#running++;
      void this.#run(this.#nextPortion());
    }
  }

  #nextPortion(): Share<T, R>[] {
    const shares: Share<T, R>[] = [];
    for (let room = this.#room(); room > 0 && this.#line.length > 0; ) {
      const request = this.#line[0]!;
      const count = Math.min(room, request.items.length - request.next);
      shares.push({ request, from: request.next, count });
      request.next += count;
      room -= count;
      if (request.next === request.items.length) this.#line.shift();
    }
    return shares;
  }

  #room(): number {
    const { portion, portionMs } = this.#options;
    if (portionMs === undefined) return portion;
    if (this.#itemMs === null) return Math.min(portion, FIRST_PORTION);
    return Math.max(1, Math.min(portion, Math.floor(portionMs / this.#itemMs)));
  }

  #learn(count: number, ms: number): void {
    const itemMs = Math.max(ms / count, 1e-6);
    this.#itemMs = this.#itemMs === null ? itemMs : (1 - LATEST) * this.#itemMs + LATEST * itemMs;
  }

  async #run(shares: readonly Share<T, R>[]): Promise<void> {
    const items = shares.flatMap(({ request, from, count }) => request.items.slice(from, from + count));
    const begun = performance.now();
    try {
      const results = await this.#options.work(items);
      this.#learn(items.length, performance.now() - begun);
      let at = 0;
      for (const share of shares) {
        this.#finish(share, results, at);
        at += share.count;
      }
    } catch (error) {
      for (const { request } of shares) this.#drop(request, error);
    } finally {
      this.#running--;
      this.#start();
    }
  }

  #finish({ request, from, count }: Share<T, R>, results: readonly R[], at: number): void {
    for (let place = 0; place < count; place++) request.results[from + place] = results[at + place]!;
    request.open -= count;
    if (request.settled) return;
    request.onDone?.(count);
    if (request.open > 0) return;
    request.settled = true;
    request.resolve(request.results);
  }
}
