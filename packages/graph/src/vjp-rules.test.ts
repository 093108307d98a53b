/** Each rule of the table against central differences, through onnxruntime. */
import { keyedRandom } from '@evenkeel/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import {
  checkGraph,
  GraphBuilder,
  GraphError,
  gradients,
  op,
  sizeOf,
  type Value,
  vjpRules,
  writeOnnx,
} from './index.ts';

interface Case {
  /** Shapes of the differentiable inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** Range of the random inputs; −1…1 by default. */
  readonly range?: readonly [number, number];
  build(g: GraphBuilder, inputs: readonly Value[]): Value;
}

const STEP = 1e-2;

async function run(g: GraphBuilder, feeds: ReadonlyMap<string, Float32Array>): Promise<InferenceSession.ReturnType> {
  const graph = g.build();
  checkGraph(graph);
  const session = await InferenceSession.create(writeOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  });
  const tensors = graph.inputs.map((input) => [input.name, new Tensor('float32', feeds.get(input.name)!, input.shape)]);
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return results;
}

/** Analytic and numeric gradients of Σ w∘f(x) for fixed random w, largest difference over all inputs. */
async function largestError(name: string, example: Case): Promise<number> {
  const random = keyedRandom(0, `vjp/${name}`);
  const [low, high] = example.range ?? [-1, 1];
  const feeds = new Map(
    example.shapes.map((shape, index) => [
      `x${index}`,
      Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform()),
    ]),
  );
  const g = new GraphBuilder(name);
  const inputs = example.shapes.map((shape, index) => g.input(`x${index}`, 'float32', shape));
  const y = example.build(g, inputs);
  const weights = g.constant(
    'float32',
    y.shape,
    Float32Array.from({ length: sizeOf(y.shape) }, () => random.normal()),
  );
  const weighted = op.mul(g, y, weights);
  const loss = op.reduceSum(g, weighted);
  for (const [index, gradient] of gradients(g, loss, inputs).entries()) g.output(`d${index}`, gradient);
  g.output('terms', weighted);

  // The sum of the terms is taken here in double precision, so that float32 does not drown the difference.
  const graph = g.build();
  const session = await InferenceSession.create(writeOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  });
  const evaluate = async (): Promise<InferenceSession.ReturnType> =>
    session.run(
      Object.fromEntries(
        graph.inputs.map((input) => [input.name, new Tensor('float32', feeds.get(input.name)!, input.shape)]),
      ),
    );
  const sum = (results: InferenceSession.ReturnType): number =>
    (results.terms!.data as Float32Array).reduce((total, term) => total + term, 0);
  const analytic = await evaluate();
  let worst = 0;
  for (const [index] of inputs.entries()) {
    const data = feeds.get(`x${index}`)!;
    const gradient = analytic[`d${index}`]!.data as Float32Array;
    expect(gradient.length).toBe(data.length);
    for (let element = 0; element < data.length; element++) {
      const at = data[element]!;
      data[element] = at + STEP;
      const above = sum(await evaluate());
      data[element] = at - STEP;
      const below = sum(await evaluate());
      data[element] = at;
      worst = Math.max(
        worst,
        Math.abs(gradient[element]! - (above - below) / (2 * STEP)) / (1 + Math.abs(gradient[element]!)),
      );
    }
  }
  await session.release();
  return worst;
}

const half = (g: GraphBuilder, shape: readonly [number, number], of: (angle: number) => number): Value =>
  g.constant(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, index) => of(0.3 * index + 0.1)),
  );

