import { canonicalJson } from './canonical-json.ts';
import { sha256Words } from './sha256.ts';

/** Four hexadecimal digits of each 16-bit number. */
const digits = Array.from({ length: 0x10000 }, (_, word) => word.toString(16).padStart(4, '0'));

/**
 * SHA-256 of bytes, or of a text's UTF-8 bytes, in hexadecimal digits. Runs in a browser; for large data use the store's.
 *
 * @param length how many digits, a multiple of 8; default all 64
 */
export function sha256Hex(data: Uint8Array | string, length = 64): string {
  const words = sha256Words(data);
  let text = '';
  for (let at = 0; 8 * at < length; at++) text += digits[words[at]! >>> 16]! + digits[words[at]! & 0xffff]!;
  return text;
}

/** The first 32 bits of SHA-256, as an unsigned number: to sort things into parts by what they are. */
export function sha256Uint32(data: Uint8Array | string): number {
  return sha256Words(data)[0]! >>> 0;
}

/** SHA-256 of a value's canonical JSON: the identity of a configuration or of a job's inputs. */
export function hashOf(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}
