import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyedRandom, philox4x32 } from './philox.ts';

type Words = [number, number, number, number];

const word = fc.nat(0xffffffff);

/** The generator once more, as the paper writes it, on big integers. */
function philoxByTheBook(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd2511f53n * c0;
    const product1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(product1 >> 32n) ^ c1 ^ k0, product1 & mask, (product0 >> 32n) ^ c3 ^ k1, product0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

function hex(words: readonly number[]): string {
  return words.map((each) => each.toString(16).padStart(8, '0')).join(' ');
}

describe('philox4x32()', () => {
  test.each<[Words, [number, number], string]>([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('gives the known answer of Random123 for counter %j and key %j', (counter, key, answer) => {
    expect(hex(philox4x32(counter, key))).toBe(answer);
  });

  test('is the generator as the paper writes it', () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox4x32(counter, key)).toEqual(philoxByTheBook(counter, key));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('keyedRandom()', () => {
  test('draws what it always drew', () => {
    const random = keyedRandom(7, 'test/golden', 1, 2, 3);
    expect([
      random.uint32(),
      random.uniform(),
      random.integer(6),
      random.integer(0x100000000),
      random.normal(),
    ]).toEqual([3911488841, 0.852762385069368, 4, 4168137216, -0.6106887609344721]);
    expect(random.shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([0, 6, 4, 7, 2, 3, 1, 5]);
    expect(random.pick(['a', 'b', 'c'])).toBe('b');
  });

  test('takes its words from the blocks of its key, in order', () => {
    const random = keyedRandom(0, 'test/blocks', 5);
    const first = Array.from({ length: 9 }, () => random.uint32());
    const again = keyedRandom(0, 'test/blocks', 5);
    keyedRandom(1, 'test/blocks', 5).uint32();
    keyedRandom(0, 'test/other', 5).uint32();
    expect(Array.from({ length: 9 }, () => again.uint32())).toEqual(first);
    expect(new Set(first).size).toBe(9);
    for (const other of [
      keyedRandom(1, 'test/blocks', 5),
      keyedRandom(0, 'test/other', 5),
      keyedRandom(0, 'test/blocks', 6),
    ])
      expect(other.uint32()).not.toBe(first[0]);
  });

  test('draws integers without the words that would make some too frequent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x100000000 }), fc.nat(1000), (bound, index) => {
        const words = keyedRandom(3, 'test/integer', index);
        const limit = 0x100000000 - (0x100000000 % bound);
        let expected = words.uint32();
        while (expected >= limit) expected = words.uint32();
        const random = keyedRandom(3, 'test/integer', index);
        expect(random.integer(bound)).toBe(expected % bound);
        expect(random.uint32()).toBe(words.uint32());
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('shuffles a copy', () => {
    const values = Object.freeze([1, 2, 3, 4, 5]);
    expect(keyedRandom(0, 'test/shuffle').shuffle(values).toSorted()).toEqual(values);
  });

  test.each([
    [() => keyedRandom(-1, 'x'), 'Cannot key a random stream: seed is -1, expected a safe integer >= 0'],
    [() => keyedRandom(0.5, 'x'), 'Cannot key a random stream: seed is 0.5, expected a safe integer >= 0'],
    [() => keyedRandom(0, 'x', -1), 'Cannot key a random stream: indices are [-1], expected up to three 32-bit words'],
    [
      () => keyedRandom(0, 'x', 1, 2, 3, 4),
      'Cannot key a random stream: indices are [1,2,3,4], expected up to three 32-bit words',
    ],
    [() => keyedRandom(0, 'x').integer(0), 'Cannot draw an integer: bound is 0, expected 1 to 2^32'],
    [() => keyedRandom(0, 'x').integer(1.5), 'Cannot draw an integer: bound is 1.5, expected 1 to 2^32'],
  ])('refuses what is out of range %#', (action, message) => {
    expect(action).toThrow(new RangeError(message));
  });
});
