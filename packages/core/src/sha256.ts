/**
 * SHA-256 in plain JavaScript: the same in a browser and inside a sandbox. It is here because splits, keys and identities hash a few
 * dozen bytes each, hundreds of thousands of times a second: a text of ASCII is read where it lies, and nothing is allocated.
 *
 * Source: FIPS 180-4. Deviation: none; tested against the runtime's own.
 */

const roundConstants = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
const initialState = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

const BLOCK_BYTES = 64;
/** Texts up to this length are encoded here, if they are ASCII. */
const text = new Uint8Array(4096);
const textView = new DataView(text.buffer);
/** The last bytes with the padding behind them: one block, or two. */
const tail = new Uint8Array(2 * BLOCK_BYTES);
const tailView = new DataView(tail.buffer);
const schedule = new Int32Array(64);
const state = new Int32Array(8);

/**
 * The hash of bytes, or of a text's UTF-8 bytes.
 *
 * @returns eight words, signed; the next call overwrites them
 */
export function sha256Words(data: Uint8Array | string): Int32Array {
  if (typeof data !== 'string') return digest(data, new DataView(data.buffer, data.byteOffset, data.length));
  const length = encodeAscii(data);
  if (length === data.length) return digest(text, textView, length);
  return sha256Words(new TextEncoder().encode(data));
}

/** @returns how many of the characters were encoded: all, or those up to one that is not ASCII, or for which there is no room */
function encodeAscii(characters: string): number {
  const end = Math.min(characters.length, text.length);
  for (let at = 0; at < end; at++) {
    const code = characters.charCodeAt(at);
    if (code > 0x7f) return at;
    text[at] = code;
  }
  return end;
}

function digest(bytes: Uint8Array, view: DataView, length = bytes.length): Int32Array {
  state.set(initialState);
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(view, at);
  const left = length - at;
  tail.fill(0);
  for (let byte = 0; byte < left; byte++) tail[byte] = bytes[at + byte]!;
  tail[left] = 0x80;
  const end = left < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  tailView.setUint32(end - 8, Math.floor(length / 0x20000000));
  tailView.setUint32(end - 4, length << 3);
  compress(tailView, 0);
  if (end > BLOCK_BYTES) compress(tailView, BLOCK_BYTES);
  return state;
}

/** One block into the state. Names as in the standard. */
function compress(view: DataView, offset: number): void {
  for (let t = 0; t < 16; t++) schedule[t] = view.getInt32(offset + 4 * t);
  for (let t = 16; t < 64; t++) {
    const x = schedule[t - 15]!;
    const y = schedule[t - 2]!;
    const sigma0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const sigma1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[t] = (schedule[t - 16]! + sigma0 + schedule[t - 7]! + sigma1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const one = (h + sum1 + choice + roundConstants[t]! + schedule[t]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + sum0 + majority) | 0;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
  state[5] = (state[5]! + f) | 0;
  state[6] = (state[6]! + g) | 0;
  state[7] = (state[7]! + h) | 0;
}
