/**
 * What a graph is made of. Every value has a data type and concrete dimensions; a graph is a list of nodes in an order
 * in which they can run, and each value is written once.
 */

/** The data types that the graphs here use. */
export type DataType = 'float32' | 'int64' | 'int32' | 'bool';

/** Data type and dimensions of a value. A scalar has the shape []. */
export interface ValueType {
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** One value of a graph. Its identity is the object; its name is unique within its graph. */
export interface Value extends ValueType {
  readonly name: string;
}

/** What an ONNX attribute may be here. Numbers are integers (`i`) unless wrapped as `{ float }`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operation. `undefined` stands for an optional input that is left out, or an optional output not asked for. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
}

/** A constant's elements, row-major. `int64` values are given as plain integers. */
export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | Int32Array | readonly number[];
}

/** A whole graph. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly constants: readonly Constant[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly Value[];
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Whether two shapes are equal, dimension for dimension. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** A type in words, for messages: `float32[2, 3]`. */
export function describeType(type: ValueType | undefined): string {
  return type === undefined ? 'nothing' : `${type.dtype}[${type.shape.join(', ')}]`;
}
