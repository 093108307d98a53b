import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import { afterAll, describe, expect, test } from 'vitest';
import { adamwStep, createAdamWState, decayRanges } from './adamw.ts';
import { probeDevice } from './choose-device.ts';
import { initialiseParameters } from './init.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine } from './policy-engine.ts';
import { ResidentTraining } from './resident-training.ts';
import type { TrainingBatch } from './training-inputs.ts';

const config: ModelConfig = {
  ...tinyModelConfig,
  vocab_size: 13,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 48,
};

function weights(): ParameterBuffer {
  const how = { seed: 1, layers: 2, standardDeviation: 0.4 };
  return new ParameterBuffer(config, initialiseParameters(parameterShapes(config), how));
}

const spec: ObjectiveSpec = {
  ratio: 'token',
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: 'token-mean',
  kl: { kind: 'k3', beta: 0.05 },
};

const random = keyedRandom(2, 'test/webgpu');
const normals = (size: number) => Float32Array.from({ length: size }, () => -2.5 + 0.3 * random.normal());
const batch: TrainingBatch = {
  objective: { kind: 'policy-gradient', spec },
  sequences: [3, 9, 14].map((completion, index) => ({
    tokens: Int32Array.from({ length: 4 + completion }, (_, place) => (place < 4 ? place : random.integer(13))),
    promptLength: 4,
    advantage: index - 0.8,
    oldLogprobs: normals(completion),
    referenceLogprobs: normals(completion),
  })),
};

/** The distance of two lists of numbers, relative to the length of the first. */
function apart(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, index) => value - b[index]!)) / (1e-12 + Math.hypot(...a));
}

// The provider is tried in a process of its own: without an adapter it may take the process with it.
const probe = await probeDevice('webgpu');
const reason = probe.there ? 'on an adapter' : `skipped: ${probe.reason}`;

describe.skipIf(!probe.there)(`WebGPU (${reason})`, () => {
  const engines: PolicyEngine[] = [];
  const trainings: ResidentTraining[] = [];
  const engineOn = (device: 'cpu' | 'webgpu', parameters: ParameterBuffer, tokensPerRun = 512) => {
    const engine = new PolicyEngine(config, { device, tokensPerRun });
    engine.setParameters(parameters.views);
    engines.push(engine);
    return engine;
  };
  afterAll(async () => {
    for (const made of [...engines, ...trainings]) await made.dispose();
  });

  test('scores and writes as the CPU does, to 1e-4', async () => {
    const [cpu, gpu] = [engineOn('cpu', weights()), engineOn('webgpu', weights())];
    const [expected, scored] = [await cpu.score(batch.sequences), await gpu.score(batch.sequences)];
    for (const [index, logprobs] of expected.entries()) expect(apart(logprobs, scored[index]!)).toBeLessThan(1e-4);
    const options = {
      ...{ samplesPerPrompt: 2, maxNewTokens: 5, temperature: 0.9, stopTokens: [] },
      uniform: (...key: number[]) => keyedRandom(3, 'test/draw', ...key).uniform(),
    };
    const prompts = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5)];
    const [texts, written] = [await cpu.generate(prompts, options), await gpu.generate(prompts, options)];
    for (const [index, { tokens, logprobs }] of texts.flat().entries()) {
      expect(written.flat()[index]!.tokens).toEqual(tokens);
      expect(apart(logprobs, written.flat()[index]!.logprobs)).toBeLessThan(1e-4);
    }
  }, 120_000);

  test('keeps the weights it was given until it is given them again', async () => {
    const parameters = weights();
    const gpu = engineOn('webgpu', parameters);
    const before = await gpu.score(batch.sequences);
    parameters.flat.fill(0);
    expect(await gpu.score(batch.sequences)).toEqual(before);
    gpu.setParameters(parameters.views);
    const [uniform] = await gpu.score(batch.sequences);
    for (const logprob of uniform!) expect(logprob).toBeCloseTo(-Math.log(config.vocab_size), 5);
  }, 120_000);

  test('has the gradients of the CPU by every parameter, to 1e-4', async () => {
    const expected = await engineOn('cpu', weights()).lossAndGradient(batch);
    const { loss, gradients } = await engineOn('webgpu', weights()).lossAndGradient(batch);
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-4 * Math.abs(expected.loss));
    for (const [name, gradient] of expected.gradients.views) {
      expect(apart(gradient, gradients.get(name)), name).toBeLessThan(1e-4);
    }
  }, 120_000);

  test.each([
    { how: 'all tensors at once', groupBytes: 2 ** 28 },
    { how: 'a few tensors at a time', groupBytes: 3000 },
  ])(
    'trains with weights, gradients and moments on the device as the CPU does, $how',
    async ({ groupBytes }) => {
      const options = { learningRate: 0.01, weightDecay: 0.1, maxGradientNorm: 1 };
      const [parameters, adam] = [weights(), createAdamWState(weights().flat.length)];
      // Micro-batches: two sequences a run at most, so their gradients are summed on the device.
      const cpu = engineOn('cpu', parameters, 24);
      const norms: number[] = [];
      for (let step = 0; step < 3; step++) {
        const { gradients } = await cpu.lossAndGradient(batch);
        const decay = { ...options, decayRanges: decayRanges(parameters.shapes) };
        norms.push(adamwStep(parameters.flat, gradients.flat, adam, decay).gradientNorm);
      }

      const [resident, moments] = [weights(), createAdamWState(weights().flat.length)];
      const training = new ResidentTraining(config, { device: 'webgpu', tokensPerRun: 24, groupBytes });
      trainings.push(training);
      await training.upload(resident, moments);
      for (const norm of norms) {
        const { gradientNorm } = await training.step(batch, options);
        expect(Math.abs(gradientNorm - norm)).toBeLessThan(1e-4 * norm);
      }
      expect(resident.flat).toEqual(weights().flat);
      await training.download();
      expect(moments.step).toBe(3);
      expect(apart(parameters.flat, resident.flat)).toBeLessThan(1e-4);
      expect(apart(adam.m, moments.m)).toBeLessThan(1e-4);
      expect(apart(adam.v, moments.v)).toBeLessThan(1e-4);

      // A gradient that is no number is refused, and what was there stays.
      const [first] = batch.sequences;
      const broken = { ...batch, sequences: [{ ...first!, advantage: Number.NaN }] };
      await expect(training.step(broken, options)).rejects.toMatchObject({ code: 'gradient-not-finite' });
      const before = resident.flat.slice();
      await training.download();
      expect(resident.flat).toEqual(before);
      expect(moments.step).toBe(3);
    },
    240_000,
  );
});
