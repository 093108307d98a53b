/**
 * Sequences of many lengths in few static shapes. Pure and deterministic: the same lengths give the same micro-batches
 * in the same order, which fixes the order in which gradients are summed.
 */

/** Sequences that run together, padded on the right. */
export interface PackedBatch {
  /** Indices of the sequences, at most `batch` of them. */
  readonly rows: readonly number[];
  readonly batch: number;
  readonly length: number;
}

export interface PackingOptions {
  /** Positions per micro-batch, roughly. */
  readonly tokens: number;
  /** Lengths are rounded up to a multiple of this. */
  readonly multiple: number;
  /** No length is rounded beyond this. */
  readonly longest: number;
}

/** Rounds up to a multiple. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * Longest first; equal lengths keep their order. What is left over at the end of a bucket is filled up with shorter
 * sequences, and the last micro-batch may be one of half or a quarter of the rows.
 */
export function packSequences(lengths: readonly number[], options: PackingOptions): PackedBatch[] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: PackedBatch[] = [];
  for (let start = 0; start < order.length; ) {
    const length = Math.min(roundUp(Math.max(lengths[order[start]!]!, 1), options.multiple), options.longest);
    const most = Math.max(1, Math.floor(options.tokens / length));
    const rows = order.slice(start, start + most);
    const batch = [Math.ceil(most / 4), Math.ceil(most / 2)].find((smaller) => rows.length <= smaller) ?? most;
    batches.push({ rows, batch, length });
    start += rows.length;
  }
  return batches;
}
