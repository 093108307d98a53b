/**
 * A graph as one execution provider takes it. Each provider has a table of rewrites: operations that it has no kernel for, and would
 * hand to the CPU with a copy each way, are written with ones that it has; an operation whose kernel is wrong is written round. What a
 * graph computes stays the same but for rounding. It does not know what the graphs are for, nor opens any provider.
 */
import { floatAttribute, inferTypes, integerAttribute } from './op-types.ts';
import { stableProducts } from './stable-products.ts';
import { type Attributes, type Constant, type Graph, type GraphNode, sizeOf, type Value } from './value.ts';

/** onnxruntime's execution providers that graphs are written for. */
export type Provider = 'cpu' | 'webgpu' | 'cuda';

/** Takes the place of a node: adds others, the last of which write what the node wrote. */
type Rewrite = (node: GraphNode, to: Rewriter) => void;

/** Collects the nodes and constants that take a node's place. */
class Rewriter {
  readonly nodes: GraphNode[] = [];
  readonly constants: Constant[] = [];
  #stem = '';
  #count = 0;

  /** The names of what is added from now on begin with this. */
  begin(node: GraphNode): void {
    this.#stem = node.outputs.find((output) => output !== undefined)!.name;
    this.#count = 0;
  }

  /** Adds a node; its first output is a new value, or the one given. */
  add(op: string, inputs: readonly Value[], attributes: Attributes = {}, output?: Value): Value {
    const made = output ?? { name: this.#name(op), ...inferTypes(op, inputs, attributes)[0]! };
    this.nodes.push({ op, inputs, outputs: [made], attributes });
    return made;
  }

  constant(shape: readonly number[], data: Constant['data']): Value {
    const value: Value = { name: this.#name('constant'), dtype: 'float32', shape };
    this.constants.push({ value, data });
    return value;
  }

  scalar(number: number): Value {
    return this.constant([], [number]);
  }

  reshape(x: Value, shape: readonly number[], output?: Value): Value {
    return this.add('Reshape', [x], { shape }, output);
  }

  #name(op: string): string {
    return `${this.#stem}/${op}.${this.#count++}`;
  }
}

const lastTwoTurned = (rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));

/** alpha · A·B of stacks of matrices, each operand turned where it is asked for. */
function product(
  to: Rewriter,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1 }: { transA?: boolean; transB?: boolean; alpha?: number },
  output?: Value,
): Value {
  const turned = (x: Value, turn: boolean): Value =>
    turn ? to.add('Transpose', [x], { perm: lastTwoTurned(x.shape.length) }) : x;
  const operands = [turned(a, transA), turned(b, transB)];
  if (alpha === 1) return to.add('MatMul', operands, {}, output);
  return to.add('Mul', [to.add('MatMul', operands), to.scalar(alpha)], {}, output);
}

/** x − max − log Σ exp(x − max), over the last axis. */
function logSoftmax(to: Rewriter, x: Value, output?: Value): Value {
  const last = { axes: [x.shape.length - 1], keepdims: 1 };
  const shifted = to.add('Sub', [x, to.add('ReduceMax', [x], last)]);
  const sum = to.add('ReduceSum', [to.add('Exp', [shifted])], last);
  return to.add('Sub', [shifted, to.add('Log', [sum])], {}, output);
}

const fusedMatMul: Rewrite = ({ inputs, outputs, attributes }, to) => {
  const [a, b] = inputs as [Value, Value];
  const how = {
    transA: integerAttribute(attributes, 'transA', 0) === 1,
    transB: integerAttribute(attributes, 'transB', 0) === 1,
    alpha: floatAttribute(attributes, 'alpha', 1),
  };
  product(to, a, b, how, outputs[0]);
};

/**
 * The norm as it is, and 1 / rms by itself: WebGPU's kernel writes the mean there (onnxruntime 1.30), and gradients are taken
 * with it.
 */
