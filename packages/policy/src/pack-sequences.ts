/**
 * Sequences of many lengths in few static shapes. What sequences have in common at their beginning, their prefix, stands in a
 * micro-batch once; what each has of its own is a branch of it. Pure and deterministic: the same sequences give the same
 * micro-batches in the same order, which fixes the order in which gradients are summed.
 */

/** A sequence as the packer sees it. */
export interface Branch {
  /** Tokens that it may share with others, from its beginning; none where nothing is shared. */
  readonly prefix: Int32Array;
  /** Positions of its own; a sequence without one is in no micro-batch. */
  readonly length: number;
}

/** The static shape of a micro-batch: its graph, and so its session. */
export interface BatchShape {
  /** Prefixes, each padded on the right to `prefixLength`; both 0 where there are none. */
  readonly prefixes: number;
  readonly prefixLength: number;
  /** Branches, each padded on the right to `length`. */
  readonly batch: number;
  readonly length: number;
}

/** A shape as the name of its graph. */
export function shapeName({ prefixes, prefixLength, batch, length }: BatchShape): string {
  return prefixes === 0 ? `${batch}x${length}` : `${prefixes}x${prefixLength}+${batch}x${length}`;
}

/** Branches that run together. */
export interface PackedBatch extends BatchShape {
  /** Indices of the sequences, at most `batch` of them. */
  readonly rows: readonly number[];
  /** Each prefix by the index of a sequence that has it, at most `prefixes` of them. */
  readonly heads: readonly number[];
  /** Of each row, the index of its prefix in `heads`; `NO_PREFIX` where it has none. */
  readonly prefixOf: readonly number[];
}

export const NO_PREFIX = -1;

export interface PackingOptions {
  /** Positions per micro-batch, roughly. */
  readonly tokens: number;
  /** No length is rounded beyond this. */
  readonly longest: number;
}

/** Rounds up to a multiple. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Lengths are rounded up so that at most an eighth is added, or `least` positions: few different ones. */
export function lengthBucket(length: number, least: number, longest: number): number {
  const step = Math.max(least, 2 ** (Math.floor(Math.log2(Math.max(length, 1))) - 3));
  return Math.min(roundUp(Math.max(length, 1), step), longest);
}

const BRANCH_STEP = 8;
const PREFIX_STEP = 32;

/** Sequences of one prefix, longest first. */
interface Family {
  readonly head: number;
  readonly prefixLength: number;
  readonly rows: readonly number[];
  readonly length: number;
}

/** Sequences by equal prefixes, in the order of their first one. A sequence without a prefix stands alone. */
function familiesOf(branches: readonly Branch[], { longest }: PackingOptions): Family[] {
  const byPrefix = new Map<string, number[]>();
  for (const [index, { prefix, length }] of branches.entries()) {
    if (length === 0) continue;
    const key = prefix.length === 0 ? `alone ${index}` : prefix.join(',');
    byPrefix.getOrInsertComputed(key, () => []).push(index);
  }
  return [...byPrefix.values()].map((rows) => {
    rows.sort((a, b) => branches[b]!.length - branches[a]!.length || a - b);
    const [head] = rows as [number];
    const { prefix } = branches[head]!;
    return {
      ...{ head, rows },
      prefixLength: prefix.length === 0 ? 0 : lengthBucket(prefix.length, PREFIX_STEP, longest),
      length: lengthBucket(branches[head]!.length, BRANCH_STEP, longest),
    };
  });
}

/**
 * A shape for families like this one: as many of them as the positions allow, with as many branches as families have on the average.
 * A family that is too large is cut, its prefix computed once for each part.
 */
function shapeFor({ prefixLength, length }: Family, average: number, { tokens }: PackingOptions): BatchShape {
  const families = Math.max(1, Math.floor(tokens / (prefixLength + average * length)));
  const most = Math.max(1, Math.floor((tokens - families * prefixLength) / length));
  const batch = Math.max(1, Math.min(Math.round(families * average), most));
  return { prefixes: prefixLength === 0 ? 0 : families, prefixLength, batch, length };
}

/** A micro-batch that is being filled. */
class OpenBatch {
  readonly shape: BatchShape;
  readonly rows: number[] = [];
  readonly heads: number[] = [];
  readonly prefixOf: number[] = [];

  constructor(shape: BatchShape) {
    this.shape = shape;
  }

  hasRoomFor({ prefixLength }: Family): boolean {
    const { prefixes, batch } = this.shape;
    if (this.rows.length === batch || prefixLength > this.shape.prefixLength) return false;
    return prefixLength === 0 || this.heads.length < prefixes;
  }

  /** Takes as many of these rows as there is room for, and says how many. */
  take({ head, prefixLength }: Family, rows: readonly number[]): number {
    const taken = rows.slice(0, this.shape.batch - this.rows.length);
    if (prefixLength > 0) this.heads.push(head);
    for (const row of taken) {
      this.rows.push(row);
      this.prefixOf.push(prefixLength === 0 ? NO_PREFIX : this.heads.length - 1);
    }
    return taken.length;
  }

  /** A quarter of the shape where that is enough. */
  close(): PackedBatch {
    const { rows, heads, prefixOf, shape } = this;
    const quarter = { prefixes: Math.ceil(shape.prefixes / 4), batch: Math.ceil(shape.batch / 4) };
    const enough = rows.length <= quarter.batch && heads.length <= quarter.prefixes;
    return { ...shape, ...(enough ? quarter : {}), rows, heads, prefixOf };
  }
}

/**
 * Longest branches first, then longest prefixes; equal ones keep their order. What is left over at the end of a bucket is filled up
 * with shorter ones; a family that does not fit whole goes on in the next micro-batch, its prefix computed once more. A micro-batch
 * that fills a quarter of its rows at most is one of a quarter of the rows: two static shapes per pair of lengths, no more, because
 * each is a session.
 */
export function packSequences(branches: readonly Branch[], options: PackingOptions): PackedBatch[] {
  const families = familiesOf(branches, options).sort(
    (a, b) => b.length - a.length || b.prefixLength - a.prefixLength || a.head - b.head,
  );
  const average = families.reduce((total, { rows }) => total + rows.length, 0) / Math.max(1, families.length);
  const batches: PackedBatch[] = [];
  let open: OpenBatch | undefined;
  for (const family of families) {
    for (let at = 0; at < family.rows.length; ) {
      if (open !== undefined && !open.hasRoomFor(family)) {
        batches.push(open.close());
        open = undefined;
      }
      open ??= new OpenBatch(shapeFor(family, average, options));
      at += open.take(family, family.rows.slice(at));
    }
  }
  if (open !== undefined) batches.push(open.close());
  return batches;
}
