import { describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';

const SHAPES = [
  { name: 'model.embed_tokens.weight', shape: [100, 100] },
  { name: 'model.layers.0.self_attn.q_proj.bias', shape: [10] },
  { name: 'model.layers.0.self_attn.o_proj.weight', shape: [100, 100] },
  { name: 'model.layers.0.input_layernorm.weight', shape: [10] },
  { name: 'model.norm.weight', shape: [10] },
];

const deviation = (values: Float32Array) =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

describe('initialiseParameters()', () => {
  const parameters = initialiseParameters(SHAPES, { seed: 3, layers: 2 });

  test('draws matrices with the wanted deviation, residual projections smaller', () => {
    expect(deviation(parameters.subarray(0, 10_000))).toBeCloseTo(0.02, 3);
    expect(deviation(parameters.subarray(10_010, 20_010))).toBeCloseTo(0.01, 3);
  });

  test('sets biases to zero and norms to one', () => {
    expect([...parameters.subarray(10_000, 10_010)]).toEqual(Array(10).fill(0));
    expect([...parameters.subarray(20_010)]).toEqual(Array(20).fill(1));
  });

  test('gives a tensor the same values whatever stands beside it', () => {
    const alone = initialiseParameters([SHAPES[2]!], { seed: 3, layers: 2 });
    expect(alone).toEqual(parameters.slice(10_010, 20_010));
  });

  test('gives other values for another seed', () => {
    expect(initialiseParameters(SHAPES, { seed: 4, layers: 2 })[0]).not.toBe(parameters[0]);
  });
});
