/**
 * The table of operations: where each is defined (ai.onnx or com.microsoft), and what type its outputs have for given
 * inputs. The builder asks it for every node, so a graph with a wrong shape is never made; `checkGraph` asks it again for
 * a graph that came from elsewhere. It knows ONNX's rules, narrowed to what onnxruntime's CPU kernels take, and nothing
 * about what the graphs are for.
 */
import { GraphError } from './graph-error.ts';
import { type Attributes, type DataType, describeType, sameShape, sizeOf, type ValueType } from './value.ts';

type Inputs = readonly (ValueType | undefined)[];

/** One row of the table. */
export interface OpType {
  readonly domain: '' | 'com.microsoft';
  /** Least and greatest number of inputs. */
  readonly arity: readonly [number, number];
  /** Types of all outputs that the operation can have, in ONNX's order. */
  infer(inputs: Inputs, attributes: Attributes, fail: (state: string, wish: string) => never): ValueType[];
}

/** Numpy's broadcasting of two shapes, or `undefined` where they do not fit. */
function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** An axis counted from the front. */
export function resolveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** An integer attribute, or its default. */
export function integerAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return typeof attribute === 'number' ? attribute : otherwise;
}

/** A float attribute, or its default. */
export function floatAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return typeof attribute === 'object' && 'float' in attribute ? attribute.float : otherwise;
}

/** A list attribute, or `undefined`. */
export function listAttribute(attributes: Attributes, name: string): readonly number[] | undefined {
  const attribute = attributes[name];
  return Array.isArray(attribute) ? (attribute as readonly number[]) : undefined;
}

const like = (type: ValueType): ValueType => ({ dtype: type.dtype, shape: type.shape });

function elementwise(numberOfInputs: number, input: DataType | 'number' | 'same', output?: DataType): OpType {
  return {
    domain: '',
    arity: [numberOfInputs, numberOfInputs],
    infer(inputs, _attributes, fail) {
      const first = inputs[0]!;
      let shape: readonly number[] | undefined = [];
      for (const type of inputs) {
        if (type!.dtype !== first.dtype) fail(types(inputs), 'one data type');
        shape = broadcastShapes(shape, type!.shape) ?? fail(types(inputs), 'shapes that broadcast');
      }
      if (input === 'number' ? first.dtype === 'bool' : input !== 'same' && first.dtype !== input) {
        fail(types(inputs), input);
      }
      return [{ dtype: output ?? first.dtype, shape }];
    },
  };
}

function reduction(): OpType {
  return {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      if (data!.dtype !== 'float32') fail(describeType(data), 'float32');
      const rank = data!.shape.length;
      const axes = new Set(
        (listAttribute(attributes, 'axes') ?? data!.shape.map((_, axis) => axis)).map((axis) =>
          resolveAxis(axis, rank),
        ),
      );
      for (const axis of axes)
        if (axis < 0 || axis >= rank) fail(`axis ${axis} of ${describeType(data)}`, 'an axis that exists');
      const keep = integerAttribute(attributes, 'keepdims', 1) === 1;
      const shape = data!.shape.flatMap((dimension, axis) => (axes.has(axis) ? (keep ? [1] : []) : [dimension]));
      return [{ dtype: 'float32', shape }];
    },
  };
}

function alongAxis(): OpType {
  return {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const axis = resolveAxis(integerAttribute(attributes, 'axis', -1), data!.shape.length);
      if (data!.dtype !== 'float32') fail(describeType(data), 'float32');
      if (axis !== data!.shape.length - 1) fail(`axis ${axis} of ${describeType(data)}`, 'the last axis');
      return [like(data!)];
    },
  };
}

function plainProduct(): OpType {
  return {
    domain: '',
    arity: [2, 2],
    infer(inputs, _attributes, fail) {
      requireFloat(inputs, fail);
      const [a, b] = inputs.map((type) => type!.shape);
      const fits = a!.length === b!.length && a!.length >= 2 && sameShape(a!.slice(0, -2), b!.slice(0, -2));
      if (!fits || a!.at(-1) !== b!.at(-2)) fail(types(inputs), 'equal batch and inner dimensions');
      return [{ dtype: 'float32', shape: [...a!.slice(0, -1), b!.at(-1)!] }];
    },
  };
}

const types = (inputs: Inputs): string => inputs.map(describeType).join(' and ');

function isIndex(type: ValueType | undefined): boolean {
  return type?.dtype === 'int32' || type?.dtype === 'int64';
}

