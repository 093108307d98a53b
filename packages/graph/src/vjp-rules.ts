/**
 * The table of vector-Jacobian products: for each operation, how the cotangents of its outputs become contributions to
 * the cotangents of its inputs. `gradients` walks a graph backwards with it; a rule knows its own node only.
 *
 * A contribution takes what has been gathered for the input so far, so that a rule which can add for free (the C of a
 * Gemm, the data of a scatter) does. Contributions that nobody asks for add no nodes.
 */
import type { GraphBuilder } from './graph-builder.ts';
import { GraphError } from './graph-error.ts';
import { floatAttribute, integerAttribute, listAttribute, resolveAxis } from './op-types.ts';
import * as op from './ops.ts';
import { type GraphNode, sameShape, sizeOf, type Value } from './value.ts';

/** Adds a node's share of an input's cotangent to what is there so far, and returns the sum. */
export type Contribution = (gathered: Value | undefined) => Value;

export interface VjpContext {
  readonly g: GraphBuilder;
  readonly node: GraphNode;
  /** The node's inputs and first output, known to be there. */
  readonly x: readonly Value[];
  readonly y: Value;
  /** Cotangent of the first output. */
  readonly dy: Value;
}

/** One contribution per input; `undefined` where the input has no gradient (indices, labels, tables). */
export type VjpRule = (context: VjpContext) => readonly (Contribution | undefined)[];

/** A plain contribution: compute, then add. */
function plus(g: GraphBuilder, compute: () => Value): Contribution {
  return (gathered) => (gathered === undefined ? compute() : op.add(g, gathered, compute()));
}

/** Computes at most once, and not before it is needed. */
function lazy(compute: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= compute());
}

/** Sums a value over the axes along which `shape` was broadcast. */
function sumTo(g: GraphBuilder, value: Value, shape: readonly number[]): Value {
  if (sameShape(value.shape, shape)) return value;
  const extra = value.shape.length - shape.length;
  const axes = value.shape.flatMap((dimension, axis) =>
    axis < extra || (shape[axis - extra] === 1 && dimension !== 1) ? [axis] : [],
  );
  const summed = axes.length === 0 ? value : op.reduceSum(g, value, axes, true);
  return sameShape(summed.shape, shape) ? summed : op.reshape(g, summed, shape);
}

function zerosLike(g: GraphBuilder, value: Value): Value {
  const zero = g.constant(
    'float32',
    value.shape.map(() => 1),
    [0],
  );
  return op.expand(g, zero, value.shape);
}

/** A rule for an operation that broadcasts two operands. */
function broadcasting(da: (context: VjpContext) => Value, db: (context: VjpContext) => Value): VjpRule {
  return (context) => {
    const { g, x } = context;
    return [plus(g, () => sumTo(g, da(context), x[0]!.shape)), plus(g, () => sumTo(g, db(context), x[1]!.shape))];
  };
}

/** A rule for an operation of one operand. */
function unary(dx: (context: VjpContext) => Value): VjpRule {
  return (context) => [plus(context.g, () => dx(context))];
}

/** dy spread out again over the axes that a reduction took away. */
function unreduce({ g, node, x, dy }: VjpContext): Value {
  const shape = x[0]!.shape;
  const axes = new Set(
    (listAttribute(node.attributes, 'axes') ?? shape.map((_, axis) => axis)).map((axis) =>
      resolveAxis(axis, shape.length),
    ),
  );
  const kept = shape.map((dimension, axis) => (axes.has(axis) ? 1 : dimension));
  return op.expand(g, op.reshape(g, dy, kept), shape);
}

function transposed(node: GraphNode): { a: boolean; b: boolean; alpha: number } {
  return {
    a: integerAttribute(node.attributes, 'transA', 0) === 1,
    b: integerAttribute(node.attributes, 'transB', 0) === 1,
    alpha: floatAttribute(node.attributes, 'alpha', 1),
  };
}