const cases: Record<string, Case> = {
  Add: { shapes: [[2, 3], [3]], build: (g, [a, b]) => op.add(g, a!, b!) },
  'Add of a value to itself': { shapes: [[3]], build: (g, [a]) => op.add(g, a!, a!) },
  Sub: {
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (g, [a, b]) => op.sub(g, a!, b!),
  },
  Mul: {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (g, [a, b]) => op.mul(g, a!, b!),
  },
  Div: { shapes: [[2, 3], [3]], range: [1, 2], build: (g, [a, b]) => op.div(g, a!, b!) },
  Min: { shapes: [[4], [2, 4]], build: (g, [a, b]) => op.min(g, a!, b!) },
  Neg: { shapes: [[3]], build: (g, [a]) => op.neg(g, a!) },
  Exp: { shapes: [[3]], build: (g, [a]) => op.exp(g, a!) },
  Log: { shapes: [[3]], range: [1, 2], build: (g, [a]) => op.log(g, a!) },
  Sigmoid: { shapes: [[3]], build: (g, [a]) => op.sigmoid(g, a!) },
  Identity: { shapes: [[3]], build: (g, [a]) => g.add('Identity', [a])[0]! },
  Clip: { shapes: [[8]], build: (g, [a]) => op.clip(g, a!, -0.4, 0.5) },
  ReduceSum: { shapes: [[2, 3, 2]], build: (g, [a]) => op.reduceSum(g, a!, [1]) },
  'ReduceSum keeping an axis': { shapes: [[2, 3]], build: (g, [a]) => op.reduceSum(g, a!, [0], true) },
  ReduceMean: { shapes: [[2, 3]], build: (g, [a]) => op.reduceMean(g, a!, [-1]) },
  Softmax: { shapes: [[2, 4]], build: (g, [a]) => op.softmax(g, a!) },
  LogSoftmax: { shapes: [[2, 4]], build: (g, [a]) => op.logSoftmax(g, a!) },
  QuickGelu: { shapes: [[5]], range: [-3, 3], build: (g, [a]) => op.silu(g, a!) },
  Reshape: { shapes: [[2, 3]], build: (g, [a]) => op.reshape(g, a!, [3, 2]) },
  Expand: { shapes: [[2, 1]], build: (g, [a]) => op.expand(g, a!, [2, 2, 3]) },
  Transpose: { shapes: [[2, 3, 4]], build: (g, [a]) => op.transpose(g, a!, [2, 0, 1]) },
  Concat: {
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (g, [a, b]) => op.concat(g, [a!, b!], -1),
  },
  Slice: { shapes: [[2, 5]], build: (g, [a]) => op.slice(g, a!, 1, 1, 4) },
  Gather: { shapes: [[4, 3]], build: (g, [a]) => op.gather(g, a!, g.constant('int32', [2, 3], [0, 3, 3, 1, 3, 0])) },
  'Gather beside another use': {
    shapes: [[4, 3]],
    build: (g, [a]) => op.gemm(g, op.gather(g, a!, g.constant('int32', [2], [3, 3])), a!, { transB: true }),
  },
  GatherElements: {
    shapes: [[3, 4]],
    build: (g, [a]) => op.gatherElements(g, a!, g.constant('int32', [3, 2], [0, 3, 1, 1, 2, 0]), 1),
  },
  Gemm: { shapes: [[2, 3], [3, 4], [4]], build: (g, [a, b, c]) => op.gemm(g, a!, b!, { c: c!, alpha: 0.7 }) },
  'Gemm with A transposed': {
    shapes: [
      [3, 2],
      [3, 4],
      [2, 4],
    ],
    build: (g, [a, b, c]) => op.gemm(g, a!, b!, { transA: true, c: c! }),
  },
  'Gemm with B transposed': {
    shapes: [
      [2, 3],
      [4, 3],
    ],
    build: (g, [a, b]) => op.gemm(g, a!, b!, { transB: true }),
  },
  'Gemm with both transposed': {
    shapes: [
      [3, 2],
      [4, 3],
    ],
    build: (g, [a, b]) => op.gemm(g, a!, b!, { transA: true, transB: true, alpha: 2 }),
  },
  FusedMatMul: {
    shapes: [
      [2, 2, 3],
      [2, 3, 4],
    ],
    build: (g, [a, b]) => op.matmul(g, a!, b!, { alpha: 0.5 }),
  },
  'FusedMatMul with A transposed': {
    shapes: [
      [2, 3, 2],
      [2, 3, 4],
    ],
    build: (g, [a, b]) => op.matmul(g, a!, b!, { transA: true }),
  },
  'FusedMatMul with B transposed': {
    shapes: [
      [2, 2, 3],
      [2, 4, 3],
    ],
    build: (g, [a, b]) => op.matmul(g, a!, b!, { transB: true }),
  },
  'FusedMatMul with both transposed': {
    shapes: [
      [2, 3, 2],
      [2, 4, 3],
    ],
    build: (g, [a, b]) => op.matmul(g, a!, b!, { transA: true, transB: true, alpha: 3 }),
  },
  SimplifiedLayerNormalization: {
    shapes: [[3, 4], [4]],
    range: [0.5, 1.5],
    build: (g, [x, s]) => op.rmsNorm(g, x!, s!, 1e-3),
  },
  RotaryEmbedding: {
    shapes: [[2, 3, 8]],
    build: (g, [x]) =>
      op.rotaryEmbedding(
        g,
        x!,
        half(g, [4, 2], Math.cos),
        half(g, [4, 2], Math.sin),
        g.constant('int64', [2, 3], [0, 1, 2, 1, 2, 3]),
        2,
      ),
  },
  Attention: {
    shapes: [
      [2, 4, 3, 2],
      [2, 2, 3, 2],
      [2, 2, 3, 2],
    ],
    build: (g, [q, k, v]) => op.attention(g, q!, k!, v!, { causal: true, scale: 0.6 }),
  },
  'Attention without a mask': {
    shapes: [
      [1, 2, 2, 2],
      [1, 1, 4, 2],
      [1, 1, 4, 2],
    ],
    build: (g, [q, k, v]) => op.attention(g, q!, k!, v!, { causal: false, scale: 1 }),
  },
  'Attention with a mask for each sequence': {
    shapes: [
      [2, 4, 2, 2],
      [2, 2, 3, 2],
      [2, 2, 3, 2],
    ],
    build: (g, [q, k, v]) => {
      const hidden = [0, 0, -1e30, 0, 0, 0, -1e30, -1e30, 0, 0, -1e30, 0];
      const mask = g.constant('float32', [2, 1, 2, 3], hidden);
      return op.attention(g, q!, k!, v!, { causal: false, scale: 0.6, mask });
    },
  },
  SoftmaxCrossEntropyLoss: {
    shapes: [[3, 4]],
    build: (g, [x]) => op.crossEntropy(g, x!, g.constant('int32', [3], [0, 3, 1])),
  },
};

