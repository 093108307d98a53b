import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WorkQueue } from './work-queue.ts';

/** Work that is done when it is told to. */
function byHand() {
  const portions: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const work = (items: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      portions.push({ items, finish: () => resolve(items.map((item) => item * 2)), fail: reject });
    });
  return { portions, work };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('WorkQueue', () => {
  test('gives each request its results in order, however it was cut and joined', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer(), { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        async (requests, portion, underWay) => {
          let [running, most] = [0, 0];
          const queue = new WorkQueue<number, number>({
            portion,
            underWay,
            work: async (items) => {
              most = Math.max(most, ++running);
              expect(items.length).toBeLessThanOrEqual(portion);
              await turn();
              running--;
              return items.map((item) => item * 2);
            },
          });
          const results = await Promise.all(requests.map((items) => queue.ask(items)));
          expect(results).toEqual(requests.map((items) => items.map((item) => item * 2)));
          expect(most).toBeLessThanOrEqual(underWay);
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  test('joins small requests that wait into one portion', async () => {
    const { portions, work } = byHand();
    const queue = new WorkQueue({ work, underWay: 1, portion: 4 });
    const asked = [1, 2, 3, 4, 5, 6].map((item) => queue.ask([item]));
    expect(portions.map(({ items }) => items)).toEqual([[1]]);
    portions[0]!.finish();
    await asked[0];
    expect(portions[1]!.items).toEqual([2, 3, 4, 5]);
    portions[1]!.finish();
    await asked[4];
    portions[2]!.finish();
    expect(await Promise.all(asked)).toEqual([[2], [4], [6], [8], [10], [12]]);
  });

  test('leaves out what nobody waits for any more, and tells how much was done', async () => {
    const { portions, work } = byHand();
    const queue = new WorkQueue({ work, underWay: 1, portion: 2 });
    const gone = new AbortController();
    const done: number[] = [];
    const first = queue.ask([1, 2, 3, 4], { signal: gone.signal, onDone: (count) => done.push(count) });
    const second = queue.ask([9]);
    portions[0]!.finish();
    await turn();
    expect(portions[1]!.items).toEqual([3, 4]);
    gone.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    portions[1]!.finish();
    await turn();
    portions[2]!.finish();
    expect(await second).toEqual([18]);
    expect(done).toEqual([2]);
    await expect(queue.ask([1], { signal: gone.signal })).rejects.toThrow('gone');
  });

  test('fails the requests of a portion that failed, and no others', async () => {
    const { portions, work } = byHand();
    const queue = new WorkQueue({ work, underWay: 1, portion: 2 });
    const asked = [queue.ask([1]), queue.ask([2]), queue.ask([3]), queue.ask([4])];
    const outcomes = Promise.allSettled(asked);
    portions[0]!.finish();
    await asked[0];
    portions[1]!.fail(new Error('broken'));
    await turn();
    portions[2]!.finish();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  });

  test('makes portions small where items are slow', async () => {
    const sizes: number[] = [];
    const queue = new WorkQueue<number, number>({
      underWay: 1,
      portion: 512,
      portionMs: 5,
      work: async (items) => {
        sizes.push(items.length);
        const until = performance.now() + items.length;
        while (performance.now() < until);
        return items;
      },
    });
    await queue.ask(Array.from({ length: 100 }, () => 0));
    expect(sizes[0]).toBe(16);
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(5);
  });

  test('refuses what has not begun when it is closed, and finishes the rest', async () => {
    const { portions, work } = byHand();
    const queue = new WorkQueue({ work, underWay: 1, portion: 1 });
    const [first, second] = [queue.ask([1]), queue.ask([2])];
    queue.close(new Error('closed'));
    portions[0]!.finish();
    expect(await first).toEqual([2]);
    await expect(second).rejects.toThrow('closed');
    await expect(queue.ask([3])).rejects.toThrow('closed');
  });
});
