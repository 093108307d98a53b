import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import { afterAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import type { TrainingObjective } from './objective-graph.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine, type PolicyEngineOptions } from './policy-engine.ts';
import type { TrainingBatch, TrainingSequence } from './training-inputs.ts';

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

  // Few rows are where a product's sums would be cut otherwise by another number of threads.
  test.each([1, 2, 8])('gives the same bits with one, two, three and four threads (%i sequences)', async (count) => {
    const weights = weightsOf(tinyModelConfig);
    const batch: TrainingBatch = { objective: policyGradient({}), sequences: sequencesOf(tinyModelConfig, count) };
    const one = await engineOf(tinyModelConfig, { threads: 1 }, weights).lossAndGradient(batch);
    for (const threads of [2, 3, 4]) {
      const more = await engineOf(tinyModelConfig, { threads }, weights).lossAndGradient(batch);
      expect(more.loss).toBe(one.loss);
      expect(Buffer.from(more.gradients.flat.buffer).equals(Buffer.from(one.gradients.flat.buffer))).toBe(true);
    }
  });
});

describe('score()', () => {
  test('agrees with the log-probabilities of training', async () => {
    const engine = engineOf(small);
    const sequences = sequencesOf(small, 9);
    const { logprobs } = await engine.lossAndGradient({ objective: policyGradient({}), sequences });
    for (const [index, scored] of (await engine.score(sequences)).entries()) {
      expect(scored.length).toBe(sequences[index]!.tokens.length - sequences[index]!.promptLength);
      for (const [token, logprob] of scored.entries()) expect(logprob).toBeCloseTo(logprobs[index]![token]!, 5);
    }
  });
});

describe('generate()', () => {
  const prompts = [5, 1, 17, 30].map((length, prompt) =>
    Int32Array.from({ length }, (_, index) => (3 * index + prompt) % 13),
  );
  const uniform = (prompt: number, sample: number, position: number): number =>
    keyedRandom(4, 'draw', prompt, sample, position).uniform();
  const options = { samplesPerPrompt: 9, maxNewTokens: 20, temperature: 1, stopTokens: [7], uniform };

  test('log-probabilities agree with those of scoring the same tokens', async () => {
    const engine = engineOf(small, { decodeBatch: 16 });
    const completions = await engine.generate(prompts, options);
    const flat = completions.flatMap((samples, prompt) =>
      samples.map((completion) => ({ completion, prompt: prompts[prompt]! })),
    );
    expect(flat.length).toBe(36);
    const scored = await engine.score(
      flat.map(({ completion, prompt }) => ({
        tokens: Int32Array.of(...prompt, ...completion.tokens),
        promptLength: prompt.length,
      })),
    );
    for (const [index, { completion }] of flat.entries()) {
      expect(completion.logprobs.length).toBe(completion.tokens.length);
      for (const [token, logprob] of completion.logprobs.entries())
        expect(logprob).toBeCloseTo(scored[index]![token]!, 4);
    }
  });

  test('a completion ends at a stop token, at its length, or where the model is full', async () => {
    const completions = await engineOf(small).generate(prompts, options);
    for (const [prompt, samples] of completions.entries()) {
      for (const { tokens, finish } of samples) {
        const limit = Math.min(20, 48 - prompts[prompt]!.length);
        expect(tokens.indexOf(7)).toBe(finish === 'stop' ? tokens.length - 1 : -1);
        if (finish === 'length') expect(tokens.length).toBe(limit);
      }
    }
    expect(new Set(completions.flat().map(({ finish }) => finish))).toEqual(new Set(['stop', 'length']));
  });

  test('gives the same tokens and bits with one and two threads, and the same tokens in batches of any size', async () => {
    const one = await engineOf(small, { threads: 1 }).generate(prompts, options);
    const two = await engineOf(small, { threads: 2 }).generate(prompts, options);
    const narrow = await engineOf(small, { decodeBatch: 4 }).generate(prompts, options);
    expect(two).toEqual(one);
    // Fewer slots than samples: one that has finished makes room for the next of its prompt.
    expect(narrow.flat().map(({ tokens }) => tokens)).toEqual(one.flat().map(({ tokens }) => tokens));
  });

  test.each([1, 5])(
    'gives the same bits with one to four threads, of a model of the shipped shape (%i samples)',
    async (samples) => {
      const weights = weightsOf(tinyModelConfig);
      const few = { ...options, samplesPerPrompt: samples };
      const one = await engineOf(tinyModelConfig, { threads: 1 }, weights).generate(prompts, few);
      for (const threads of [2, 3, 4]) {
        expect(await engineOf(tinyModelConfig, { threads }, weights).generate(prompts, few)).toEqual(one);
      }
    },
  );

  test('log-probabilities are those at temperature 1, whatever the tokens were drawn at', async () => {
    const engine = engineOf(small);
    const completions = await engine.generate(prompts, { ...options, temperature: 0.7 });
    const flat = completions.flatMap((samples, prompt) =>
      samples.map(({ tokens }) => ({ tokens, prompt: prompts[prompt]! })),
    );
    const scored = await engine.score(
      flat.map(({ tokens, prompt }) => ({ tokens: Int32Array.of(...prompt, ...tokens), promptLength: prompt.length })),
    );
    const found = completions.flat().map(({ logprobs }) => logprobs);
    for (const [index, logprobs] of found.entries())
      for (const [token, logprob] of logprobs.entries()) expect(logprob).toBeCloseTo(scored[index]![token]!, 4);
  });

  test('at temperature 0 each token is the most probable one', async () => {
    const engine = engineOf(small);
    const [samples] = await engine.generate([prompts[0]!], { ...options, samplesPerPrompt: 2, temperature: 0 });
    expect(samples![1]).toEqual(samples![0]);
    const { tokens, logprobs } = samples![0]!;
    for (const [position] of tokens.entries()) {
      const before = [...prompts[0]!, ...tokens.subarray(0, position)];
      const others = Array.from({ length: 13 }, (_, token) => ({
        tokens: Int32Array.of(...before, token),
        promptLength: before.length,
      }));
      const best = Math.max(...(await engine.score(others)).map((scores) => scores[0]!));
      expect(logprobs[position]).toBeCloseTo(best, 4);
    }
  });

  test('draws each token as often as its probability says', async () => {
    const engine = engineOf(small);
    const count = 4000;
    const samples = (
      await engine.generate([prompts[0]!], { ...options, samplesPerPrompt: count, maxNewTokens: 1, temperature: 1 })
    )[0]!;
    const all = Array.from({ length: 13 }, (_, token) => ({
      tokens: Int32Array.of(...prompts[0]!, token),
      promptLength: 5,
    }));
    for (const [token, [logprob]] of (await engine.score(all)).entries()) {
      const expected = Math.exp(logprob!);
      const share = samples.filter(({ tokens }) => tokens[0] === token).length / count;
      expect(Math.abs(share - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / count) + 1e-3);
    }
  });

  test('reports progress up to the last completion', async () => {
    const seen: number[] = [];
    let tokens = 0;
    const completions = await engineOf(small).generate(prompts, {
      ...options,
      onProgress: (progress) => {
        seen.push(progress.finished);
        tokens = progress.tokens;
      },
    });
    expect(seen.at(-1)).toBe(36);
    expect(tokens).toBe(completions.flat().reduce((sum, completion) => sum + completion.tokens.length, 0));
  });
});

