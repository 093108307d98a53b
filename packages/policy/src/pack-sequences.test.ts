import { describe, expect, test } from 'vitest';
import { packSequences } from './pack-sequences.ts';

const options = { tokens: 64, multiple: 16, longest: 40 };

describe('packSequences()', () => {
  test('takes the longest first, and fills a bucket up with shorter ones', () => {
    expect(packSequences([3, 20, 16, 17, 5], options)).toEqual([
      { rows: [1, 3], batch: 2, length: 32 },
      { rows: [2, 4, 0], batch: 4, length: 16 },
    ]);
  });

  test('uses a quarter of the rows for a small rest', () => {
    expect(packSequences([1], options)).toEqual([{ rows: [0], batch: 1, length: 16 }]);
  });

  test('rounds no length beyond the longest that the model holds', () => {
    expect(packSequences([33], options)).toEqual([{ rows: [0], batch: 1, length: 40 }]);
  });

  test('puts each sequence into one batch that can hold it', () => {
    const lengths = Array.from({ length: 200 }, (_, index) => 1 + ((index * 7919) % 40));
    const batches = packSequences(lengths, options);
    expect(batches.flatMap(({ rows }) => rows).sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
    for (const { rows, batch, length } of batches) {
      expect(rows.length).toBeLessThanOrEqual(batch);
      for (const row of rows) expect(lengths[row]).toBeLessThanOrEqual(length);
    }
  });
});
