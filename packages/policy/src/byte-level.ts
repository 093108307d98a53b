/**
 * The byte-level alphabet of GPT-2: one printable character for each of the 256 bytes, so that a vocabulary of text can
 * spell any bytes. Printable Latin-1 bytes stand for themselves, the other 68 take U+0100 and up in order of byte.
 *
 * Source: GPT-2's encoder.py, `bytes_to_unicode`, by its definition. The order of `byteAlphabet` is the order of bytes.
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

function makeAlphabet(): readonly string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** The character that stands for each byte; shape [256]. A space is `Ġ`. */
export const byteAlphabet: readonly string[] = makeAlphabet();

const byteOf: ReadonlyMap<string, number> = new Map(byteAlphabet.map((symbol, byte) => [symbol, byte]));
const utf8 = new TextEncoder();

/** A text in the byte-level alphabet: `' a'` → `'Ġa'`. A lone surrogate becomes U+FFFD first, as in any UTF-8. */
export function toByteSymbols(text: string): string {
  let symbols = '';
  for (const byte of utf8.encode(text)) symbols += byteAlphabet[byte];
  return symbols;
}

/** The bytes that a vocabulary entry stands for, or undefined where it holds a character outside the alphabet. */
export function fromByteSymbols(symbols: string): Uint8Array | undefined {
  const bytes = new Uint8Array(symbols.length);
  for (let index = 0; index < symbols.length; index++) {
    const byte = byteOf.get(symbols[index]!);
    if (byte === undefined) return undefined;
    bytes[index] = byte;
  }
  return bytes;
}