const inverseRms: Rewrite = (node, to) => {
  const [x] = node.inputs as [Value];
  const inverse = node.outputs[1];
  to.nodes.push({ ...node, outputs: node.outputs.slice(0, 1) });
  if (inverse === undefined) return;
  const last = { axes: [x.shape.length - 1], keepdims: 1 };
  const mean = to.add('ReduceMean', [to.add('Mul', [x, x])], last);
  const epsilon = to.scalar(floatAttribute(node.attributes, 'epsilon', 1e-5));
  to.add('Div', [to.scalar(1), to.add('Sqrt', [to.add('Add', [mean, epsilon])])], {}, inverse);
};

/** softmax(scale · Q·Kᵀ + mask)·V with the probabilities kept. Query heads that share a key head stand below each other. */
const attention: Rewrite = ({ inputs, outputs, attributes }, to) => {
  const [q, k, v, mask] = inputs as [Value, Value, Value, Value | undefined];
  const [batch, heads, length, size] = q.shape as [number, number, number, number];
  const [, keyHeads, keys] = k.shape as [number, number, number];
  const stacked = [batch, keyHeads, (heads / keyHeads) * length];
  const alpha = floatAttribute(attributes, 'scale', 1 / Math.sqrt(size));
  const scores = product(to, to.reshape(q, [...stacked, size]), k, { transB: true, alpha });
  let seen = to.reshape(scores, [batch, heads, length, keys]);
  if (mask !== undefined) seen = to.add('Add', [seen, mask]);
  if (integerAttribute(attributes, 'is_causal', 0) === 1) {
    // Query i stands at position i: what comes later is hidden.
    const hidden = Float32Array.from({ length: length * keys }, (_, index) =>
      index % keys > Math.floor(index / keys) ? -1e30 : 0,
    );
    seen = to.add('Add', [seen, to.constant([length, keys], hidden)]);
  }
  const probabilities = to.add('Softmax', [seen], { axis: -1 }, outputs[3]);
  const mixed = product(to, to.reshape(probabilities, [...stacked, keys]), v, {});
  to.reshape(mixed, q.shape, outputs[0]);
};

/** The log-probabilities, and minus that of each row's label. */
const crossEntropy: Rewrite = ({ inputs, outputs }, to) => {
  const [scores, labels] = inputs as [Value, Value];
  const logProbabilities = logSoftmax(to, scores, outputs[1]);
  const loss = outputs[0];
  if (loss === undefined) return;
  const column = to.reshape(labels, [sizeOf(labels.shape), 1]);
  const chosen = to.add('GatherElements', [logProbabilities, column], { axis: 1 });
  to.reshape(to.add('Neg', [chosen]), labels.shape, loss);
};

/** What is written otherwise, by provider and operation. The CPU has its own: see `stableProducts`. */
const rewrites: Readonly<Record<Exclude<Provider, 'cpu'>, Readonly<Record<string, Rewrite>>>> = {
  webgpu: {
    Attention: attention,
    FusedMatMul: fusedMatMul,
    LogSoftmax: ({ inputs, outputs }, to) => void logSoftmax(to, inputs[0]!, outputs[0]),
    SimplifiedLayerNormalization: inverseRms,
    SoftmaxCrossEntropyLoss: crossEntropy,
  },
  // The kernels of ai.onnx's own Attention and of SoftmaxCrossEntropyLoss are not in every build of the CUDA provider.
  cuda: { Attention: attention, SoftmaxCrossEntropyLoss: crossEntropy },
};

/**
 * The graph for a provider.
 *
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * const g = new GraphBuilder('product');
 * const x = g.input('x', 'float32', [2, 3]);
 * g.output('y', op.matmul(g, x, x, { transB: true }));
 * deepEqual(lowerFor('webgpu', g.build()).nodes.map((node) => node.op), ['Transpose', 'MatMul']);
 * ```
 */
export function lowerFor(provider: Provider, graph: Graph): Graph {
  if (provider === 'cpu') return stableProducts(graph);
  const table = rewrites[provider];
  const to = new Rewriter();
  for (const node of graph.nodes) {
    const rewrite = table[node.op];
    if (rewrite === undefined) {
      to.nodes.push(node);
      continue;
    }
    to.begin(node);
    rewrite(node, to);
  }
  return { ...graph, nodes: to.nodes, constants: [...graph.constants, ...to.constants] };
}
