/**
 * As much of an ONNX model's bytes as a profile needs to be understood: the graph's name, and which node is which. Reads what
 * `writeOnnx` wrote; it is no general reader.
 */

export interface OnnxNode {
  readonly index: number;
  readonly op: string;
  readonly transA: boolean;
  readonly transB: boolean;
}

export interface OnnxOutline {
  readonly graph: string;
  /** By name. */
  readonly nodes: ReadonlyMap<string, OnnxNode>;
}

/** Name and nodes of the graph in a model. */
export function readOnnxOutline(model: Uint8Array): OnnxOutline {
  const text = (bytes: Uint8Array | number | undefined): string =>
    bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : '';
  const graph = fields(model).get(7)?.[0];
  if (!(graph instanceof Uint8Array)) return { graph: 'unnamed', nodes: new Map() };
  const inGraph = fields(graph);
  const nodes = new Map<string, OnnxNode>();
  for (const [index, bytes] of (inGraph.get(1) ?? []).entries()) {
    const node = fields(bytes as Uint8Array);
    const attributes = new Map(
      (node.get(5) ?? []).map((attribute) => {
        const parts = fields(attribute as Uint8Array);
        return [text(parts.get(1)?.[0]), parts.get(3)?.[0]];
      }),
    );
    nodes.set(text(node.get(3)?.[0]), {
      index,
      op: text(node.get(4)?.[0]),
      transA: attributes.get('transA') === 1,
      transB: attributes.get('transB') === 1,
    });
  }
  return { graph: text(inGraph.get(2)?.[0]), nodes };
}

/** The fields of a protobuf message by number: bytes of a length-delimited one, numbers of varints, nothing of others. */
function fields(message: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const found = new Map<number, (Uint8Array | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    const list = found.getOrInsertComputed(field, () => []);
    if (wire === 0) list.push(varint());
    else if (wire === 2) {
      const length = varint();
      list.push(message.subarray(at, at + length));
      at += length;
    } else at += wire === 5 ? 4 : 8;
  }
  return found;
}
