import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import { afterAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import type { TrainingObjective } from './objective-graph.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine, type PolicyEngineOptions, type TrainingBatch } from './policy-engine.ts';
import type { TrainingSequence } from './training-inputs.ts';

const small: ModelConfig = {
  ...tinyModelConfig,
  vocab_size: 13,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  max_position_embeddings: 48,
};

/** Weights large enough that attention and norms matter; biases and norms random too. */
function weightsOf(config: ModelConfig): ParameterBuffer {
  const buffer = new ParameterBuffer(
    config,
    initialiseParameters(parameterShapes(config), { seed: 1, layers: 2, standardDeviation: 0.4 }),
  );
  const random = keyedRandom(1, 'weights');
  for (const [name, view] of buffer.views) {
    if (/bias$|norm\.weight$/.test(name))
      for (let index = 0; index < view.length; index++) view[index]! += 0.3 * random.normal();
  }
  return buffer;
}

const engines: PolicyEngine[] = [];
function engineOf(config: ModelConfig, options: PolicyEngineOptions = {}, weights = weightsOf(config)): PolicyEngine {
  const engine = new PolicyEngine(config, options);
  engine.setParameters(weights.views);
  engines.push(engine);
  return engine;
}
afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

function sequencesOf(config: ModelConfig, count: number): TrainingSequence[] {
  const random = keyedRandom(2, 'sequences');
  const normals = (size: number, mean: number, scale: number): Float32Array =>
    Float32Array.from({ length: size }, () => mean + scale * random.normal());
  return Array.from({ length: count }, () => {
    const length = 3 + random.integer(config.max_position_embeddings - 3);
    const promptLength = 1 + random.integer(length - 2);
    const completion = length - promptLength;
    return {
      tokens: Int32Array.from({ length }, () => random.integer(config.vocab_size)),
      promptLength,
      tokenWeights: Float32Array.from({ length }, (_, index) => (index < promptLength ? 0.05 : 1)),
      advantage: normals(completion, 0, 1),
      oldLogprobs: normals(completion, -2.5, 0.3),
      referenceLogprobs: normals(completion, -2.5, 0.3),
      weight: random.uniform(),
    };
  });
}

const policyGradient = (spec: Partial<ObjectiveSpec>): TrainingObjective => ({
  kind: 'policy-gradient',
  spec: { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'none' }, ...spec },
});

const objectives: Record<string, TrainingObjective> = {
  'the supervised loss': { kind: 'supervised' },
  'a policy gradient': policyGradient({}),
  'a mean over sequences with a k3 term': policyGradient({
    aggregation: 'sequence-mean',
    kl: { kind: 'k3', beta: 0.1 },
  }),
  'a ratio per sequence with a k2 term': policyGradient({
    ratio: 'sequence',
    clipLow: 0.9,
    clipHigh: 9,
    kl: { kind: 'k2', beta: 0.1 },
  }),
  'a k1 term': policyGradient({ kl: { kind: 'k1', beta: 0.1 } }),
};

describe('lossAndGradient()', () => {
  for (const [name, objective] of Object.entries(objectives)) {
    test(`the gradient of ${name} agrees with central differences in every tensor`, async () => {
      const weights = weightsOf(small);
      const engine = engineOf(small, { tokensPerRun: 96 }, weights);
      const batch: TrainingBatch = { objective, sequences: sequencesOf(small, 7) };
      const { gradients } = await engine.lossAndGradient(batch);
      const random = keyedRandom(3, 'directions');
      for (const [tensor, view] of weights.views) {
        const start = Float32Array.from(view);
        const direction = Float32Array.from(view, () => random.normal() / Math.sqrt(view.length));
        const step = 4e-3;
        const at = async (distance: number): Promise<number> => {
          for (let index = 0; index < view.length; index++) view[index] = start[index]! + distance * direction[index]!;
          return (await engine.lossAndGradient(batch)).loss;
        };
        const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
        view.set(start);
        const analytic = gradients.get(tensor).reduce((sum, value, index) => sum + value * direction[index]!, 0);
        expect(Math.abs(analytic - numeric), tensor).toBeLessThan(2e-3 * (1 + Math.abs(numeric)));
      }
    });
  }

  test('micro-batches add up to the whole batch', async () => {
    const batch: TrainingBatch = { objective: policyGradient({}), sequences: sequencesOf(small, 12) };
    const whole = await engineOf(small, { tokensPerRun: 4096 }).lossAndGradient(batch);
    const parts = await engineOf(small, { tokensPerRun: 64 }).lossAndGradient(batch);
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect(
      whole.gradients.flat.every(
        (value, index) => Math.abs(value - parts.gradients.flat[index]!) < 1e-4 * (1 + Math.abs(value)),
      ),
    ).toBe(true);
  });

  test('gives the same bits with one and two threads', async () => {
    const weights = weightsOf(tinyModelConfig);
    const batch: TrainingBatch = { objective: policyGradient({}), sequences: sequencesOf(tinyModelConfig, 20) };
    const one = await engineOf(tinyModelConfig, { threads: 1 }, weights).lossAndGradient(batch);
    const two = await engineOf(tinyModelConfig, { threads: 2 }, weights).lossAndGradient(batch);
    expect(two.loss).toBe(one.loss);
    expect(Buffer.from(two.gradients.flat.buffer).equals(Buffer.from(one.gradients.flat.buffer))).toBe(true);
  });
});
