/**
 * Things that are dear to make again, by key: the least recently used go first, above a number or a size. What was used last stays,
 * however large. It does not know what the things are.
 */
export interface RecentlyUsedOptions<V> {
  readonly maxCount: number;
  /** Of all things together; the last one used may be larger. */
  readonly maxBytes?: number;
  /** Default: nothing. */
  readonly bytesOf?: (value: V) => number;
  /** Told of what goes out for room's sake. */
  readonly onOut?: (value: V) => void;
}

/**
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { RecentlyUsed } from '@evenkeel/policy';
 *
 * const kept = new RecentlyUsed<string>({ maxCount: 2 });
 * kept.put('a', 'A');
 * kept.put('b', 'B');
 * kept.get('a');
 * kept.put('c', 'C');
 * deepEqual([kept.get('a'), kept.get('b'), kept.get('c')], ['A', undefined, 'C']);
 * ```
 */
export class RecentlyUsed<V> {
  readonly #options: RecentlyUsedOptions<V>;
  /** Oldest use first. */
  readonly #values = new Map<string, { readonly value: V; readonly bytes: number }>();
  #bytes = 0;

  constructor(options: RecentlyUsedOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The thing, which thereby is the last one used. */
  get(key: string): V | undefined {
    const found = this.#values.get(key);
    if (found === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, found);
    return found.value;
  }

  /** Takes the thing out: whoever is to change it puts it back when it is whole again. */
  take(key: string): V | undefined {
    const found = this.#values.get(key);
    if (found === undefined) return undefined;
    this.#values.delete(key);
    this.#bytes -= found.bytes;
    return found.value;
  }

  put(key: string, value: V): void {
    this.take(key);
    const bytes = this.#options.bytesOf?.(value) ?? 0;
    this.#values.set(key, { value, bytes });
    this.#bytes += bytes;
    this.makeRoom(0);
  }

  /** Takes all of them out, oldest use first. */
  clear(): V[] {
    const values = [...this.#values.values()].map(({ value }) => value);
    this.#values.clear();
    this.#bytes = 0;
    return values;
  }

  /** Lets things go until so much more has room besides. */
  makeRoom(bytes: number): void {
    const { maxCount, maxBytes = Number.POSITIVE_INFINITY, onOut } = this.#options;
    const coming = bytes > 0 ? 1 : 0;
    while (this.#values.size + coming > 1) {
      if (this.#values.size + coming <= maxCount && this.#bytes + bytes <= maxBytes) return;
      const [oldest] = this.#values.keys();
      const out = this.take(oldest!);
      if (out !== undefined) onOut?.(out);
    }
  }
}
