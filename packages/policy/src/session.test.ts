import { existsSync } from 'node:fs';
import { GraphBuilder, op } from '@evenkeel/graph';
import { expect, test } from 'vitest';
import { cudaLibrary } from './device.ts';
import { GraphSession } from './session.ts';

function doubling() {
  const g = new GraphBuilder('doubling');
  const x = g.input('x', 'float32', [2]);
  g.output('y', op.add(g, x, x));
  return g.build();
}

test('GraphSession runs a graph on views of larger arrays', async () => {
  const session = await GraphSession.create(doubling(), { threads: 1 });
  const { arrays } = await session.run(new Map([['x', Float32Array.of(1, 2, 3).subarray(1)]]));
  expect(Array.from(arrays.get('y')!)).toEqual([4, 6]);
  await session.release();
});

test('GraphSession refuses an input that is missing or of another size', async () => {
  const session = await GraphSession.create(doubling(), { threads: 1 });
  await expect(session.run(new Map())).rejects.toThrow('Cannot run a graph: input x has no elements, expected 2');
  await expect(session.run(new Map([['x', new Float32Array(3)]]))).rejects.toThrow(
    'Cannot run a graph: input x has 3 elements, expected 2',
  );
  await session.release();
});

test('GraphSession says that a graph cannot be prepared where its device is not there', async () => {
  const cudaIsHere = existsSync(cudaLibrary());
  const made = GraphSession.create(doubling(), { threads: 1, device: 'cuda' });
  if (cudaIsHere) return await made.then((session) => session.release()).catch(() => undefined);
  await expect(made).rejects.toMatchObject({
    code: 'session-failed',
    message: 'Cannot prepare graph doubling: onnxruntime refused it, expected a supported device and graph',
  });
});
