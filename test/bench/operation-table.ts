/**
 * The events of onnxruntime's profiler, summed by operation: where the time of a graph goes, and how fast its products of matrices
 * run. Pure: it reads no file and no clock.
 */

/** One execution of one node. */
export interface OperationEvent {
  /** Of products with their form: `Gemm A·Bᵀ`. */
  readonly op: string;
  /** The node's place in the graph; −1 for what onnxruntime made itself. */
  readonly index: number;
  readonly startUs: number;
  readonly us: number;
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
}

/** All events of a session. */
export interface SessionEvents {
  readonly graph: string;
  /** Index of the last node of the forward pass. */
  readonly lossAt: number;
  readonly runs: readonly { readonly startUs: number; readonly us: number }[];
  readonly operations: readonly OperationEvent[];
}

export type Pass = 'forward' | 'backward';

/** One kind of operation in one pass, summed over all runs. */
export interface OperationRow {
  readonly pass: Pass;
  readonly op: string;
  readonly calls: number;
  readonly ms: number;
  /** Floating-point operations of the products; 0 for other operations. */
  readonly flops: number;
}

/**
 * Rows by pass and operation, the longest first; a run's time outside of operations is the row `(between)`.
 *
 * @param skipRuns how many of the first runs do not count: the first one plans memory
 */
export function operationRows(session: SessionEvents, skipRuns = 1): OperationRow[] {
  const counted = session.runs.slice(skipRuns);
  const from = counted[0]?.startUs ?? Number.POSITIVE_INFINITY;
  const events = session.operations.filter(({ startUs }) => startUs >= from);
  const rows = new Map<string, { pass: Pass; op: string; calls: number; ms: number; flops: number }>();
  let inside = 0;
  for (const event of events) {
    const pass = event.index > session.lossAt ? 'backward' : 'forward';
    const row = rows.getOrInsertComputed(`${pass}/${event.op}`, () => ({
      ...{ pass, op: event.op, calls: 0, ms: 0, flops: 0 },
    }));
    row.calls++;
    row.ms += event.us / 1000;
    row.flops += productFlops(event);
    inside += event.us;
  }
  const whole = counted.reduce((sum, { us }) => sum + us, 0);
  if (counted.length > 0) {
    rows.set('between', {
      ...{ pass: 'forward', op: '(between)', calls: counted.length, ms: (whole - inside) / 1000, flops: 0 },
    });
  }
  return [...rows.values()].sort((a, b) => b.ms - a.ms);
}

/** Adds the rows of several sessions by pass and operation. */
export function mergeRows(lists: readonly (readonly OperationRow[])[]): OperationRow[] {
  const merged = new Map<string, OperationRow>();
  for (const row of lists.flat()) {
    const key = `${row.pass}/${row.op}`;
    const sum = merged.get(key);
    merged.set(
      key,
      sum === undefined
        ? row
        : { ...sum, calls: sum.calls + row.calls, ms: sum.ms + row.ms, flops: sum.flops + row.flops },
    );
  }
  return [...merged.values()].sort((a, b) => b.ms - a.ms);
}

const products = new Set(['Gemm', 'FusedGemm', 'MatMul', 'FusedMatMul']);

/** 2·M·N·K of a product, over its batch, whichever of its operands is transposed; scores and mixture of an attention, unmasked. */
export function productFlops({ op, inputs, outputs }: Pick<OperationEvent, 'op' | 'inputs' | 'outputs'>): number {
  const size = (shape: readonly number[] = []): number => shape.reduce((product, dimension) => product * dimension, 1);
  const [a, b] = inputs;
  const [y] = outputs;
  if (a === undefined || b === undefined || y === undefined) return 0;
  if (products.has(op.split(' ')[0]!)) {
    const batch = size(y.slice(0, -2));
    // M·K and K·N and M·N are known, per matrix of the batch: K² = (M·K)(K·N) / (M·N).
    const sizeOfB = size(b) / (b.length > 2 ? batch : 1);
    return 2 * size(y) * Math.round(Math.sqrt(((size(a) / batch) * sizeOfB) / (size(y) / batch)));
  }
  if (op === 'Attention' && a.length === 4) {
    const [batch, heads, length, width] = a as [number, number, number, number];
    return 4 * batch * heads * length * width * b[2]!;
  }
  return 0;
}

const SMALL = 0.002;

/** The head of the table of `operationLines`. */
export const operationHead = ['operation', 'pass', 'calls', 'ms', 'share', 'GFLOP/s'];

/**
 * Lines of a table: operation, pass, calls and ms per unit of work, share of the whole, and the products' rate. What is below 0.2 %
 * stands in one line at the end.
 */
export function operationLines(rows: readonly OperationRow[], per: number): string[][] {
  const whole = rows.reduce((sum, { ms }) => sum + ms, 0);
  const large = rows.filter(({ ms }) => ms >= SMALL * whole);
  const small = rows.filter(({ ms }) => ms < SMALL * whole);
  const [calls, ms] = small.reduce(([sumCalls, sumMs], row) => [sumCalls + row.calls, sumMs + row.ms], [0, 0]);
  const rest = { pass: 'both', op: `${small.length} others`, calls, ms, flops: 0 } as const;
  return [...large, ...(small.length === 0 ? [] : [rest])].map(({ pass, op, calls, ms, flops }) => [
    op,
    pass,
    (calls / per).toFixed(0),
    (ms / per).toFixed(2),
    `${((100 * ms) / whole).toFixed(1)} %`,
    flops === 0 ? '' : (flops / ms / 1e6).toFixed(0),
  ]);
}
