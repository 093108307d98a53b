import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { checkGraph, type Graph, GraphBuilder, GraphError, op, writeOnnx } from './index.ts';

function withInputs(): { g: GraphBuilder; x: ReturnType<GraphBuilder['input']>; i: ReturnType<GraphBuilder['input']> } {
  const g = new GraphBuilder('demo');
  return { g, x: g.input('x', 'float32', [2, 3]), i: g.input('i', 'int32', [2]) };
}

describe('GraphBuilder', () => {
  const refusals: Record<string, [() => unknown, string]> = {
    'an operation that is not in the table': [
      () => withInputs().g.add('Conv', []),
      'Cannot add Conv: the operation is unknown, expected one of the op table',
    ],
    'shapes that do not broadcast': [
      () => {
        const { g, x } = withInputs();
        op.add(g, x, g.constant('float32', [2], [1, 2]));
      },
      'Cannot add Add: got float32[2, 3] and float32[2], expected shapes that broadcast',
    ],
    'mixed data types': [
      () => {
        const { g, x, i } = withInputs();
        op.mul(g, x, i);
      },
      'Cannot add Mul: got float32[2, 3] and int32[2], expected one data type',
    ],
    'inner dimensions that differ': [
      () => {
        const { g, x } = withInputs();
        op.gemm(g, x, x);
      },
      'Cannot add Gemm: got float32[2, 3] and float32[2, 3], inner dimensions 3 and 2, expected equal inner dimensions',
    ],
    'a reshape to another number of elements': [
      () => {
        const { g, x } = withInputs();
        op.reshape(g, x, [7]);
      },
      'Cannot add Reshape: got float32[2, 3] as [7], expected as many elements',
    ],
    'float indices': [
      () => {
        const { g, x } = withInputs();
        op.gather(g, x, x);
      },
      'Cannot add Gather: got float32[2, 3] and float32[2, 3], expected rows and integer indices',
    ],
    'too few inputs': [
      () => {
        const { g, x } = withInputs();
        g.add('Add', [x]);
      },
      'Cannot add Add: got 1 inputs, expected 2',
    ],
    'an output that the operation does not have': [
      () => {
        const { g, x } = withInputs();
        g.add('Neg', [x], {}, [1]);
      },
      'Cannot add Neg: it has no output 1, expected less than 1',
    ],
    'a value of another graph': [
      () => op.neg(withInputs().g, withInputs().x),
      'Cannot add Neg: input x is not a value of graph demo, expected one that is',
    ],
    'a name that is taken': [
      () => withInputs().g.input('x', 'float32', [1]),
      'Cannot declare input x: the name is taken, expected a new one',
    ],
    'a dimension of 0': [
      () => withInputs().g.input('y', 'float32', [0]),
      'Cannot add value y: shape is [0], expected positive integers',
    ],
    'a constant of another size': [
      () => withInputs().g.constant('float32', [2], [1]),
      'Cannot add a constant: got 1 elements, expected 2',
    ],
    'a graph without outputs': [
      () => withInputs().g.build(),
      'Cannot build graph demo: it has no outputs, expected at least one',
    ],
  };
  for (const [name, [attempt, message]] of Object.entries(refusals)) {
    test(`refuses ${name}`, () => {
      expect(attempt).toThrow(new GraphError(message));
    });
  }

  test('leaves out the nodes and constants whose results nothing uses', () => {
    const { g, x } = withInputs();
    op.add(g, x, g.scalar(5));
    g.output('y', op.neg(g, x));
    const graph = g.build();
    expect(graph.nodes.map((node) => node.op)).toEqual(['Neg']);
    expect(graph.constants).toEqual([]);
  });

  test('stores equal constants once', () => {
    const { g } = withInputs();
    expect(g.scalar(2)).toBe(g.scalar(2));
    expect(g.scalar(0)).not.toBe(g.scalar(-0));
  });
});

describe('checkGraph()', () => {
  function doubled(): Graph {
    const { g, x } = withInputs();
    g.output('y', op.neg(g, op.add(g, x, x)));
    return g.build();
  }

  test('passes what the builder builds', () => {
    expect(() => checkGraph(doubled())).not.toThrow();
  });

  test('refuses nodes in an order that cannot run', () => {
    const graph = doubled();
    expect(() => checkGraph({ ...graph, nodes: graph.nodes.toReversed() })).toThrow(
      /node 0 \(Neg\) uses Add\.\d+ before it is made, expected an order that can run/,
    );
  });

  test('refuses a node whose output has another type than the table says', () => {
    const graph = doubled();
    const [first, second] = graph.nodes;
    const wrong = { ...second!, outputs: [{ ...second!.outputs[0]!, shape: [3, 2] }] };
    expect(() => checkGraph({ ...graph, nodes: [first!, wrong] })).toThrow(
      'node 1 (Neg) gives y as float32[3, 2], expected float32[2, 3]',
    );
  });

  test('refuses a value that is made twice', () => {
    const graph = doubled();
    expect(() => checkGraph({ ...graph, nodes: [...graph.nodes, graph.nodes[1]!] })).toThrow(
      'node 2 (Neg) makes y again, expected each value once',
    );
  });

  test('refuses an output that is never made', () => {
    const graph = doubled();
    expect(() => checkGraph({ ...graph, nodes: graph.nodes.slice(0, 1) })).toThrow(
      'output y is never made, expected a node that makes it',
    );
  });
});

describe('writeOnnx()', () => {
  test('gives the same bytes for the same graph', () => {
    const build = (): Uint8Array => {
      const { g, x } = withInputs();
      g.output('y', op.softmax(g, op.reduceSum(g, x, [0])));
      return writeOnnx(g.build());
    };
    expect(build()).toEqual(build());
  });

  test('writes a model that onnxruntime runs, with every way of handing a value out', async () => {
    const { g, x, i } = withInputs();
    const y = op.slice(g, op.transpose(g, x, [1, 0]), 0, 1, 3);
    g.output('y', y);
    g.output('again', y);
    g.output('input', i);
    g.output('minus', op.neg(g, y));
    g.output('constant', g.constant('int64', [2], [-1, 2 ** 40]));
    g.output('atLeast', op.greaterOrEqual(g, x, g.scalar(3)));
    const graph = g.build();
    checkGraph(graph);
    const session = await InferenceSession.create(writeOnnx(graph));
    const results = await session.run({
      x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      i: new Tensor('int32', Int32Array.of(7, -8), [2]),
    });
    const plain = Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]),
    );
    expect(plain).toEqual({
      y: [2, 5, 3, 6],
      again: [2, 5, 3, 6],
      input: [7, -8],
      minus: [-2, -5, -3, -6],
      constant: [-1, 2 ** 40],
      atLeast: [0, 0, 1, 1, 1, 1],
    });
    expect(session.outputMetadata.find(({ name }) => name === 'y')).toMatchObject({ type: 'float32', shape: [2, 2] });
    await session.release();
  });
});
