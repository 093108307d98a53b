/**
 * Reverse-mode differentiation: one walk over the nodes from the last to the first, by the table of VJP rules. The
 * backward pass is made of ordinary nodes in the same graph.
 */
import type { GraphBuilder } from './graph-builder.ts';
import { GraphError } from './graph-error.ts';
import { describeType, type Value } from './value.ts';
import { vjpRules } from './vjp-rules.ts';

/**
 * Adds the backward pass of a scalar to a graph.
 *
 * @param loss a float32 scalar of the graph
 * @param wrt the values to differentiate by
 * @param constants values that count as constants, whatever they were computed from: a stopped gradient
 * @returns the gradient of each, in the order of `wrt`
 * @throws {GraphError} if the loss is no scalar, does not depend on one of the values, or goes through an operation
 *   without a rule
 */
export function gradients(
  g: GraphBuilder,
  loss: Value,
  wrt: readonly Value[],
  constants: readonly Value[] = [],
): Value[] {
  if (loss.dtype !== 'float32' || loss.shape.length !== 0) {
    throw new GraphError(`Cannot differentiate: the loss is ${describeType(loss)}, expected float32[]`);
  }
  const forward = [...g.nodes];
  const depends = new Set<Value>(wrt);
  for (const node of forward) {
    if (!node.inputs.some((input) => input !== undefined && depends.has(input))) continue;
    for (const output of node.outputs) {
      if (output?.dtype === 'float32' && !constants.includes(output)) depends.add(output);
    }
  }

  const cotangents = new Map<Value, Value>([[loss, g.scalar(1)]]);
  for (const node of forward.reverse()) {
    const [y, ...others] = node.outputs;
    if (others.some((output) => output !== undefined && cotangents.has(output))) {
      throw new GraphError(
        `Cannot differentiate ${node.op}: the loss goes through a further output, expected the first alone`,
      );
    }
    const dy = y && cotangents.get(y);
    if (dy === undefined || !node.inputs.some((input) => input !== undefined && depends.has(input))) continue;
    const rule = Object.hasOwn(vjpRules, node.op) ? vjpRules[node.op] : undefined;
    if (rule === undefined)
      throw new GraphError(`Cannot differentiate ${node.op}: it has no VJP rule, expected one in the table`);
    const contributions = rule({ g, node, x: node.inputs as readonly Value[], y: y!, dy });
    for (const [index, input] of node.inputs.entries()) {
      const contribution = contributions[index];
      if (input !== undefined && contribution !== undefined && depends.has(input)) {
        cotangents.set(input, contribution(cotangents.get(input)));
      }
    }
  }
  return wrt.map((value) => {
    const gradient = cotangents.get(value);
    if (gradient === undefined)
      throw new GraphError(`Cannot differentiate: the loss does not depend on ${value.name}, expected that it does`);
    return gradient;
  });
}
