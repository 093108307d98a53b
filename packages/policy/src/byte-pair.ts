/**
 * Byte-pair merging of one word, on ids: the pair of lowest rank is merged first, the leftmost of equals, until no pair
 * has a rank. It knows neither text nor pre-tokenizers.
 *
 * A heap of `rank · length + position` over a linked list of symbols: O(n log n), so that a megabyte without a space
 * takes a second and not an hour.
 */

/** The merges of a vocabulary: for a pair of ids, its rank and the id of the two together. */
export interface MergeTable {
  readonly ranks: ReadonlyMap<number, number>;
  /** The merged id by rank. */
  readonly merged: Int32Array;
  /** A pair's key is `left * stride + right`. */
  readonly stride: number;
}

/**
 * Merges a word.
 *
 * @param symbols one id per byte; not changed
 * @returns the ids after all merges
 */
export function mergePairs(symbols: readonly number[], table: MergeTable): number[] {
  const count = symbols.length;
  if (count < 2) return [...symbols];
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from(symbols, (_, index) => index + 1);
  const previous = Int32Array.from(symbols, (_, index) => index - 1);
  /** The rank of the pair that starts at a position, or −1: a heap entry of another rank is stale. */
  const rankAt = new Int32Array(count).fill(-1);
  const heap: number[] = [];
  const consider = (left: number): void => {
    const right = next[left]!;
    const rank = right < count ? (table.ranks.get(ids[left]! * table.stride + ids[right]!) ?? -1) : -1;
    rankAt[left] = rank;
    if (rank >= 0) push(heap, rank * count + left);
  };
  for (let index = 0; index + 1 < count; index++) consider(index);
  while (heap.length > 0) {
    const entry = pop(heap);
    const left = entry % count;
    const rank = Math.floor(entry / count);
    if (rankAt[left] !== rank) continue;
    const right = next[left]!;
    ids[left] = table.merged[rank]!;
    rankAt[right] = -1;
    next[left] = next[right]!;
    if (next[right]! < count) previous[next[right]!] = left;
    consider(left);
    if (previous[left]! >= 0) consider(previous[left]!);
  }
  const merged: number[] = [];
  for (let index = 0; index < count; index = next[index]!) merged.push(ids[index]!);
  return merged;
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

function pop(heap: number[]): number {
  const smallest = heap[0]!;
  const value = heap.pop()!;
  if (heap.length === 0) return smallest;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= value) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = value;
  return smallest;
}