describe('vjpRules', () => {
  for (const [name, example] of Object.entries(cases)) {
    test(`${name} agrees with central differences`, async () => {
      expect(await largestError(name, example)).toBeLessThan(1e-3);
    });
  }

  test('every rule has a case', () => {
    const tested = new Set(Object.keys(cases).map((name) => name.split(' ')[0]));
    expect(Object.keys(vjpRules).filter((name) => !tested.has(name))).toEqual([]);
  });
});

describe('gradients()', () => {
  test('a scatter of many equal indices gives the same bits with several threads', async () => {
    const build = (): GraphBuilder => {
      const g = new GraphBuilder('scatter');
      const table = g.input('x0', 'float32', [4, 16]);
      const rows = op.gather(
        g,
        table,
        g.constant(
          'int32',
          [4096],
          Int32Array.from({ length: 4096 }, (_, index) => index % 3),
        ),
      );
      const factors = g.constant(
        'float32',
        [4096, 1],
        Float32Array.from({ length: 4096 }, (_, index) => Math.sin(index)),
      );
      g.output('d0', gradients(g, op.reduceSum(g, op.mul(g, rows, factors)), [table])[0]!);
      return g;
    };
    const bytes = writeOnnx(build().build());
    const feeds = { x0: new Tensor('float32', new Float32Array(64), [4, 16]) };
    const results: string[] = [];
    for (const threads of [1, 2, 2, 2]) {
      const session = await InferenceSession.create(bytes, { intraOpNumThreads: threads });
      for (let repeat = 0; repeat < 5; repeat++) results.push(String((await session.run(feeds)).d0!.data));
      await session.release();
    }
    expect(new Set(results).size).toBe(1);
  });

  test('refuses a loss that is no scalar', () => {
    const g = new GraphBuilder('g');
    const x = g.input('x', 'float32', [2]);
    expect(() => gradients(g, x, [x])).toThrow(
      new GraphError('Cannot differentiate: the loss is float32[2], expected float32[]'),
    );
  });

  test('refuses a value that the loss does not depend on', () => {
    const g = new GraphBuilder('g');
    const x = g.input('x', 'float32', [2]);
    const y = g.input('y', 'float32', [2]);
    expect(() => gradients(g, op.reduceSum(g, x), [y])).toThrow('Cannot differentiate: the loss does not depend on y');
  });

  test('refuses an operation without a rule', () => {
    const g = new GraphBuilder('g');
    const x = g.input('x', 'float32', [2, 2]);
    const rows = op.scatterAdd(g, x, g.constant('int64', [1, 1], [0]), op.slice(g, x, 0, 0, 1));
    expect(() => gradients(g, op.reduceSum(g, rows), [x])).toThrow(
      'Cannot differentiate ScatterND: it has no VJP rule',
    );
  });

  test('a graph holds only the backward nodes that are asked for', async () => {
    const g = new GraphBuilder('g');
    const x = g.input('x0', 'float32', [2]);
    const y = op.mul(g, x, g.constant('float32', [2], [3, 4]));
    g.output('d0', gradients(g, op.reduceSum(g, y), [x])[0]!);
    expect(g.build().nodes.map((node) => node.op)).not.toContain('ReduceSum');
    expect(Array.from((await run(g, new Map([['x0', new Float32Array(2)]]))).d0!.data as Float32Array)).toEqual([3, 4]);
  });
});
