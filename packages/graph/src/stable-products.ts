/**
 * Rewrites the matrix products whose last bits would depend on the number of threads, so that they do not.
 *
 * MLAS, onnxruntime's float32 mathematics, shares a product out by columns where there are more columns than rows. It sums over
 * blocks of 128 inner elements, or over longer ones where a thread's columns are few (64 or less): with another number of threads the
 * sums are cut elsewhere, and round otherwise. The transpose of such a product has more rows than columns; it is shared out by rows,
 * and a row's sum is the same whoever computes it. Source: `MlasSgemmThreaded` and `MlasSgemmOperation` of onnxruntime 1.30; measured
 * by `policy-engine.test.ts`.
 */
import { integerAttribute } from './op-types.ts';
import type { Graph, GraphNode, Value } from './value.ts';

/** Inner elements that are summed in one block however few the columns. */
const BLOCK = 128;
/** A thread with at most so many columns sums over longer blocks. */
const FEW_COLUMNS = 64;
/** Up to this number of threads a product is safe. */
const MOST_THREADS = 16;

function dependsOnThreads({ op, inputs, outputs, attributes }: GraphNode): boolean {
  if (op !== 'Gemm') return false;
  const [rows, columns] = outputs[0]!.shape as [number, number];
  const inner = inputs[0]!.shape[integerAttribute(attributes, 'transA', 0) ? 0 : 1]!;
  return inner > BLOCK && columns > rows && columns <= FEW_COLUMNS * MOST_THREADS;
}

/** (Bᵀ·Aᵀ)ᵀ + C in place of A·B + C. Not as a Gemm: onnxruntime would take the transposition back into it. */
function transposed({ inputs, outputs, attributes }: GraphNode): GraphNode[] {
  const [a, b, c] = inputs;
  const output = outputs[0]!;
  const [rows, columns] = output.shape as [number, number];
  const product: Value = { name: `${output.name}/product`, dtype: 'float32', shape: [columns, rows] };
  const turned: Value = c === undefined ? output : { ...output, name: `${output.name}/turned` };
  const flipped = (name: string): number => 1 - integerAttribute(attributes, name, 0);
  return [
    {
      op: 'FusedMatMul',
      inputs: [b, a],
      outputs: [product],
      attributes: { ...attributes, transA: flipped('transB'), transB: flipped('transA') },
    },
    { op: 'Transpose', inputs: [product], outputs: [turned], attributes: { perm: [1, 0] } },
    ...(c === undefined ? [] : [{ op: 'Add', inputs: [turned, c], outputs: [output], attributes: {} }]),
  ];
}

/** The same graph, its bits the same with up to 16 threads. */
export function stableProducts(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => (dependsOnThreads(node) ? transposed(node) : [node])) };
}
