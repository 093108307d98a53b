import { GraphBuilder, op, type Value } from '@evenkeel/graph';
import { describe, expect, test } from 'vitest';
import { graphMemory } from './memory-graph.ts';

const kindOf = ({ shape }: Value) => (shape.at(-1) === 10 ? 'wide' : 'other');

describe('graphMemory()', () => {
  test('holds a result from the node that makes it to the last one that reads it', () => {
    const g = new GraphBuilder('chain');
    const x = g.input('x', 'float32', [4, 4]);
    const a = op.matmul(g, x, x);
    const b = op.matmul(g, a, x);
    const c = op.matmul(g, b, x);
    g.output('y', op.matmul(g, c, x));
    // Two of 4 × 4 float32 at a time: the one that is read and the one that is made.
    expect(graphMemory(g.build(), kindOf)).toEqual({
      peak: { other: 128 },
      peakBytes: 128,
      outputBytes: 64,
      constantBytes: 0,
      inputBytes: 64,
    });
  });

  test('holds what is read again until then', () => {
    const g = new GraphBuilder('residual');
    const x = g.input('x', 'float32', [4, 4]);
    const a = op.matmul(g, x, x);
    const b = op.matmul(g, a, x);
    const c = op.matmul(g, b, x);
    g.output('y', op.matmul(g, c, a));
    expect(graphMemory(g.build(), kindOf).peakBytes).toBe(3 * 64);
  });

  test('counts a reshape as the same room, and a sum in the place of an operand that nobody reads any more', () => {
    const g = new GraphBuilder('in place');
    const x = g.input('x', 'float32', [4, 4]);
    const a = op.reshape(g, op.matmul(g, x, x), [16]);
    const b = op.exp(g, a);
    g.output('y', op.matmul(g, op.reshape(g, op.add(g, b, b), [4, 4]), x));
    expect(graphMemory(g.build(), kindOf).peakBytes).toBe(2 * 64);
  });

  test('gives an output room of its own, and holds it to the end', () => {
    const g = new GraphBuilder('outputs');
    const x = g.input('x', 'float32', [4, 4]);
    const a = op.exp(g, x);
    g.output('first', a);
    g.output('second', op.exp(g, a));
    g.output('third', op.exp(g, x));
    const memory = graphMemory(g.build(), kindOf);
    expect([memory.peakBytes, memory.outputBytes]).toEqual([3 * 64, 3 * 64]);
  });

  test('lets go at once of what nobody reads', () => {
    const g = new GraphBuilder('norm');
    const x = g.input('x', 'float32', [4, 8]);
    const scale = g.input('scale', 'float32', [8]);
    g.output('y', op.matmul(g, op.rmsNorm(g, x, scale, 1e-6), g.input('w', 'float32', [8, 2])));
    // The norm with its 4 inverse lengths, then the norm with the product: 128 + 16, 128 + 32.
    expect(graphMemory(g.build(), kindOf).peakBytes).toBe(160);
  });

  test('says the peak by kind, with the room that a loss works in: logits, log-probabilities, and once more', () => {
    const g = new GraphBuilder('loss');
    const x = g.input('x', 'float32', [6, 4]);
    const logits = op.gemm(g, x, g.input('w', 'float32', [10, 4]), { transB: true });
    g.output('loss', op.crossEntropy(g, logits, g.input('labels', 'int32', [6])));
    const { peak, peakBytes } = graphMemory(g.build(), kindOf);
    expect(peak).toEqual({ wide: 3 * 6 * 10 * 4, other: 6 * 4 });
    expect(peakBytes).toBe(3 * 240 + 24);
  });

  test('counts elements by their type, and constants by themselves', () => {
    const g = new GraphBuilder('types');
    const x = g.input('x', 'float32', [3]);
    const table = g.constant('int64', [3], [1, 2, 0]);
    g.output('y', op.cast(g, op.lessOrEqual(g, op.gather(g, x, table), x), 'float32'));
    const memory = graphMemory(g.build(), kindOf);
    expect([memory.constantBytes, memory.inputBytes, memory.peakBytes]).toEqual([24, 12, 3 + 12]);
  });
});
