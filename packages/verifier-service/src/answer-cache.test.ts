import { describe, expect, test } from 'vitest';
import { AnswerCache } from './answer-cache.ts';

const answering = (body: string) => async () => ({ status: 200, body });

describe('AnswerCache', () => {
  test('works once for a key and its body, also while the first is under way', async () => {
    const cache = new AnswerCache({ maxEntries: 4, maxChars: 100 });
    let made = 0;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const make = async () => {
      made++;
      await gate;
      return { status: 200, body: 'a' };
    };
    const both = Promise.all([cache.once('k', 'sha', make), cache.once('k', 'sha', make)]);
    open();
    expect((await both).map(({ replayed, answer }) => [replayed, answer.body])).toEqual([
      [false, 'a'],
      [true, 'a'],
    ]);
    expect(await cache.once('k', 'sha', make)).toMatchObject({ replayed: true });
    expect(made).toBe(1);
  });

  test('refuses a key that came with another body', async () => {
    const cache = new AnswerCache({ maxEntries: 4, maxChars: 100 });
    await cache.once('k', 'one', answering('a'));
    await expect(cache.once('k', 'two', answering('b'))).rejects.toMatchObject({
      status: 422,
      code: 'idempotency-mismatch',
      message: expect.stringMatching(/^Cannot use Idempotency-Key: it came with another body before, expected/),
    });
  });

  test('does not keep what failed', async () => {
    const cache = new AnswerCache({ maxEntries: 4, maxChars: 100 });
    const failing = async () => {
      throw new Error('busy');
    };
    await expect(cache.once('k', 'sha', failing)).rejects.toThrow('busy');
    expect(await cache.once('k', 'sha', answering('a'))).toMatchObject({ replayed: false });
  });

  test('forgets the least recently used, by number and by size', async () => {
    const cache = new AnswerCache({ maxEntries: 3, maxChars: 30 });
    for (const key of ['a', 'b', 'c']) await cache.once(key, 'sha', answering('12345'));
    await cache.once('a', 'sha', answering('again'));
    await cache.once('d', 'sha', answering('12345'));
    expect(cache.size).toBe(3);
    expect(await cache.once('a', 'sha', answering('again'))).toMatchObject({ replayed: true });
    expect(await cache.once('b', 'sha', answering('anew'))).toMatchObject({ replayed: false });
    await cache.once('large', 'sha', answering('x'.repeat(28)));
    expect(cache.size).toBe(1);
    await cache.once('larger', 'sha', answering('x'.repeat(31)));
    expect(cache.size).toBe(0);
  });
});
