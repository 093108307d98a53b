import { keyedRandom } from '@evenkeel/core';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { checkGraph } from './check-graph.ts';
import { gradients } from './gradients.ts';
import { GraphBuilder } from './graph-builder.ts';
import { lowerFor } from './lower-for.ts';
import * as op from './ops.ts';
import { stableProducts } from './stable-products.ts';
import { type Graph, sizeOf } from './value.ts';
import { writeOnnx } from './write-onnx.ts';

interface Shape {
  readonly batch: number;
  readonly keyHeads: number;
  readonly shared: number;
  readonly length: number;
  readonly size: number;
  readonly causal: boolean;
}

/** Everything that is rewritten, in one loss, with its gradients. */
function everything({ batch, keyHeads, shared, length, size, causal }: Shape): Graph {
  const g = new GraphBuilder('everything');
  const heads = keyHeads * shared;
  const q = g.input('q', 'float32', [batch, heads, length, size]);
  const k = g.input('k', 'float32', [batch, keyHeads, length, size]);
  const v = g.input('v', 'float32', [batch, keyHeads, length, size]);
  const scale = g.input('scale', 'float32', [size]);
  const labels = g.constant(
    'int32',
    [batch * heads * length],
    Int32Array.from({ length: batch * heads * length }, (_, index) => index % size),
  );
  const mask = causal ? undefined : g.input('mask', 'float32', [batch, 1, length, length]);
  const mixed = op.attention(g, op.rmsNorm(g, q, scale, 1e-6), k, v, { causal, mask, scale: 0.7 });
  const product = op.matmul(g, mixed, mixed, { transA: true, alpha: 0.3 });
  const rows = op.reshape(g, op.matmul(g, mixed, product), [batch * heads * length, size]);
  const loss = op.add(
    g,
    op.reduceSum(g, op.crossEntropy(g, rows, labels)),
    op.reduceSum(g, op.mul(g, op.logSoftmax(g, rows), g.scalar(0.01))),
  );
  g.output('loss', loss);
  for (const [index, gradient] of gradients(g, loss, [q, k, v, scale]).entries())
    g.output(`gradient.${index}`, gradient);
  return g.build();
}

async function run(graph: Graph): Promise<Map<string, Float32Array>> {
  const random = keyedRandom(1, 'test/lowered');
  const session = await InferenceSession.create(writeOnnx(graph), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = graph.inputs.map(({ name, shape }) => {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
    return [name, new Tensor('float32', data, shape)] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return new Map(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

describe('lowerFor()', () => {
  test.each(['webgpu', 'cuda'] as const)('for %s keeps what a graph and its gradients are worth', async (provider) => {
    const shapes = fc.record({
      ...{ batch: fc.integer({ min: 1, max: 3 }), keyHeads: fc.integer({ min: 1, max: 3 }) },
      ...{ shared: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 5 }) },
      ...{ size: fc.integer({ min: 2, max: 6 }), causal: fc.boolean() },
    });
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const graph = everything(shape);
        const lowered = lowerFor(provider, graph);
        checkGraph(lowered);
        const [plain, rewritten] = [await run(graph), await run(lowered)];
        for (const [name, values] of plain) {
          const norm = Math.hypot(...values);
          const apart = Math.hypot(...values.map((value, index) => value - rewritten.get(name)![index]!));
          expect(apart, name).toBeLessThan(1e-5 * (1 + norm));
        }
      }),
      { numRuns: 12, seed: 4 },
    );
  });

  test('leaves nothing to a WebGPU that has no kernel for it, and no inverse rms to a kernel that writes it wrong', () => {
    const { nodes } = lowerFor(
      'webgpu',
      everything({ batch: 2, keyHeads: 1, shared: 2, length: 3, size: 4, causal: true }),
    );
    const left = new Set(nodes.map((node) => node.op));
    for (const name of ['Attention', 'FusedMatMul', 'LogSoftmax', 'SoftmaxCrossEntropyLoss'])
      expect(left).not.toContain(name);
    for (const { op: name, outputs } of nodes)
      if (name === 'SimplifiedLayerNormalization') expect(outputs).toHaveLength(1);
  });

  test('for the CPU is what keeps bits the same over threads, and nothing else', () => {
    const graph = everything({ batch: 1, keyHeads: 1, shared: 1, length: 2, size: 3, causal: true });
    expect(lowerFor('cpu', graph)).toEqual(stableProducts(graph));
  });
});
