/**
 * An optimizer state as bytes, for a checkpoint: magic, step, size, then m and v, all little-endian. The moments are as large as the
 * policy twice over, so they can be written from where they lie and read to where they belong.
 */
import type { AdamWState } from './adamw.ts';
import { PolicyError } from './errors.ts';

const MAGIC = 0x314b_5645; // "EVK1"
const HEADER_BYTES = 16;

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A state's bytes in parts that follow each other: a header, and the moments themselves. The same state gives the same bytes. */
export function adamwStateParts({ step, m, v }: AdamWState): Uint8Array[] {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, m.length, true);
  header.setFloat64(8, step, true);
  return [new Uint8Array(header.buffer), bytesOf(m), bytesOf(v)];
}

/** The step that a header says. @throws {PolicyError} `optimizer-state-invalid` */
function stepIn(header: Uint8Array, size: number): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    refuse('the bytes do not begin with its mark', 'a state that this program wrote');
  }
  const stored = view.getUint32(4, true);
  if (stored !== size) refuse(`it holds ${stored} parameters`, `${size}, as the policy has`);
  return view.getFloat64(8, true);
}

function expectBytes(found: number, size: number): void {
  const expected = HEADER_BYTES + 8 * size;
  if (found !== expected) refuse(`it has ${found} bytes`, `${expected}`);
}

/**
 * A state from where its bytes are kept.
 *
 * @param bytes how many there are
 * @param size the number of parameters that it must fit
 * @param read fills the parts, which follow each other, with all of the bytes
 * @throws {PolicyError} `optimizer-state-invalid` if the bytes are no state, or fit another policy
 */
export async function readAdamWState(
  bytes: number,
  size: number,
  read: (into: readonly Uint8Array[]) => Promise<void>,
): Promise<AdamWState> {
  expectBytes(bytes, size);
  const [header, m, v] = [new Uint8Array(HEADER_BYTES), new Float32Array(size), new Float32Array(size)] as const;
  await read([header, bytesOf(m), bytesOf(v)]);
  return { step: stepIn(header, size), m, v };
}

/**
 * A state from its bytes, into memory of its own.
 *
 * @param size the number of parameters that it must fit
 * @throws {PolicyError} `optimizer-state-invalid` if the bytes are no state, are cut off, or fit another policy
 */
export function adamwStateFromBytes(bytes: Uint8Array, size: number): AdamWState {
  const step = stepIn(bytes, size);
  expectBytes(bytes.length, size);
  // A copy, aligned: slice() of a Node Buffer, which a store's bytes may be, is none.
  const moments = new Uint8Array(bytes.subarray(HEADER_BYTES)).buffer;
  return { step, m: new Float32Array(moments, 0, size), v: new Float32Array(moments, 4 * size, size) };
}

function refuse(state: string, wish: string): never {
  throw new PolicyError(`Cannot read optimizer state: ${state}, expected ${wish}`, { code: 'optimizer-state-invalid' });
}
