/**
 * What a graph needs while it runs, read off its static shapes: the nodes are gone through in their order, each result is
 * held from the node that makes it to the last one that reads it, outputs to the end. It does not know onnxruntime's
 * allocator, nor what the graph computes: the caller says which values are of one kind.
 */
import { type Graph, type GraphNode, sizeOf, type Value } from '@evenkeel/graph';

/** Bytes of one element. A bool has a byte of its own. */
const elementBytes = { float32: 4, int32: 4, int64: 8, bool: 1 } as const;

/** Their result is their first input by another name. */
const ALIASES = new Set(['Reshape', 'Identity']);

/** Their result takes the place of an input of its size that nobody reads any more. */
const IN_PLACE = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Exp', 'Log', 'Sigmoid', 'Clip'],
  ...['Softmax', 'ScatterElements', 'ScatterND'],
]);

/** An operation that works in room of its own: as much as this input takes. */
const SCRATCH: Readonly<Record<string, number>> = { SoftmaxCrossEntropyLoss: 0 };

/** The bytes of one value. */
function valueBytes({ dtype, shape }: Pick<Value, 'dtype' | 'shape'>): number {
  return elementBytes[dtype] * sizeOf(shape);
}

export interface GraphMemory<K extends string> {
  /** What is held at once at most, by kind, at the moment when the sum is greatest; inputs are not counted. */
  readonly peak: Readonly<Partial<Record<K, number>>>;
  readonly peakBytes: number;
  /** All outputs together. They are part of the peak too, as far as they were made by then. */
  readonly outputBytes: number;
  /** What stands in the graph itself: tables and small numbers. */
  readonly constantBytes: number;
  /** All inputs together. */
  readonly inputBytes: number;
}

function total(values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + valueBytes(value), 0);
}

/**
 * The memory of one run of a graph.
 *
 * @param kindOf names a value's kind; it is asked once for each value that takes room
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * import { GraphBuilder, op } from '@evenkeel/graph';
 *
 * const g = new GraphBuilder('square');
 * const x = g.input('x', 'float32', [8, 8]);
 * g.output('y', op.matmul(g, op.exp(g, x), x));
 * // The exponential and the product are held at once.
 * equal(graphMemory(g.build(), () => 'all').peakBytes, 2 * 8 * 8 * 4);
 * ```
 */
export function graphMemory<K extends string>(graph: Graph, kindOf: (value: Value) => K): GraphMemory<K> {
  const kept = new Set(graph.outputs);
  const readers = countReaders(graph.nodes);
  const rooms = new Map<Value, Room<K>>();
  const held = new Map<K, number>();
  let heldBytes = 0;
  let peakBytes = 0;
  let peak: Partial<Record<K, number>> = {};
  const change = (kind: K, bytes: number): void => {
    held.set(kind, (held.get(kind) ?? 0) + bytes);
    heldBytes += bytes;
  };

  for (const node of graph.nodes) {
    for (const [index, output] of node.outputs.entries()) {
      if (output === undefined) continue;
      const taken = index === 0 ? takenOver(node, output, rooms, readers, kept) : undefined;
      const room = taken ?? { kind: kindOf(output), bytes: valueBytes(output), readers: 0 };
      room.readers += (readers.get(output) ?? 0) + (kept.has(output) ? 1 : 0);
      rooms.set(output, room);
      if (taken === undefined) change(room.kind, room.bytes);
    }
    const working = node.inputs[SCRATCH[node.op] ?? -1];
    const scratchBytes = working === undefined ? 0 : valueBytes(working);
    if (heldBytes + scratchBytes > peakBytes) {
      peakBytes = heldBytes + scratchBytes;
      peak = Object.fromEntries(held) as Partial<Record<K, number>>;
      if (working !== undefined) peak[kindOf(working)] = (peak[kindOf(working)] ?? 0) + scratchBytes;
    }
    for (const value of [...node.inputs, ...node.outputs.filter((output) => output && !readers.has(output))]) {
      const room = value === undefined ? undefined : rooms.get(value);
      if (room === undefined) continue;
      if (node.inputs.includes(value)) room.readers--;
      if (room.readers === 0) {
        change(room.kind, -room.bytes);
        room.readers = Number.NaN;
      }
    }
  }
  return {
    peak,
    peakBytes,
    outputBytes: total(graph.outputs),
    constantBytes: total(graph.constants.map(({ value }) => value)),
    inputBytes: total(graph.inputs),
  };
}

/** What one or several values lie in. */
interface Room<K> {
  readonly kind: K;
  readonly bytes: number;
  /** Reads that are still to come, of all values in it. */
  readers: number;
}

function countReaders(nodes: readonly GraphNode[]): Map<Value, number> {
  const readers = new Map<Value, number>();
  for (const node of nodes) {
    for (const input of node.inputs) if (input !== undefined) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  return readers;
}

/** The room of an input that the node's result lies in; undefined where it gets one of its own. */
function takenOver<K>(
  node: GraphNode,
  output: Value,
  rooms: ReadonlyMap<Value, Room<K>>,
  readers: ReadonlyMap<Value, number>,
  kept: ReadonlySet<Value>,
): Room<K> | undefined {
  // An output of the graph is room of its own: the runtime hands it out.
  if (kept.has(output)) return undefined;
  const [first] = node.inputs;
  if (ALIASES.has(node.op)) return first && rooms.get(first);
  if (!IN_PLACE.has(node.op)) return undefined;
  for (const input of node.inputs) {
    const room = input && rooms.get(input);
    if (room === undefined || kept.has(input!) || room.bytes !== valueBytes(output)) continue;
    const reads = node.inputs.filter((other) => other === input).length;
    if (room.readers === reads && readers.has(input!)) return room;
  }
  return undefined;
}
