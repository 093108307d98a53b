/**
 * An optimizer state as bytes, for a checkpoint: magic, step, size, then m and v, all little-endian.
 */
import type { AdamWState } from './adamw.ts';
import { PolicyError } from './errors.ts';

const MAGIC = 0x314b_5645; // "EVK1"
const HEADER_BYTES = 16;

/** A state as bytes; the same state gives the same bytes. */
export function adamwStateToBytes({ step, m, v }: AdamWState): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 4 * (m.length + v.length));
  const header = new DataView(bytes.buffer, 0, HEADER_BYTES);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, m.length, true);
  header.setFloat64(8, step, true);
  new Float32Array(bytes.buffer, HEADER_BYTES, m.length).set(m);
  new Float32Array(bytes.buffer, HEADER_BYTES + 4 * m.length, v.length).set(v);
  return bytes;
}

/**
 * A state from its bytes.
 *
 * @param size the number of parameters that it must fit
 * @throws {PolicyError} `optimizer-state-invalid` if the bytes are no state, are cut off, or fit another policy
 */
export function adamwStateFromBytes(bytes: Uint8Array, size: number): AdamWState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    refuse('the bytes do not begin with its mark', 'a state that this program wrote');
  }
  const stored = view.getUint32(4, true);
  if (stored !== size) refuse(`it holds ${stored} parameters`, `${size}, as the policy has`);
  const expected = HEADER_BYTES + 8 * size;
  if (bytes.length !== expected) refuse(`it has ${bytes.length} bytes`, `${expected}`);
  // A copy, aligned: slice() of a Node Buffer, which a store's bytes may be, is none.
  const moments = new Uint8Array(bytes.subarray(HEADER_BYTES)).buffer;
  return {
    step: view.getFloat64(8, true),
    m: new Float32Array(moments, 0, size),
    v: new Float32Array(moments, 4 * size, size),
  };
}

function refuse(state: string, wish: string): never {
  throw new PolicyError(`Cannot read optimizer state: ${state}, expected ${wish}`, { code: 'optimizer-state-invalid' });
}
