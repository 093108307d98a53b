import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecentlyUsed } from './recently-used.ts';

describe('RecentlyUsed', () => {
  test('holds the last ones used within number and bytes, and always the last one', () => {
    const uses = fc.array(
      fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), bytes: fc.integer({ min: 1, max: 60 }) }),
    );
    fc.assert(
      fc.property(uses, fc.integer({ min: 1, max: 4 }), (given, maxCount) => {
        const kept = new RecentlyUsed<number>({ maxCount, maxBytes: 100, bytesOf: (bytes) => bytes });
        let expected: { key: string; bytes: number }[] = [];
        for (const use of given) {
          const found = kept.get(use.key);
          expect(found).toBe(expected.find(({ key }) => key === use.key)?.bytes);
          if (found === undefined) kept.put(use.key, use.bytes);
          const bytes = found ?? use.bytes;
          expected = [...expected.filter(({ key }) => key !== use.key), { key: use.key, bytes }];
          const total = () => expected.reduce((sum, one) => sum + one.bytes, 0);
          while (expected.length > 1 && (expected.length > maxCount || total() > 100)) expected = expected.slice(1);
          expect(kept.size).toBe(expected.length);
        }
      }),
      { numRuns: 300, seed: 20260501 },
    );
  });

  test('tells of what goes out for room, not of what is taken', () => {
    const out: string[] = [];
    const kept = new RecentlyUsed<string>({ maxCount: 2, onOut: (value) => out.push(value) });
    for (const key of ['a', 'b', 'c']) kept.put(key, key);
    expect(kept.take('b')).toBe('b');
    expect(out).toEqual(['a']);
    expect(kept.size).toBe(1);
  });

  test('makes room before something new is made', () => {
    const kept = new RecentlyUsed<number>({ maxCount: 8, maxBytes: 100, bytesOf: (bytes) => bytes });
    for (const key of ['a', 'b', 'c']) kept.put(key, 30);
    kept.makeRoom(60);
    expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual([undefined, undefined, 30]);
  });
});