/** The rules, by operation. */
export const vjpRules: Readonly<Record<string, VjpRule>> = {
  Add: broadcasting(
    ({ dy }) => dy,
    ({ dy }) => dy,
  ),
  Sub: broadcasting(
    ({ dy }) => dy,
    ({ g, dy }) => op.neg(g, dy),
  ),
  Mul: broadcasting(
    ({ g, x, dy }) => op.mul(g, dy, x[1]!),
    ({ g, x, dy }) => op.mul(g, dy, x[0]!),
  ),
  Div: broadcasting(
    ({ g, x, dy }) => op.div(g, dy, x[1]!),
    ({ g, x, y, dy }) => op.neg(g, op.div(g, op.mul(g, dy, y), x[1]!)),
  ),
  // On a tie the first operand takes the whole gradient. PyTorch halves it; for min(r·A, clip(r)·A) the sum is the same.
  Min: broadcasting(
    ({ g, x, dy }) => op.mul(g, dy, op.cast(g, op.lessOrEqual(g, x[0]!, x[1]!), 'float32')),
    ({ g, x, dy }) => {
      const first = op.cast(g, op.lessOrEqual(g, x[0]!, x[1]!), 'float32');
      return op.mul(g, dy, op.sub(g, g.scalar(1), first));
    },
  ),
  Neg: unary(({ g, dy }) => op.neg(g, dy)),
  Exp: unary(({ g, y, dy }) => op.mul(g, dy, y)),
  Log: unary(({ g, x, dy }) => op.div(g, dy, x[0]!)),
  Sigmoid: unary(({ g, y, dy }) => op.mul(g, dy, op.mul(g, y, op.sub(g, g.scalar(1), y)))),
  Identity: unary(({ dy }) => dy),
  // As PyTorch's clamp: the gradient passes inside the range and on its bounds.
  Clip: ({ g, x, dy }) => [
    plus(g, () => {
      const inside = op.and(g, op.greaterOrEqual(g, x[0]!, x[1]!), op.lessOrEqual(g, x[0]!, x[2]!));
      return op.mul(g, dy, op.cast(g, inside, 'float32'));
    }),
    undefined,
    undefined,
  ],
  ReduceSum: unary(unreduce),
  ReduceMean: unary((context) => {
    const { g, x, y } = context;
    const count = sizeOf(x[0]!.shape) / sizeOf(y.shape);
    return op.mul(g, unreduce(context), g.scalar(1 / count));
  }),
  Softmax: unary(({ g, y, dy }) => {
    const weighted = op.mul(g, dy, y);
    return op.sub(g, weighted, op.mul(g, y, op.reduceSum(g, weighted, [y.shape.length - 1], true)));
  }),
  LogSoftmax: unary(({ g, y, dy }) => {
    return op.sub(g, dy, op.mul(g, op.exp(g, y), op.reduceSum(g, dy, [y.shape.length - 1], true)));
  }),
  // silu′ = s + y·(1 − s) with s = sigmoid(x): nothing but x and y is kept from the forward pass.
  QuickGelu: ({ g, node, x, y, dy }) => {
    const alpha = floatAttribute(node.attributes, 'alpha', 1.702);
    if (alpha !== 1) throw new GraphError(`Cannot differentiate QuickGelu: alpha is ${alpha}, expected 1`);
    return [
      plus(g, () => {
        const s = op.sigmoid(g, x[0]!);
        return op.mul(g, dy, op.add(g, s, op.mul(g, y, op.sub(g, g.scalar(1), s))));
      }),
    ];
  },
  Reshape: unary(({ g, x, dy }) => op.reshape(g, dy, x[0]!.shape)),
  Expand: unary(({ g, x, dy }) => sumTo(g, dy, x[0]!.shape)),
  Transpose: unary(({ g, node, dy }) => {
    const permutation = listAttribute(node.attributes, 'perm')!;
    return op.transpose(
      g,
      dy,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    );
  }),
  Concat: ({ g, node, x, dy }) => {
    const axis = resolveAxis(integerAttribute(node.attributes, 'axis', 0), dy.shape.length);
    let end = 0;
    return x.map((part) => {
      const start = end;
      end += part.shape[axis]!;
      const [from, to] = [start, end];
      return plus(g, () => op.slice(g, dy, axis, from, to));
    });
  },
  Slice: unary(({ g, node, x, dy }) => {
    const axis = integerAttribute(node.attributes, 'axis', 0);
    const start = integerAttribute(node.attributes, 'start', 0);
    const rest = x[0]!.shape[axis]! - integerAttribute(node.attributes, 'end', 0);
    const zeros = (length: number): Value[] => {
      if (length === 0) return [];
      const shape = dy.shape.map((dimension, index) => (index === axis ? length : dimension));
      return [
        op.expand(
          g,
          g.constant(
            'float32',
            shape.map(() => 1),
            [0],
          ),
          shape,
        ),
      ];
    };
    return op.concat(g, [...zeros(start), dy, ...zeros(rest)], axis);
  }),
  // Rows that were gathered several times add up. A scatter adds into what is there for nothing.
  Gather: ({ g, x, dy }) => [
    (gathered) => {
      const [data, indices] = x as [Value, Value];
      const count = sizeOf(indices.shape);
      const flat = op.reshape(g, indices, [count, 1]);
      const rows = op.reshape(g, dy, [count, ...data.shape.slice(1)]);
      const positions = flat.dtype === 'int64' ? flat : op.cast(g, flat, 'int64');
      return op.scatterAdd(g, gathered ?? zerosLike(g, data), positions, rows);
    },
    undefined,
  ],
  GatherElements: ({ g, node, x, dy }) => [
    (gathered) => {
      const axis = integerAttribute(node.attributes, 'axis', 0);
      return op.scatterAddElements(g, gathered ?? zerosLike(g, x[0]!), x[1]!, dy, axis);
    },
    undefined,
  ],
  Gemm: ({ g, node, x, dy }) => {
    const [a, b, c] = x as [Value, Value, Value | undefined];
    const t = transposed(node);
    return [
      (gathered) =>
        t.a
          ? op.gemm(g, b, dy, { transA: t.b, transB: true, alpha: t.alpha, c: gathered })
          : op.gemm(g, dy, b, { transB: !t.b, alpha: t.alpha, c: gathered }),
      (gathered) =>
        t.b
          ? op.gemm(g, dy, a, { transA: true, transB: t.a, alpha: t.alpha, c: gathered })
          : op.gemm(g, a, dy, { transA: !t.a, alpha: t.alpha, c: gathered }),
      c && plus(g, () => sumTo(g, dy, c.shape)),
    ];
  },
  FusedMatMul: ({ g, node, x, dy }) => {
    const [a, b] = x as [Value, Value];
    const t = transposed(node);
    return [
      plus(g, () =>
        t.a
          ? op.matmul(g, b, dy, { transA: t.b, transB: true, alpha: t.alpha })
          : op.matmul(g, dy, b, { transB: !t.b, alpha: t.alpha }),
      ),
      plus(g, () =>
        t.b
          ? op.matmul(g, dy, a, { transA: true, transB: t.a, alpha: t.alpha })
          : op.matmul(g, a, dy, { transA: !t.a, alpha: t.alpha }),
      ),
    ];
  },
  // y = x·r·s with r = 1 / rms(x), kept from the forward pass. dx = r·s·dy − x·(r³/d)·Σ(x·s·dy), ds = Σ_rows(r·x·dy):
  // both sums come out of x·dy by a thin matrix product each.
  SimplifiedLayerNormalization: ({ g, node, x, dy }) => {
    const [data, scale] = x as [Value, Value];
    const inverse = node.outputs[1];
    if (inverse === undefined) {
      throw new GraphError(
        'Cannot differentiate SimplifiedLayerNormalization: it has no output 1, expected the inverse rms',
      );
    }
    const width = scale.shape[0]!;
    const rows = sizeOf(data.shape) / width;
    const product = lazy(() => op.reshape(g, op.mul(g, data, dy), [rows, width]));
    return [
      plus(g, () => {
        const column = op.reshape(g, scale, [width, 1]);
        const dot = op.reshape(g, op.gemm(g, product(), column, { alpha: 1 / width }), inverse.shape);
        const cubed = op.mul(g, inverse, op.mul(g, inverse, inverse));
        const along = op.mul(g, data, op.mul(g, dot, cubed));
        return op.sub(g, op.mul(g, op.mul(g, dy, scale), inverse), along);
      }),
      plus(g, () => op.reshape(g, op.gemm(g, op.reshape(g, inverse, [rows, 1]), product(), { transA: true }), [width])),
    ];
  },
  // A rotation's transpose is the rotation by the opposite angle.
  RotaryEmbedding: ({ g, node, x, dy }) => {
    const [, cosine, sine, positions] = x as [Value, Value, Value, Value];
    const heads = integerAttribute(node.attributes, 'num_heads', 1);
    return [
      plus(g, () => op.rotaryEmbedding(g, dy, cosine, op.neg(g, sine), positions, heads)),
      undefined,
      undefined,
      undefined,
    ];
  },
  // With P = softmax(scale·Q·Kᵀ): dV = Pᵀ·dO, dS = P∘(dO·Vᵀ − rowsum(dO∘O)), dQ = scale·dS·K, dK = scale·dSᵀ·Q. The query
  // heads that share a key head stand below each other in one matrix, so the products sum over them by themselves.
  Attention: ({ g, node, x, y, dy }) => {
    const [q, k, v] = x as [Value, Value, Value];
    const probabilities = node.outputs[3];
    if (probabilities === undefined) {
      throw new GraphError('Cannot differentiate Attention: it has no output 3, expected the probabilities');
    }
    const scale = floatAttribute(node.attributes, 'scale', 1 / Math.sqrt(q.shape[3]!));
    const [batch, heads, length, size] = q.shape as [number, number, number, number];
    const [, keyHeads, keys] = k.shape as [number, number, number];
    const rows = (heads / keyHeads) * length;
    const stack = (value: Value, width: number): Value => op.reshape(g, value, [batch, keyHeads, rows, width]);
    const p = lazy(() => stack(probabilities, keys));
    const dO = lazy(() => stack(dy, size));
    const dS = lazy(() => {
      const dP = op.matmul(g, dO(), v, { transB: true });
      const shift = op.reduceSum(g, stack(op.mul(g, dy, y), size), [3], true);
      return op.mul(g, p(), op.sub(g, dP, shift));
    });
    return [
      plus(g, () => op.reshape(g, op.matmul(g, dS(), k, { alpha: scale }), q.shape)),
      plus(g, () => op.matmul(g, dS(), stack(q, size), { transA: true, alpha: scale })),
      plus(g, () => op.matmul(g, p(), dO(), { transA: true })),
      // The mask is a constant.
      undefined,
    ];
  },
  // d scores = (softmax − onehot)·dy, with the softmax from the log-probabilities that the loss gives out.
  SoftmaxCrossEntropyLoss: ({ g, node, x, dy }) => {
    const [, labels] = x as [Value, Value];
    const logProbabilities = node.outputs[1];
    if (logProbabilities === undefined) {
      throw new GraphError(
        'Cannot differentiate SoftmaxCrossEntropyLoss: it has no output 1, expected the log-probabilities',
      );
    }
    const count = dy.shape[0]!;
    return [
      plus(g, () => {
        const column = op.reshape(g, dy, [count, 1]);
        const spread = op.mul(g, op.exp(g, logProbabilities), column);
        return op.scatterAddElements(g, spread, op.reshape(g, labels, [count, 1]), op.neg(g, column), 1);
      }),
      undefined,
    ];
  },
};
