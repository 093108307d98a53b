/**
 * Builds a graph node by node. Each node is type-checked as it is added, so a graph that exists is well-typed. Equal
 * constants are stored once. It does not know how a graph is written to bytes, or differentiated.
 */
import { GraphError } from './graph-error.ts';
import { inferTypes } from './op-types.ts';
import {
  type Attributes,
  type Constant,
  type DataType,
  type Graph,
  type GraphNode,
  sizeOf,
  type Value,
} from './value.ts';

export class GraphBuilder {
  readonly name: string;
  #inputs: Value[] = [];
  #constants: Constant[] = [];
  #nodes: GraphNode[] = [];
  #outputs: { name: string; value: Value }[] = [];
  #names = new Set<string>();
  #known = new Set<Value>();
  #constantsByContent = new Map<string, Value>();

  constructor(name: string) {
    this.name = name;
  }

  /** The nodes so far, in the order in which they can run. */
  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /**
   * Declares an input of the graph.
   *
   * @throws {GraphError} if the name is taken or a dimension is not a positive integer
   */
  input(name: string, dtype: DataType, shape: readonly number[]): Value {
    if (this.#names.has(name))
      throw new GraphError(`Cannot declare input ${name}: the name is taken, expected a new one`);
    return this.#remember(this.#inputs, { name, dtype, shape: [...shape] });
  }

  /**
   * A constant. Small equal constants are shared.
   *
   * @throws {GraphError} if the number of elements does not fit the shape
   */
  constant(dtype: DataType, shape: readonly number[], data: Constant['data']): Value {
    if (data.length !== sizeOf(shape)) {
      throw new GraphError(`Cannot add a constant: got ${data.length} elements, expected ${sizeOf(shape)}`);
    }
    const content =
      data.length <= 64
        ? `${dtype}[${shape.join(',')}]${Array.from(data)
            .map((x) => (Object.is(x, -0) ? '-0' : x))
            .join(',')}`
        : undefined;
    const existing = content === undefined ? undefined : this.#constantsByContent.get(content);
    if (existing !== undefined) return existing;
    const value: Value = { name: this.#freshName('constant'), dtype, shape: [...shape] };
    this.#remember([], value);
    this.#constants.push({ value, data });
    if (content !== undefined) this.#constantsByContent.set(content, value);
    return value;
  }

  /** A float32 scalar. */
  scalar(number: number): Value {
    return this.constant('float32', [], [number]);
  }

  /**
   * Adds a node and returns its outputs.
   *
   * @param wanted which outputs to ask for, by index; the first alone by default
   * @throws {GraphError} if the operation does not take these inputs, or an input is not of this graph
   */
  add(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    wanted: readonly number[] = [0],
  ): Value[] {
    for (const input of inputs) {
      if (input !== undefined && !this.#known.has(input)) {
        throw new GraphError(
          `Cannot add ${op}: input ${input.name} is not a value of graph ${this.name}, expected one that is`,
        );
      }
    }
    const types = inferTypes(op, inputs, attributes);
    const outputs: (Value | undefined)[] = [];
    for (const index of wanted) {
      const type = types[index];
      if (type === undefined)
        throw new GraphError(`Cannot add ${op}: it has no output ${index}, expected less than ${types.length}`);
      while (outputs.length < index) outputs.push(undefined);
      outputs[index] = this.#remember([], { name: this.#freshName(op), dtype: type.dtype, shape: [...type.shape] });
    }
    this.#nodes.push({ op, inputs, outputs, attributes });
    return wanted.map((index) => outputs[index]!);
  }

  /**
   * Makes a value an output of the graph under a name of its own.
   *
   * @throws {GraphError} if the name is taken
   */
  output(name: string, value: Value): void {
    if (this.#names.has(name))
      throw new GraphError(`Cannot declare output ${name}: the name is taken, expected a new one`);
    if (!this.#known.has(value)) {
      throw new GraphError(
        `Cannot declare output ${name}: ${value.name} is not a value of graph ${this.name}, expected one that is`,
      );
    }
    this.#names.add(name);
    this.#outputs.push({ name, value });
  }

  /**
   * The finished graph, without the nodes whose results nothing uses.
   *
   * @throws {GraphError} if it has no output
   */
  build(): Graph {
    if (this.#outputs.length === 0)
      throw new GraphError(`Cannot build graph ${this.name}: it has no outputs, expected at least one`);
    const live = new Set<Value>(this.#outputs.map((output) => output.value));
    let nodes: GraphNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((output) => output !== undefined && live.has(output))) continue;
      for (const input of node.inputs) if (input !== undefined) live.add(input);
      nodes.push(node);
    }
    nodes.reverse();

    // A producer writes under its output's name; only a second name, or an input or constant handed out, needs a copy.
    const made = new Set(nodes.flatMap((node) => node.outputs));
    const renamed = new Map<Value, Value>();
    const copies: GraphNode[] = [];
    const outputs = this.#outputs.map(({ name, value }) => {
      const output: Value = { ...value, name };
      if (made.has(value) && !renamed.has(value)) renamed.set(value, output);
      else copies.push({ op: 'Identity', inputs: [renamed.get(value) ?? value], outputs: [output], attributes: {} });
      return output;
    });
    const rename = (value: Value | undefined): Value | undefined => (value && renamed.get(value)) ?? value;
    nodes = nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));

    const constants = this.#constants.filter((constant) => live.has(constant.value));
    return { name: this.name, inputs: [...this.#inputs], constants, nodes: [...nodes, ...copies], outputs };
  }

  #remember(list: Value[], value: Value): Value {
    if (value.shape.some((dimension) => !Number.isSafeInteger(dimension) || dimension < 1)) {
      throw new GraphError(
        `Cannot add value ${value.name}: shape is [${value.shape.join(', ')}], expected positive integers`,
      );
    }
    this.#names.add(value.name);
    this.#known.add(value);
    list.push(value);
    return value;
  }

  #freshName(stem: string): string {
    let name = `${stem}.${this.#names.size}`;
    while (this.#names.has(name)) name += '_';
    return name;
  }
}