function requireFloat(inputs: Inputs, fail: (state: string, wish: string) => never): void {
  if (inputs.some((type) => type !== undefined && type.dtype !== 'float32')) fail(types(inputs), 'float32');
}

const castTargets: Readonly<Record<number, DataType>> = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool' };

/** Every operation that a graph may hold. */
export const opTypes: Readonly<Record<string, OpType>> = {
  Add: elementwise(2, 'number'),
  Sub: elementwise(2, 'number'),
  Mul: elementwise(2, 'number'),
  Div: elementwise(2, 'float32'),
  Min: elementwise(2, 'float32'),
  Neg: elementwise(1, 'float32'),
  Exp: elementwise(1, 'float32'),
  Log: elementwise(1, 'float32'),
  Sqrt: elementwise(1, 'float32'),
  Sigmoid: elementwise(1, 'float32'),
  LessOrEqual: elementwise(2, 'float32', 'bool'),
  GreaterOrEqual: elementwise(2, 'float32', 'bool'),
  And: elementwise(2, 'bool'),
  Identity: elementwise(1, 'same'),
  Clip: {
    domain: '',
    arity: [3, 3],
    infer(inputs, _attributes, fail) {
      requireFloat(inputs, fail);
      if (inputs[1]!.shape.length !== 0 || inputs[2]!.shape.length !== 0) fail(types(inputs), 'scalar bounds');
      return [like(inputs[0]!)];
    },
  },
  Cast: {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const dtype = castTargets[integerAttribute(attributes, 'to', 0)] ?? fail(`to = ${attributes.to}`, '1, 6, 7 or 9');
      return [{ dtype, shape: data!.shape }];
    },
  },
  ReduceSum: reduction(),
  ReduceMean: reduction(),
  ReduceMax: reduction(),
  Softmax: alongAxis(),
  LogSoftmax: alongAxis(),
  QuickGelu: {
    domain: 'com.microsoft',
    arity: [1, 1],
    infer(inputs, _attributes, fail) {
      requireFloat(inputs, fail);
      return [like(inputs[0]!)];
    },
  },
  Reshape: {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const shape = listAttribute(attributes, 'shape') ?? fail('no shape', 'an attribute shape');
      if (sizeOf(shape) !== sizeOf(data!.shape))
        fail(`${describeType(data)} as [${shape.join(', ')}]`, 'as many elements');
      return [{ dtype: data!.dtype, shape }];
    },
  },
  Expand: {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const shape = listAttribute(attributes, 'shape') ?? fail('no shape', 'an attribute shape');
      const result = broadcastShapes(data!.shape, shape);
      if (result === undefined || !sameShape(result, shape))
        fail(`${describeType(data)} to [${shape.join(', ')}]`, 'a shape it broadcasts to');
      return [{ dtype: data!.dtype, shape }];
    },
  },
  Transpose: {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const permutation = listAttribute(attributes, 'perm') ?? fail('no perm', 'an attribute perm');
      const axes = [...permutation].sort((a, b) => a - b);
      if (axes.length !== data!.shape.length || axes.some((axis, index) => axis !== index)) {
        fail(`perm [${permutation.join(', ')}] for ${describeType(data)}`, 'each axis once');
      }
      return [{ dtype: data!.dtype, shape: permutation.map((axis) => data!.shape[axis]!) }];
    },
  },
  Concat: {
    domain: '',
    arity: [1, 64],
    infer(inputs, attributes, fail) {
      const first = inputs[0]!;
      const axis = resolveAxis(integerAttribute(attributes, 'axis', 0), first.shape.length);
      const shape = [...first.shape];
      shape[axis] = 0;
      for (const type of inputs) {
        const fits =
          type!.dtype === first.dtype &&
          type!.shape.length === first.shape.length &&
          type!.shape.every((dimension, index) => index === axis || dimension === first.shape[index]);
        if (!fits) fail(types(inputs), `equal types except on axis ${axis}`);
        shape[axis] += type!.shape[axis]!;
      }
      return [{ dtype: first.dtype, shape }];
    },
  },
  Slice: {
    domain: '',
    arity: [1, 1],
    infer([data], attributes, fail) {
      const axis = integerAttribute(attributes, 'axis', 0);
      const start = integerAttribute(attributes, 'start', 0);
      const end = integerAttribute(attributes, 'end', 0);
      const dimension = data!.shape[axis] ?? fail(`axis ${axis} of ${describeType(data)}`, 'an axis that exists');
      if (start < 0 || end <= start || end > dimension)
        fail(`${start} to ${end} of ${dimension}`, 'a range inside the axis');
      return [{ dtype: data!.dtype, shape: data!.shape.map((size, index) => (index === axis ? end - start : size)) }];
    },
  },
  Gather: {
    domain: '',
    arity: [2, 2],
    infer([data, indices], attributes, fail) {
      if (integerAttribute(attributes, 'axis', 0) !== 0) fail(`axis ${attributes.axis}`, 'axis 0');
      if (!isIndex(indices) || data!.shape.length < 1) fail(types([data, indices]), 'rows and integer indices');
      return [{ dtype: data!.dtype, shape: [...indices!.shape, ...data!.shape.slice(1)] }];
    },
  },
  GatherElements: {
    domain: '',
    arity: [2, 2],
    infer([data, indices], attributes, fail) {
      requireIndexAlong(data, indices, attributes, fail);
      return [{ dtype: data!.dtype, shape: indices!.shape }];
    },
  },
  ScatterElements: {
    domain: '',
    arity: [3, 3],
    infer([data, indices, updates], attributes, fail) {
      requireIndexAlong(data, indices, attributes, fail);
      if (updates!.dtype !== data!.dtype || !sameShape(updates!.shape, indices!.shape)) {
        fail(types([data, indices, updates]), 'one update per index');
      }
      return [like(data!)];
    },
  },
  ScatterND: {
    domain: '',
    arity: [3, 3],
    infer(inputs, _attributes, fail) {
      const [data, indices, updates] = inputs;
      const depth = indices!.shape.at(-1) ?? 0;
      const expected = [...indices!.shape.slice(0, -1), ...data!.shape.slice(depth)];
      if (indices!.dtype !== 'int64' || updates!.dtype !== data!.dtype || !sameShape(updates!.shape, expected)) {
        fail(types(inputs), `int64 indices and updates [${expected.join(', ')}]`);
      }
      return [like(data!)];
    },
  },
  Gemm: {
    domain: '',
    arity: [2, 3],
    infer(inputs, attributes, fail) {
      requireFloat(inputs, fail);
      const [a, b, c] = inputs;
      if (a!.shape.length !== 2 || b!.shape.length !== 2) fail(types(inputs), 'two matrices');
      const [rows, inner] = integerAttribute(attributes, 'transA', 0) ? [a!.shape[1]!, a!.shape[0]!] : a!.shape;
      const [innerOfB, columns] = integerAttribute(attributes, 'transB', 0) ? [b!.shape[1]!, b!.shape[0]!] : b!.shape;
      if (inner !== innerOfB)
        fail(`${types(inputs)}, inner dimensions ${inner} and ${innerOfB}`, 'equal inner dimensions');
      const shape = [rows!, columns!];
      if (c !== undefined && !sameShape(broadcastShapes(c.shape, shape) ?? [], shape)) {
        fail(types(inputs), `an addend that broadcasts to [${shape.join(', ')}]`);
      }
      return [{ dtype: 'float32', shape }];
    },
  },
  FusedMatMul: {
    domain: 'com.microsoft',
    arity: [2, 2],
    infer(inputs, attributes, fail) {
      requireFloat(inputs, fail);
      const [a, b] = inputs.map((type) => type!.shape);
      if (a!.length !== b!.length || a!.length < 2 || !sameShape(a!.slice(0, -2), b!.slice(0, -2))) {
        fail(types(inputs), 'equal batch dimensions');
      }
      const last = (shape: readonly number[], transposed: number): [number, number] => {
        const [rows, columns] = shape.slice(-2) as [number, number];
        return transposed ? [columns, rows] : [rows, columns];
      };
      const [rows, inner] = last(a!, integerAttribute(attributes, 'transA', 0));
      const [innerOfB, columns] = last(b!, integerAttribute(attributes, 'transB', 0));
      if (inner !== innerOfB)
        fail(`${types(inputs)}, inner dimensions ${inner} and ${innerOfB}`, 'equal inner dimensions');
      return [{ dtype: 'float32', shape: [...a!.slice(0, -2), rows, columns] }];
    },
  },
  // What a transposed product becomes for a provider without FusedMatMul; it takes no attributes.
  MatMul: plainProduct(),
  SimplifiedLayerNormalization: {
    domain: '',
    arity: [2, 2],
    infer(inputs, _attributes, fail) {
      requireFloat(inputs, fail);
      const [data, scale] = inputs;
      if (scale!.shape.length !== 1 || scale!.shape[0] !== data!.shape.at(-1))
        fail(types(inputs), 'one scale per element of the last axis');
      return [like(data!), { dtype: 'float32', shape: [...data!.shape.slice(0, -1), 1] }];
    },
  },
  RotaryEmbedding: {
    domain: '',
    arity: [4, 4],
    infer(inputs, attributes, fail) {
      const [data, cosine, sine, positions] = inputs;
      const heads = integerAttribute(attributes, 'num_heads', 0);
      const [batch, length, width] = data!.shape;
      if (data!.shape.length !== 3 || heads < 1 || width! % (2 * heads) !== 0)
        fail(`${types(inputs)} with num_heads ${heads}`, '[batch, length, heads × even size]');
      const half = width! / heads / 2;
      if (cosine!.shape.length !== 2 || cosine!.shape[1] !== half || !sameShape(cosine!.shape, sine!.shape)) {
        fail(types(inputs), `tables [positions, ${half}]`);
      }
      if (positions!.dtype !== 'int64' || !sameShape(positions!.shape, [batch!, length!]))
        fail(types(inputs), 'int64 positions [batch, length]');
      return [like(data!)];
    },
  },
  Attention: {
    domain: '',
    arity: [3, 4],
    infer(inputs, _attributes, fail) {
      requireFloat(inputs, fail);
      const [q, k, v, mask] = inputs.map((type) => type!.shape);
      const fits =
        q!.length === 4 &&
        k!.length === 4 &&
        sameShape(k!, v!) &&
        q![0] === k![0] &&
        q![3] === k![3] &&
        q![1]! % k![1]! === 0;
      if (!fits) fail(types(inputs), 'queries [B, H, T, d], keys and values [B, H / g, S, d]');
      const scores: ValueType = { dtype: 'float32', shape: [q![0]!, q![1]!, q![2]!, k![2]!] };
      const whole = mask === undefined || sameShape(mask.slice(2), scores.shape.slice(2));
      if (!whole || !sameShape(broadcastShapes(mask ?? [], scores.shape) ?? [], scores.shape)) {
        fail(types(inputs), `a mask [B or 1, H or 1, ${q![2]}, ${k![2]}]`);
      }
      // The present keys and values are outputs of the operation too, and never asked for here.
      return [like(inputs[0]!), like(inputs[1]!), like(inputs[2]!), scores];
    },
  },
  SoftmaxCrossEntropyLoss: {
    domain: '',
    arity: [2, 2],
    infer([scores, labels], attributes, fail) {
      const fits =
        scores!.dtype === 'float32' &&
        scores!.shape.length === 2 &&
        isIndex(labels) &&
        sameShape(labels!.shape, scores!.shape.slice(0, 1));
      if (!fits) fail(types([scores, labels]), 'scores [N, C] and integer labels [N]');
      if (attributes.reduction !== 'none') fail(`reduction ${attributes.reduction}`, 'none');
      return [{ dtype: 'float32', shape: labels!.shape }, like(scores!)];
    },
  },
};

