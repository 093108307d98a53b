/**
 * The part of protobuf's wire format that writing needs: varints, 32-bit floats and length-delimited fields. It does not
 * know any message type.
 */

const utf8 = new TextEncoder();

/** A message being written. Fields come out in the order in which they were put in. */
export class ProtobufMessage {
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  /** An integer field (wire type 0), from the safe integers; negative ones as 64-bit two's complement. */
  integer(field: number, value: number): this {
    return this.#push(varint(field * 8)).#push(varint(value));
  }

  /** A float field (wire type 5). */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(varint(field * 8 + 5)).#push(bytes);
  }

  /** A length-delimited field (wire type 2): bytes, text, or a message. */
  field(field: number, value: Uint8Array | string | ProtobufMessage): this {
    const bytes =
      typeof value === 'string' ? utf8.encode(value) : value instanceof ProtobufMessage ? value.bytes() : value;
    return this.#push(varint(field * 8 + 2))
      .#push(varint(bytes.length))
      .#push(bytes);
  }

  /** The message so far. */
  bytes(): Uint8Array {
    const result = new Uint8Array(this.#sizeBytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      result.set(chunk, offset);
      offset += chunk.length;
    }
    return result;
  }

  #push(bytes: Uint8Array): this {
    this.#chunks.push(bytes);
    this.#sizeBytes += bytes.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}
