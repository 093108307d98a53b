import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf, sha256Hex, sha256Uint32 } from './hash.ts';

function runtimesOwn(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Of any code units, surrogates without their other half among them. */
const anyText = fc.uint16Array({ maxLength: 300 }).map((units) => String.fromCharCode(...units));

describe('sha256Hex()', () => {
  test('gives the hashes of the standard', () => {
    // FIPS 180-4's own examples: none, one, and two blocks; and a million times the same letter.
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(sha256Hex('a'.repeat(1_000_000))).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });

  test('gives what the runtime gives, at every length around the ends of blocks and of its own room', () => {
    const letters = 'The quick brown fox jumps over the lazy dog. '.repeat(200);
    const lengths = [...Array(300).keys(), ...[4095, 4096, 4097, 8192, 9000]];
    for (const length of lengths) {
      const text = letters.slice(0, length);
      expect(sha256Hex(text), `${length} characters`).toBe(runtimesOwn(text));
      const bytes = new TextEncoder().encode(`..${text}`).subarray(2);
      expect(sha256Hex(bytes), `${length} bytes`).toBe(runtimesOwn(text));
    }
  });

  test('takes the UTF-8 bytes of any text, lone surrogates too', () => {
    for (const text of ['é', 'aé', `${'a'.repeat(4096)}é`, '😀', 'a\ud800b', '\u0000\u007f\u0080']) {
      expect(sha256Hex(text)).toBe(runtimesOwn(new TextEncoder().encode(text)));
    }
    fc.assert(
      fc.property(fc.oneof(anyText, fc.uint8Array({ maxLength: 300 })), (data) => {
        expect(sha256Hex(data)).toBe(runtimesOwn(typeof data === 'string' ? new TextEncoder().encode(data) : data));
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('sha256Hex() with a length', () => {
  test('gives so many of the first digits', () => {
    for (const length of [8, 32, 64]) expect(sha256Hex('abc', length)).toBe(sha256Hex('abc').slice(0, length));
  });
});

describe('sha256Uint32()', () => {
  test('is what the first eight digits say', () => {
    for (const text of ['', 'abc', 'é', 'evenkeel-split-1/71=3,17,20']) {
      expect(sha256Uint32(text)).toBe(Number.parseInt(sha256Hex(text).slice(0, 8), 16));
    }
  });
});

describe('hashOf()', () => {
  test('is the hash of the canonical JSON, whatever the order of keys', () => {
    expect(hashOf({ b: 1, a: [true, null] })).toBe(sha256Hex('{"a":[true,null],"b":1}'));
    expect(hashOf({ a: [true, null], b: 1 })).toBe(hashOf({ b: 1, a: [true, null] }));
  });
});
