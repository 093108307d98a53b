/**
 * A graph as the bytes of an ONNX model (ai.onnx opset 23 and com.microsoft), written without a protobuf library. Shapes,
 * axes and ranges that newer opsets take as inputs are attributes in our graphs; here they become constants.
 */
import { opTypes } from './op-types.ts';
import { ProtobufMessage } from './protobuf.ts';
import type { Attribute, Constant, Graph, GraphNode, Value } from './value.ts';

const IR_VERSION = 10;
const OPSET = 23;
const elementTypes = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

/**
 * The bytes of the model, ready for `InferenceSession.create`. The same graph gives the same bytes.
 *
 * @example
 * ```ts
 * import { ok } from 'node:assert/strict';
 * const g = new GraphBuilder('double');
 * const x = g.input('x', 'float32', [2]);
 * g.output('y', g.add('Add', [x, x])[0]!);
 * ok(writeOnnx(g.build()) instanceof Uint8Array);
 * ```
 */
export function writeOnnx(graph: Graph): Uint8Array {
  const message = new ProtobufMessage();
  const lowered = new Map<string, { values: readonly number[] }>();
  for (const [index, node] of graph.nodes.entries()) message.field(1, nodeMessage(node, index, lowered));
  message.field(2, graph.name);
  for (const constant of graph.constants) message.field(5, tensorMessage(constant));
  for (const [name, { values }] of lowered) {
    message.field(5, tensorMessage({ value: { name, dtype: 'int64', shape: [values.length] }, data: values }));
  }
  for (const input of graph.inputs) message.field(11, valueMessage(input));
  for (const output of graph.outputs) message.field(12, valueMessage(output));
  return new ProtobufMessage()
    .integer(1, IR_VERSION)
    .field(2, 'evenkeel')
    .field(7, message)
    .field(8, new ProtobufMessage().field(1, '').integer(2, OPSET))
    .field(8, new ProtobufMessage().field(1, 'com.microsoft').integer(2, 1))
    .bytes();
}

/** Attributes that ONNX takes as int64 inputs, in the order of those inputs. */
function inputsFromAttributes(node: GraphNode): {
  lists: readonly (readonly number[])[];
  rest: GraphNode['attributes'];
} {
  const { shape, axes, axis, start, end, ...rest } = node.attributes;
  switch (node.op) {
    case 'Reshape':
    case 'Expand':
      return { lists: [shape as readonly number[]], rest };
    case 'ReduceSum':
      return { lists: [axes as readonly number[]], rest };
    case 'ReduceMean':
    case 'ReduceMax':
      return { lists: [axes as readonly number[]], rest };
    case 'Slice':
      return { lists: [[start as number], [end as number], [axis as number]], rest };
    default:
      return { lists: [], rest: node.attributes };
  }
}

function nodeMessage(
  node: GraphNode,
  index: number,
  lowered: Map<string, { values: readonly number[] }>,
): ProtobufMessage {
  const { lists, rest } = inputsFromAttributes(node);
  const message = new ProtobufMessage();
  for (const input of node.inputs) message.field(1, input?.name ?? '');
  for (const values of lists) {
    const name = `int64:${values.join(',')}`;
    lowered.set(name, { values });
    message.field(1, name);
  }
  for (const output of node.outputs) message.field(2, output?.name ?? '');
  message.field(3, `${index}:${node.op}`).field(4, node.op);
  for (const [name, attribute] of Object.entries(rest)) message.field(5, attributeMessage(name, attribute));
  return message.field(7, opTypes[node.op]?.domain ?? '');
}

function attributeMessage(name: string, attribute: Attribute): ProtobufMessage {
  const message = new ProtobufMessage().field(1, name);
  if (typeof attribute === 'number') return message.integer(3, attribute).integer(20, attributeTypes.int);
  if (typeof attribute === 'string') return message.field(4, attribute).integer(20, attributeTypes.string);
  if ('float' in attribute) return message.float(2, attribute.float).integer(20, attributeTypes.float);
  for (const value of attribute) message.integer(8, value);
  return message.integer(20, attributeTypes.ints);
}

function valueMessage(value: Value): ProtobufMessage {
  const shape = new ProtobufMessage();
  for (const dimension of value.shape) shape.field(1, new ProtobufMessage().integer(1, dimension));
  const tensor = new ProtobufMessage().integer(1, elementTypes[value.dtype]).field(2, shape);
  return new ProtobufMessage().field(1, value.name).field(2, new ProtobufMessage().field(1, tensor));
}

function tensorMessage({ value, data }: Constant): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const dimension of value.shape) message.integer(1, dimension);
  return message.integer(2, elementTypes[value.dtype]).field(8, value.name).field(9, rawData(value, data));
}

/** Little-endian elements, whatever the machine's own order. */
function rawData(value: Value, data: Constant['data']): Uint8Array {
  const width = value.dtype === 'int64' ? 8 : value.dtype === 'bool' ? 1 : 4;
  const bytes = new Uint8Array(data.length * width);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < data.length; index++) {
    const element = data[index]!;
    if (value.dtype === 'float32') view.setFloat32(index * 4, element, true);
    else if (value.dtype === 'int32') view.setInt32(index * 4, element, true);
    else if (value.dtype === 'int64') view.setBigInt64(index * 8, BigInt(element), true);
    else view.setUint8(index, element);
  }
  return bytes;
}