describe('PolicyEngine refuses', () => {
  const engine = engineOf(small);
  const sequence = { tokens: Int32Array.of(1, 2, 3), promptLength: 1 };
  const refusals: Record<string, [() => unknown, string]> = {
    'a run without parameters': [
      () => new PolicyEngine(small).score([sequence]),
      'Cannot run the policy: it has no parameters, expected setParameters() first',
    ],
    'a parameter that is missing': [
      () => engine.setParameters(new Map()),
      'Cannot take parameters: model.embed_tokens.weight has no elements, expected 208',
    ],
    'parameters in shared memory': [
      () =>
        engine.setParameters(
          new Map([['model.embed_tokens.weight', new Float32Array(new SharedArrayBuffer(208 * 4))]]),
        ),
      'Cannot take parameters: model.embed_tokens.weight lies in shared memory, expected a copy of its own per thread',
    ],
    'a model whose heads do not divide': [
      () => new PolicyEngine({ ...small, num_key_value_heads: 3 }),
      'Cannot use the model: num_key_value_heads is 3, expected a divisor of num_attention_heads',
    ],
    'a device that it does not know': [
      () => new PolicyEngine(small, { device: 'tpu' as 'cpu' }),
      'Cannot use device tpu: there is none of this name, expected cpu, webgpu, cuda or auto',
    ],
    'a token outside the vocabulary': [
      () => engine.score([{ tokens: Int32Array.of(1, 13), promptLength: 1 }]),
      'Cannot run sequence 0: it has token 13, expected 0 to 12',
    ],
    'a sequence that is too long': [
      () => engine.score([{ tokens: new Int32Array(49), promptLength: 1 }]),
      'Cannot run sequence 0: it has 49 tokens, expected 2 to 48',
    ],
    'a policy gradient without old log-probabilities': [
      () => engine.lossAndGradient({ objective: policyGradient({}), sequences: [{ ...sequence, advantage: 1 }] }),
      'Cannot train on sequence 0: it has no oldLogprobs, expected 2',
    ],
    'a policy gradient without an advantage': [
      () => engine.lossAndGradient({ objective: policyGradient({}), sequences: [sequence] }),
      'Cannot train on sequence 0: it has no advantage, expected a number or one per completion token',
    ],
    'a fixed length that is not given': [
      () => engine.lossAndGradient({ objective: policyGradient({ aggregation: 'fixed-length' }), sequences: [] }),
      'Cannot train: aggregation is fixed-length without a normaliser, expected sequences × length',
    ],
    'a prompt that fills the model': [
      () =>
        engine.generate([new Int32Array(48)], {
          samplesPerPrompt: 1,
          maxNewTokens: 1,
          temperature: 1,
          stopTokens: [],
          uniform: () => 0,
        }),
      'Cannot generate for prompt 0: it has 48 tokens, expected 1 to 47',
    ],
    'a temperature below 0': [
      () =>
        engine.generate([], {
          samplesPerPrompt: 1,
          maxNewTokens: 1,
          temperature: -1,
          stopTokens: [],
          uniform: () => 0,
        }),
      'Cannot generate: temperature is -1, expected a number of 0 or more',
    ],
  };
  for (const [name, [attempt, message]] of Object.entries(refusals)) {
    test(name, async () => {
      await expect((async () => attempt())()).rejects.toThrow(message);
    });
  }
});