function requireIndexAlong(
  data: ValueType | undefined,
  indices: ValueType | undefined,
  attributes: Attributes,
  fail: (state: string, wish: string) => never,
): void {
  const axis = resolveAxis(integerAttribute(attributes, 'axis', 0), data!.shape.length);
  const fits =
    isIndex(indices) &&
    indices!.shape.length === data!.shape.length &&
    indices!.shape.every((dimension, index) => index === axis || dimension <= data!.shape[index]!);
  if (!fits) fail(types([data, indices]), `integer indices within the data except on axis ${axis}`);
}

/**
 * Types of an operation's outputs.
 *
 * @throws {GraphError} if the operation is unknown, or its inputs do not fit
 */
export function inferTypes(op: string, inputs: Inputs, attributes: Attributes): ValueType[] {
  const type = Object.hasOwn(opTypes, op) ? opTypes[op] : undefined;
  if (type === undefined)
    throw new GraphError(`Cannot add ${op}: the operation is unknown, expected one of the op table`);
  const [least, most] = type.arity;
  const fail = (state: string, wish: string): never => {
    throw new GraphError(`Cannot add ${op}: got ${state}, expected ${wish}`);
  };
  if (inputs.length < least || inputs.length > most || inputs.slice(0, least).includes(undefined)) {
    fail(
      `${inputs.filter((input) => input !== undefined).length} inputs`,
      least === most ? `${least}` : `${least} to ${most}`,
    );
  }
  return type.infer(inputs, attributes, fail);
}
