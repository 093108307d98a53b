import { keyedRandom } from '@evenkeel/core';
import { describe, expect, test } from 'vitest';
import { type Branch, lengthBucket, NO_PREFIX, packSequences } from './pack-sequences.ts';

const options = { tokens: 64, longest: 40 };
const alone = (length: number): Branch => ({ prefix: new Int32Array(), length });
const after = (prefix: readonly number[], length: number): Branch => ({ prefix: Int32Array.from(prefix), length });

describe('packSequences()', () => {
  test('takes the longest first, and fills a bucket up with shorter ones', () => {
    const none = { prefixes: 0, prefixLength: 0, heads: [] };
    expect(packSequences([3, 20, 16, 17, 5].map(alone), options)).toEqual([
      { ...none, rows: [1, 3], batch: 2, length: 24, prefixOf: [NO_PREFIX, NO_PREFIX] },
      { ...none, rows: [2, 0, 4], batch: 4, length: 16, prefixOf: [NO_PREFIX, NO_PREFIX, NO_PREFIX] },
    ]);
  });

  test('puts a prefix into a micro-batch once, whoever has it', () => {
    const branches = [after([1, 2], 5), after([3], 4), after([1, 2], 8), after([3], 2)];
    expect(packSequences(branches, { tokens: 96, longest: 40 })).toEqual([
      { prefixes: 2, prefixLength: 32, batch: 4, length: 8, heads: [1, 2], rows: [1, 3, 2, 0], prefixOf: [0, 0, 1, 1] },
    ]);
  });

  test('cuts a family that is too large, its prefix once in each part', () => {
    const branches = [...Array.from({ length: 9 }, () => after([7], 8)), after([8], 8)];
    const packed = packSequences(branches, { tokens: 56, longest: 40 });
    expect(packed.map(({ rows, heads }) => [rows.length, heads])).toEqual([
      [3, [0]],
      [3, [0]],
      [3, [0]],
      [1, [9]],
    ]);
  });

  test('holds no more positions at once however many sequences share a prefix', () => {
    const branches = Array.from({ length: 64 }, () => after(new Array(200).fill(1), 400));
    for (const { prefixes, prefixLength, batch, length } of packSequences(branches, { tokens: 1024, longest: 4096 })) {
      expect(prefixes * prefixLength + batch * length).toBeLessThanOrEqual(1024);
    }
  });

  test('uses a quarter of the rows for a small rest', () => {
    expect(packSequences([alone(1)], options)).toMatchObject([{ rows: [0], batch: 2, length: 8 }]);
  });

  test('leaves out a sequence with nothing of its own', () => {
    expect(packSequences([after([1], 0), after([1], 3)], options)).toMatchObject([{ rows: [1], heads: [1] }]);
    expect(packSequences([after([1], 0)], options)).toEqual([]);
  });

  test('rounds no length beyond the longest that the model holds', () => {
    expect(packSequences([alone(39)], { tokens: 64, longest: 39 })).toMatchObject([{ rows: [0], length: 39 }]);
  });

  test.each([1, 2, 3])('puts each sequence into one batch that can hold it and has its prefix (seed %i)', (seed) => {
    const random = keyedRandom(seed, 'test/packing');
    const prefixes = Array.from({ length: 12 }, (_, index) => new Int32Array(random.integer(40)).fill(index));
    const branches = Array.from({ length: 200 }, () => ({
      prefix: prefixes[random.integer(prefixes.length)]!,
      length: 1 + random.integer(40),
    }));
    const batches = packSequences(branches, options);
    expect(batches.flatMap(({ rows }) => rows).sort((a, b) => a - b)).toEqual(branches.map((_, index) => index));
    for (const { rows, batch, length, prefixes: count, prefixLength, heads, prefixOf } of batches) {
      expect(rows.length).toBeLessThanOrEqual(batch);
      expect(heads.length).toBeLessThanOrEqual(count);
      expect(new Set(heads.map((head) => branches[head]!.prefix)).size).toBe(heads.length);
      for (const [row, index] of rows.entries()) {
        expect(branches[index]!.length).toBeLessThanOrEqual(length);
        expect(branches[index]!.prefix.length).toBeLessThanOrEqual(prefixLength);
        const head = heads[prefixOf[row]!];
        expect(head === undefined ? 0 : branches[head]!.prefix.length).toBe(branches[index]!.prefix.length);
        if (head !== undefined) expect(branches[head]!.prefix).toBe(branches[index]!.prefix);
      }
    }
  });
});

test('lengthBucket() adds an eighth at most, or the least step', () => {
  for (let length = 1; length < 3000; length++) {
    const bucket = lengthBucket(length, 8, 1e6);
    expect(bucket).toBeGreaterThanOrEqual(length);
    expect(bucket - length).toBeLessThan(Math.max(8, length / 8 + 1));
  }
  expect(new Set(Array.from({ length: 4096 }, (_, length) => lengthBucket(length, 8, 1e6))).size).toBeLessThan(60);
});
