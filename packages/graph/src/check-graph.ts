/**
 * Checks a whole graph by the table of operations: each value is made once and before it is used, each node's outputs
 * have the types that the table gives them, each name is unique. A graph from `GraphBuilder` passes; one that was put
 * together or changed by hand may not.
 */
import { GraphError } from './graph-error.ts';
import { inferTypes } from './op-types.ts';
import { describeType, type Graph, sameShape, sizeOf, type Value } from './value.ts';

/** @throws {GraphError} that names the first node or value that is wrong */
export function checkGraph(graph: Graph): void {
  const fail = (state: string, wish: string): never => {
    throw new GraphError(`Cannot use graph ${graph.name}: ${state}, expected ${wish}`);
  };
  const made = new Map<string, Value>();
  const make = (value: Value, by: string): void => {
    if (made.has(value.name)) fail(`${by} makes ${value.name} again`, 'each value once');
    made.set(value.name, value);
  };
  for (const input of graph.inputs) make(input, 'an input');
  for (const { value, data } of graph.constants) {
    make(value, 'a constant');
    if (data.length !== sizeOf(value.shape))
      fail(`constant ${value.name} has ${data.length} elements`, `${sizeOf(value.shape)}`);
  }
  for (const [index, node] of graph.nodes.entries()) {
    const at = `node ${index} (${node.op})`;
    for (const input of node.inputs) {
      if (input === undefined) continue;
      const source =
        made.get(input.name) ?? fail(`${at} uses ${input.name} before it is made`, 'an order that can run');
      if (!sameType(source, input)) fail(`${at} takes ${input.name} as ${describeType(input)}`, describeType(source));
    }
    const types = inferTypes(node.op, node.inputs, node.attributes);
    for (const [slot, output] of node.outputs.entries()) {
      if (output === undefined) continue;
      const type = types[slot];
      if (type === undefined || !sameType(type, output))
        fail(`${at} gives ${output.name} as ${describeType(output)}`, describeType(type));
      make(output, at);
    }
  }
  for (const output of graph.outputs) {
    if (!made.has(output.name)) fail(`output ${output.name} is never made`, 'a node that makes it');
  }
}

function sameType(a: Pick<Value, 'dtype' | 'shape'>, b: Pick<Value, 'dtype' | 'shape'>): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
