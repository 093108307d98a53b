import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from './canonical-json.ts';

/** SHA-256 of bytes, or of a text's UTF-8 bytes, as 64 hexadecimal digits. Runs in a browser; for large data use the store's. */
export function sha256Hex(data: Uint8Array | string): string {
  return bytesToHex(sha256(typeof data === 'string' ? utf8ToBytes(data) : data));
}

/** SHA-256 of a value's canonical JSON: the identity of a configuration or of a job's inputs. */
export function hashOf(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}
