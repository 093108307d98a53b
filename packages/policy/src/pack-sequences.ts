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
 * sequences. A last micro-batch that fills a quarter of its rows at most is one of a quarter of the rows: two static
 * shapes per length, no more, because each is a session.
 */
export function packSequences(lengths: readonly number[], options: PackingOptions): PackedBatch[] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: PackedBatch[] = [];
  for (let start = 0; start < order.length; ) {
    const length = Math.min(roundUp(Math.max(lengths[order[start]!]!, 1), options.multiple), options.longest);
    const most = Math.max(1, Math.floor(options.tokens / length));
    const rows = order.slice(start, start + most);
    const quarter = Math.ceil(most / 4);
    const batch = rows.length <= quarter ? quarter : most;
    batches.push({ rows, batch, length });
    start += rows.length;
  }
  return batches;
}
