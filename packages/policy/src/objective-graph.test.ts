import { createHash } from 'node:crypto';
import type { ObjectiveForm, ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import { writeOnnx } from '@evenkeel/graph';
import { afterAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import { type TrainingObjective, trainGraph } from './objective-graph.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine } from './policy-engine.ts';
import type { TrainingBatch, TrainingSequence } from './training-inputs.ts';

const clip: ObjectiveSpec = {
  ratio: 'token',
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: 'token-mean',
  kl: { kind: 'none' },
};
const policyGradient = (spec: Partial<ObjectiveSpec>): TrainingObjective => ({
  kind: 'policy-gradient',
  spec: { ...clip, ...spec },
});
const discriminative = (score: 'log-likelihood' | 'ratio'): ObjectiveForm => ({
  ...{ kind: 'discriminative', score, negatives: 'mean', temperature: 1, klBound: 0, klPenalty: 0 },
});

/** A model of a shape that the seed draws. */
function drawnModel(seed: number): { readonly config: ModelConfig; readonly weights: ParameterBuffer } {
  const random = keyedRandom(seed, 'test/shape');
  const layers = 1 + random.integer(2);
  const config: ModelConfig = {
    ...tinyModelConfig,
    vocab_size: 9 + random.integer(8),
    hidden_size: 16,
    intermediate_size: 8 * (2 + random.integer(3)),
    num_hidden_layers: layers,
    max_position_embeddings: 32,
  };
  const shape = { seed, layers, standardDeviation: 0.4 };
  return { config, weights: new ParameterBuffer(config, initialiseParameters(parameterShapes(config), shape)) };
}

function drawnSequences(config: ModelConfig, seed: number): TrainingSequence[] {
  const random = keyedRandom(seed, 'test/sequences');
  const normals = (size: number, mean: number, scale: number) =>
    Float32Array.from({ length: size }, () => mean + scale * random.normal());
  return Array.from({ length: 5 }, () => {
    const length = 3 + random.integer(config.max_position_embeddings - 3);
    const promptLength = 1 + random.integer(length - 2);
    return {
      tokens: Int32Array.from({ length }, () => random.integer(config.vocab_size)),
      promptLength,
      advantage: random.normal(),
      oldLogprobs: normals(length - promptLength, -2.5, 0.3),
      anchorWeight: random.uniform() / 10,
    };
  });
}

const engines: PolicyEngine[] = [];
function engineOf(config: ModelConfig, weights: ParameterBuffer): PolicyEngine {
  const engine = new PolicyEngine(config, { tokensPerRun: 64 });
  engine.setParameters(weights.views);
  engines.push(engine);
  return engine;
}
afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

/** Along a random direction in each tensor, the gradient against central differences of the loss. */
async function expectTrueGradient(
  weights: ParameterBuffer,
  gradients: ParameterBuffer,
  lossNow: () => Promise<number>,
  seed: number,
): Promise<void> {
  const random = keyedRandom(seed, 'test/directions');
  for (const [tensor, view] of weights.views) {
    const start = Float32Array.from(view);
    const direction = Float32Array.from(view, () => random.normal() / Math.sqrt(view.length));
    const step = 4e-3;
    const at = async (distance: number): Promise<number> => {
      for (let index = 0; index < view.length; index++) view[index] = start[index]! + distance * direction[index]!;
      return await lossNow();
    };
    const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
    view.set(start);
    const analytic = gradients.get(tensor).reduce((sum, value, index) => sum + value * direction[index]!, 0);
    expect(Math.abs(analytic - numeric), tensor).toBeLessThan(3e-3 * (1 + Math.abs(numeric)));
  }
}

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

describe('the graphs of the losses that were there first', () => {
  const config: ModelConfig = {
    ...tinyModelConfig,
    vocab_size: 11,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    max_position_embeddings: 32,
  };
  const pinned: Readonly<Record<string, [TrainingObjective, string]>> = {
    supervised: [{ kind: 'supervised' }, '8d2adc00112b7844'],
    'a ratio per token': [policyGradient({}), '0030de080fdd24fd'],
    'a ratio per sequence, k2': [
      policyGradient({ ratio: 'sequence', kl: { kind: 'k2', beta: 1 } }),
      '07df91ba5413375d',
    ],
    'a ratio per token, k1': [policyGradient({ kl: { kind: 'k1', beta: 1 } }), 'e928c746d24089f5'],
    'a ratio per token, k3': [policyGradient({ kl: { kind: 'k3', beta: 1 } }), '72c2b94970ce429f'],
  };
  test.each(Object.entries(pinned))('%s: the same bytes as ever', (_name, [objective, hash]) => {
    const bytes = writeOnnx(trainGraph(config, objective, { prefixes: 0, prefixLength: 0, batch: 2, length: 16 }));
    expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe(hash);
  });
});

describe.each([1, 2])('on a model and sequences of shapes drawn by seed %i', (seed) => {
  const { config, weights } = drawnModel(seed);
  const engine = engineOf(config, weights);
  const sequences = drawnSequences(config, seed);

  const smooth: Readonly<Record<string, TrainingObjective>> = {
    'A·log π': policyGradient({ form: { kind: 'reinforce' } }),
    'A·mean log π with an anchor': policyGradient({
      form: discriminative('log-likelihood'),
      aggregation: 'sequence-mean',
    }),
    'A·mean r with an anchor': policyGradient({ form: discriminative('ratio'), aggregation: 'sequence-mean' }),
  };
  test.each(Object.entries(smooth))('the gradient of %s agrees with central differences', async (_name, objective) => {
    const batch: TrainingBatch = { objective, sequences };
    const { gradients } = await engine.lossAndGradient(batch);
    await expectTrueGradient(weights, gradients, async () => (await engine.lossAndGradient(batch)).loss, seed);
  });

  test("CISPO's gradient is that of Σ w·A·log π with the clipped weight w held constant, also where it clips", async () => {
    const cispo = policyGradient({ form: { kind: 'cispo' }, clipLow: 0.3, clipHigh: 0.1 });
    const { loss, gradients, logprobs, clipFraction } = await engine.lossAndGradient({ objective: cispo, sequences });
    const held = sequences.map((sequence, index) => ({
      ...sequence,
      advantage: logprobs[index]!.map(
        (logprob, token) =>
          Math.min(Math.max(Math.exp(logprob - sequence.oldLogprobs![token]!), 0.7), 1.1) *
          (sequence.advantage as number),
      ),
    }));
    const batch = { objective: policyGradient({ form: { kind: 'reinforce' } }), sequences: held };
    const linear = await engine.lossAndGradient(batch);
    expect(loss).toBeCloseTo(linear.loss, 4);
    expect(clipFraction).toBeGreaterThan(0.2);
    for (const [tensor, view] of gradients.views) {
      const other = linear.gradients.get(tensor);
      for (const [index, value] of view.entries()) expect(value).toBeCloseTo(other[index]!, 4);
    }
    await expectTrueGradient(weights, gradients, async () => (await engine.lossAndGradient(batch)).loss, seed);
  });

  test('the values are those of the formulas, worked out from the log-probabilities', async () => {
    const logprobs = await engine.score(sequences);
    const tokens = sum(logprobs.map(({ length }) => length));
    const perToken = (gain: (logprob: number, old: number, advantage: number) => number): number[] =>
      sequences.map(({ advantage, oldLogprobs }, index) =>
        sum(Array.from(logprobs[index]!, (logprob, token) => gain(logprob, oldLogprobs![token]!, advantage as number))),
      );
    const ofTokens = async (form: ObjectiveForm) =>
      (await engine.lossAndGradient({ objective: policyGradient({ form }), sequences })).loss;
    expect(await ofTokens({ kind: 'reinforce' })).toBeCloseTo(-sum(perToken((lp, _old, a) => a * lp)) / tokens, 4);
    const weight = (lp: number, old: number) => Math.min(Math.max(Math.exp(lp - old), 0.8), 1.28);
    expect(await ofTokens({ kind: 'cispo' })).toBeCloseTo(
      -sum(perToken((lp, old, a) => weight(lp, old) * a * lp)) / tokens,
      4,
    );
    const means = perToken((lp, old, a) => a * Math.exp(lp - old)).map((total, i) => total / logprobs[i]!.length);
    const anchors = sequences.map(
      ({ anchorWeight, oldLogprobs }, index) =>
        anchorWeight! *
        sum(
          Array.from(logprobs[index]!, (lp, token) => {
            const change = lp - oldLogprobs![token]!;
            return Math.exp(change) - change - 1;
          }),
        ),
    );
    const objective = policyGradient({ form: discriminative('ratio'), aggregation: 'sequence-mean' });
    const found = await engine.lossAndGradient({ objective, sequences });
    expect(found.kl).toBeCloseTo(sum(anchors), 4);
    expect(found.loss).toBeCloseTo(-sum(means) / sequences.length + sum(anchors), 4);
  });

  test("ExPO's term adds β · mean log π of the explanations, and leaves the rest as it is", async () => {
    const explanations = drawnSequences(config, seed + 10)
      .slice(0, 2)
      .map(({ tokens, promptLength }): TrainingSequence => ({ tokens, promptLength, explanation: true }));
    const objective = policyGradient({ explanations: 0.04 });
    const batch: TrainingBatch = { objective, sequences: [...sequences, ...explanations] };
    const plain = await engine.lossAndGradient({ objective: policyGradient({}), sequences });
    const { loss, gradients, clipFraction } = await engine.lossAndGradient(batch);
    const means = (await engine.score(explanations)).map((logprobs) => sum(logprobs) / logprobs.length);
    expect(loss - plain.loss).toBeCloseTo((-0.04 * sum(means)) / 2, 5);
    expect(clipFraction).toBe(plain.clipFraction);
    await expectTrueGradient(weights, gradients, async () => (await engine.lossAndGradient(batch)).loss, seed);
  });
});

describe.each([3, 4, 5, 6])('prompts that several sequences share, of shapes drawn by seed %i', (seed) => {
  const { config, weights } = drawnModel(seed);
  const random = keyedRandom(seed, 'test/shared');
  const drawn = (length: number) => Array.from({ length }, () => random.integer(config.vocab_size));
  const sequences = Array.from({ length: 4 }).flatMap(() => {
    const prompt = drawn(1 + random.integer(12));
    return Array.from({ length: 1 + random.integer(5) }, () => {
      const tokens = Int32Array.from([...prompt, ...drawn(1 + random.integer(8))]);
      const tokenWeights = Float32Array.from(tokens, (_, token) => (token < prompt.length ? 0 : random.uniform()));
      return { tokens, promptLength: prompt.length, tokenWeights };
    });
  });
  // A weight on a prompt token, however small, asks for the plain graph: each sequence whole, by itself.
  const whole = sequences.map((sequence) => ({
    ...sequence,
    tokenWeights: sequence.tokenWeights.map((weight, token) => (token === 1 ? weight + 1e-30 : weight)),
  }));

  test('computed once, give the loss, the gradients and the log-probabilities of the plain graph', async () => {
    const engine = engineOf(config, weights);
    const shared = await engine.lossAndGradient({ objective: { kind: 'supervised' }, sequences });
    const plain = await engine.lossAndGradient({ objective: { kind: 'supervised' }, sequences: whole });
    expect(Math.abs(shared.loss - plain.loss)).toBeLessThan(1e-5 * Math.abs(plain.loss));
    for (const [tensor, view] of shared.gradients.views) {
      const expected = plain.gradients.get(tensor);
      const size = Math.sqrt(sum(expected.map((value) => value * value)));
      const apart = Math.sqrt(sum(view.map((value, index) => (value - expected[index]!) ** 2)));
      expect(apart, tensor).toBeLessThan(1e-4 * (size + 1e-3));
    }
    for (const [index, logprobs] of shared.logprobs.entries()) {
      for (const [token, logprob] of logprobs.entries()) {
        expect(Math.abs(logprob - plain.logprobs[index]![token]!)).toBeLessThan(1e-4);
      }
    }
  });

  test('give a gradient that agrees with central differences', async () => {
    const engine = engineOf(config, weights);
    const batch: TrainingBatch = { objective: { kind: 'supervised' }, sequences };
    const { gradients } = await engine.lossAndGradient(batch);
    await expectTrueGradient(weights, gradients, async () => (await engine.lossAndGradient(batch)).loss, seed);
  });
});

test('an explanation in a loss without a term for it is refused', async () => {
  const { config, weights } = drawnModel(1);
  const sequences = [{ tokens: Int32Array.of(1, 2, 3), promptLength: 1, explanation: true }];
  await expect(
    engineOf(config, weights).lossAndGradient({ objective: policyGradient({}), sequences }),
  ).rejects.toMatchObject({
    code: 'sequence-invalid',
    message: 'Cannot train on sequence 0: it is an explanation, expected a loss with a term for explanations',
  });
});
