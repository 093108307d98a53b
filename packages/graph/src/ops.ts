/**
 * One function per operation, so that a formula reads as one. Each adds one node and returns its first output; the few
 * with a second useful output return both. Types are checked by the builder.
 */
import type { GraphBuilder } from './graph-builder.ts';
import type { Attributes, DataType, Value } from './value.ts';

const castCodes = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

function one(g: GraphBuilder, op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
  return g.add(op, inputs, attributes)[0]!;
}

export const add = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'Add', [a, b]);
export const sub = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'Sub', [a, b]);
export const mul = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'Mul', [a, b]);
export const div = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'Div', [a, b]);
export const min = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'Min', [a, b]);
export const neg = (g: GraphBuilder, x: Value): Value => one(g, 'Neg', [x]);
export const exp = (g: GraphBuilder, x: Value): Value => one(g, 'Exp', [x]);
export const log = (g: GraphBuilder, x: Value): Value => one(g, 'Log', [x]);
export const sigmoid = (g: GraphBuilder, x: Value): Value => one(g, 'Sigmoid', [x]);
export const lessOrEqual = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'LessOrEqual', [a, b]);
export const greaterOrEqual = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'GreaterOrEqual', [a, b]);
export const and = (g: GraphBuilder, a: Value, b: Value): Value => one(g, 'And', [a, b]);
export const clip = (g: GraphBuilder, x: Value, low: number, high: number): Value =>
  one(g, 'Clip', [x, g.scalar(low), g.scalar(high)]);
export const cast = (g: GraphBuilder, x: Value, dtype: DataType): Value =>
  one(g, 'Cast', [x], { to: castCodes[dtype] });

/** x · sigmoid(x). */
export const silu = (g: GraphBuilder, x: Value): Value => one(g, 'QuickGelu', [x], { alpha: { float: 1 } });

/** Sum over the axes, all by default; reduced axes vanish unless `keep`. */
export const reduceSum = (g: GraphBuilder, x: Value, axes?: readonly number[], keep = false): Value =>
  one(g, 'ReduceSum', [x], { axes: axes ?? x.shape.map((_, axis) => axis), keepdims: keep ? 1 : 0 });
export const reduceMean = (g: GraphBuilder, x: Value, axes?: readonly number[], keep = false): Value =>
  one(g, 'ReduceMean', [x], { axes: axes ?? x.shape.map((_, axis) => axis), keepdims: keep ? 1 : 0 });

/** Over the last axis. */
export const softmax = (g: GraphBuilder, x: Value): Value => one(g, 'Softmax', [x], { axis: -1 });
export const logSoftmax = (g: GraphBuilder, x: Value): Value => one(g, 'LogSoftmax', [x], { axis: -1 });

export const reshape = (g: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  one(g, 'Reshape', [x], { shape });
export const expand = (g: GraphBuilder, x: Value, shape: readonly number[]): Value => one(g, 'Expand', [x], { shape });
export const transpose = (g: GraphBuilder, x: Value, perm: readonly number[]): Value =>
  one(g, 'Transpose', [x], { perm });
export const concat = (g: GraphBuilder, parts: readonly Value[], axis: number): Value =>
  one(g, 'Concat', parts, { axis });
export const slice = (g: GraphBuilder, x: Value, axis: number, start: number, end: number): Value =>
  one(g, 'Slice', [x], { axis, start, end });

/** Rows of `data` by index. */
export const gather = (g: GraphBuilder, data: Value, indices: Value): Value =>
  one(g, 'Gather', [data, indices], { axis: 0 });
export const gatherElements = (g: GraphBuilder, data: Value, indices: Value, axis: number): Value =>
  one(g, 'GatherElements', [data, indices], { axis });
/** `data` with the updates added at their indices; equal indices add up. */
export const scatterAddElements = (g: GraphBuilder, data: Value, indices: Value, updates: Value, axis: number): Value =>
  one(g, 'ScatterElements', [data, indices, updates], { axis, reduction: 'add' });
/** `data` with the updates added at their index tuples; equal tuples add up. */
export const scatterAdd = (g: GraphBuilder, data: Value, indices: Value, updates: Value): Value =>
  one(g, 'ScatterND', [data, indices, updates], { reduction: 'add' });

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
  /** Added to the product; broadcasts. */
  readonly c?: Value | undefined;
}

/** alpha · A·B + C of matrices. */
export const gemm = (g: GraphBuilder, a: Value, b: Value, options: GemmOptions = {}): Value =>
  one(g, 'Gemm', options.c === undefined ? [a, b] : [a, b, options.c], {
    transA: options.transA ? 1 : 0,
    transB: options.transB ? 1 : 0,
    alpha: { float: options.alpha ?? 1 },
  });

/** alpha · A·B over equal leading dimensions. */
export const matmul = (g: GraphBuilder, a: Value, b: Value, options: Omit<GemmOptions, 'c'> = {}): Value =>
  one(g, 'FusedMatMul', [a, b], {
    transA: options.transA ? 1 : 0,
    transB: options.transB ? 1 : 0,
    alpha: { float: options.alpha ?? 1 },
  });

/** x / rms(x) · scale over the last axis. */
export const rmsNorm = (g: GraphBuilder, x: Value, scale: Value, epsilon: number): Value =>
  g.add(
    'SimplifiedLayerNormalization',
    [x, scale],
    { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
    [0, 1],
  )[0]!;

/**
 * Rotary position embedding, halves rotated against each other (not interleaved).
 *
 * @param x [batch, length, heads × size]
 * @param cosine [positions, size / 2], and `sine` likewise
 * @param positions int64 [batch, length]
 */
export const rotaryEmbedding = (
  g: GraphBuilder,
  x: Value,
  cosine: Value,
  sine: Value,
  positions: Value,
  heads: number,
): Value => one(g, 'RotaryEmbedding', [x, cosine, sine, positions], { interleaved: 0, num_heads: heads });

export interface AttentionOptions {
  readonly causal: boolean;
  readonly scale: number;
  /** Added to the scaled scores, [B or 1, H or 1, T, S]; a constant of the loss. */
  readonly mask?: Value | undefined;
}

/**
 * softmax(scale · Q·Kᵀ + mask)·V, with several query heads to one key head where there are fewer of those.
 *
 * @param q [B, H, T, d]
 * @param k [B, H / g, S, d], and `v` likewise
 */
export const attention = (g: GraphBuilder, q: Value, k: Value, v: Value, options: AttentionOptions): Value =>
  g.add(
    'Attention',
    options.mask === undefined ? [q, k, v] : [q, k, v, options.mask],
    { is_causal: options.causal ? 1 : 0, scale: { float: options.scale }, qk_matmul_output_mode: 3 },
    [0, 3],
  )[0]!;

/** −log softmax(scores) at the label of each row: [N, C] and [N] to [N]. */
export const crossEntropy = (g: GraphBuilder, scores: Value, labels: Value): Value =>
  g.add('SoftmaxCrossEntropyLoss', [scores, labels], { reduction: 'none' }, [0, 1])[0]!;
