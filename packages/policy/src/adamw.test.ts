import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { adamwStep, createAdamWState, decayRanges } from './adamw.ts';
import { adamwStateFromBytes, adamwStateParts, readAdamWState } from './adamw-bytes.ts';

describe('adamwStep()', () => {
  test('moves each parameter by the learning rate in the first step, against its gradient', () => {
    const parameters = Float32Array.of(1, 1, 1);
    adamwStep(parameters, Float32Array.of(2, -0.5, 0), createAdamWState(3), { learningRate: 0.1 });
    expect([...parameters].map((value) => Number(value.toFixed(6)))).toEqual([0.9, 1.1, 1]);
  });

  test('decays only the given ranges', () => {
    const parameters = Float32Array.of(1, 1, 1, 1);
    const ranges = decayRanges([{ shape: [1, 2] }, { shape: [2] }]);
    const options = { learningRate: 0.5, weightDecay: 0.5, decayRanges: ranges };
    adamwStep(parameters, new Float32Array(4), createAdamWState(4), options);
    expect([...parameters]).toEqual([0.75, 0.75, 1, 1]);
  });

  test('reports the norm, and scales the gradient down to the greatest one allowed', () => {
    const options = { learningRate: 0.1, maxGradientNorm: 1 };
    const state = createAdamWState(2);
    const step = adamwStep(new Float32Array(2), Float32Array.of(3, 4), state, options);
    expect(step.gradientNorm).toBe(5);
    expect(step.gradientScale).toBeCloseTo(0.2, 6);
    expect(state.m[0]).toBeCloseTo(0.06, 6);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a gradient of %s and changes nothing', (bad) => {
    const parameters = Float32Array.of(1, 2);
    const state = createAdamWState(2);
    expect(() => adamwStep(parameters, Float32Array.of(0, bad), state, { learningRate: 1, weightDecay: 1 })).toThrow(
      `Cannot update policy: the gradient's norm is ${bad}, expected a finite number`,
    );
    expect([...parameters, state.step, ...state.m, ...state.v]).toEqual([1, 2, 0, 0, 0, 0, 0]);
  });

  test('refuses arrays of different lengths', () => {
    expect(() => adamwStep(new Float32Array(2), new Float32Array(3), createAdamWState(2), { learningRate: 1 })).toThrow(
      'Cannot update policy: 2 parameters, 3 gradients, moments of 2 and 2, expected equal lengths',
    );
  });
});

describe('decayRanges()', () => {
  test('joins neighbouring matrices and leaves out vectors', () => {
    const shapes = [{ shape: [2, 3] }, { shape: [1, 4] }, { shape: [5] }, { shape: [2, 2] }];
    expect(decayRanges(shapes)).toEqual([
      { start: 0, end: 10 },
      { start: 15, end: 19 },
    ]);
  });
});

describe('an optimizer state as bytes', () => {
  const state = { step: 7, m: Float32Array.of(1, -2.5), v: Float32Array.of(0.25, 3) };
  const bytes = new Uint8Array(Buffer.concat(adamwStateParts(state)));

  test('is the state again', () => {
    expect(adamwStateFromBytes(bytes, 2)).toEqual(state);
  });

  test('holds the moments themselves, and no copy', () => {
    expect(adamwStateParts(state).slice(1)).toEqual([new Uint8Array(state.m.buffer), new Uint8Array(state.v.buffer)]);
    expect(adamwStateParts(state)[1]!.buffer).toBe(state.m.buffer);
  });

  test('is read to where the moments lie', async () => {
    const from = (source: Uint8Array) => async (into: readonly Uint8Array[]) => {
      let start = 0;
      for (const part of into) {
        part.set(source.subarray(start, start + part.length));
        start += part.length;
      }
    };
    expect(await readAdamWState(bytes.length, 2, from(bytes))).toEqual(state);
    await expect(readAdamWState(bytes.length, 3, from(bytes))).rejects.toThrow('it has 32 bytes, expected 40');
    await expect(readAdamWState(32, 2, from(new Uint8Array(32)))).rejects.toThrow('do not begin with its mark');
  });

  test('is read from what a store gives: a Node Buffer, anywhere in its memory', () => {
    const pool = Buffer.alloc(bytes.length + 5);
    pool.set(bytes, 5);
    expect(adamwStateFromBytes(Buffer.from(bytes), 2)).toEqual(state);
    expect(adamwStateFromBytes(pool.subarray(5), 2)).toEqual(state);
  });

  test('is read into memory of its own', () => {
    const copy = bytes.slice();
    const read = adamwStateFromBytes(copy, 2);
    copy.fill(0);
    expect(read).toEqual(state);
  });

  test.each([
    ['cut bytes', bytes.subarray(0, 20), 2, 'it has 20 bytes, expected 32'],
    ['other bytes', new Uint8Array(32), 2, 'the bytes do not begin with its mark'],
    ['no bytes', new Uint8Array(0), 2, 'the bytes do not begin with its mark'],
    ['another policy', bytes, 3, 'it holds 2 parameters, expected 3, as the policy has'],
  ])('is refused where it is %s', (_, wrong, size, message) => {
    expect(() => adamwStateFromBytes(wrong, size)).toThrow(`Cannot read optimizer state: ${message}`);
  });
});

interface Golden {
  readonly tolerance: { readonly relative: number };
  readonly shapes: readonly (readonly number[])[];
  readonly options: { readonly learningRate: number };
  readonly start: readonly number[];
  readonly steps: readonly {
    readonly gradients: number[];
    readonly norm: number;
    readonly parameters: readonly number[];
  }[];
  readonly moments: { readonly m: readonly number[]; readonly v: readonly number[] };
}

test('adamwStep() follows torch.optim.AdamW over twelve clipped steps', () => {
  const golden: Golden = JSON.parse(
    readFileSync(new URL('../../../test/golden/policy-adamw.golden.json', import.meta.url), 'utf8'),
  );
  const { relative } = golden.tolerance;
  const agree = (ours: Float32Array, theirs: readonly number[]) => {
    for (const [index, value] of theirs.entries()) {
      expect(Math.abs(ours[index]! - value)).toBeLessThanOrEqual(relative * Math.max(1e-3, Math.abs(value)));
    }
  };
  const parameters = Float32Array.from(golden.start);
  const state = createAdamWState(parameters.length);
  const options = { ...golden.options, decayRanges: decayRanges(golden.shapes.map((shape) => ({ shape }))) };
  for (const step of golden.steps) {
    const { gradientNorm } = adamwStep(parameters, Float32Array.from(step.gradients), state, options);
    expect(gradientNorm / step.norm).toBeCloseTo(1, 5);
    agree(parameters, step.parameters);
  }
  agree(state.m, golden.moments.m);
  agree(state.v, golden.moments.v);
});
