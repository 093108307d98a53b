import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import {
  checkLora,
  initialiseLora,
  type Lora,
  type LoraAdapter,
  loraName,
  loraScale,
  loraShapes,
  loraTargets,
  mergeLora,
} from './lora.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import { type TrainingObjective, trainGraph } from './objective-graph.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine } from './policy-engine.ts';
import type { TrainingBatch, TrainingSequence } from './training-inputs.ts';

const small: ModelConfig = {
  ...tinyModelConfig,
  ...{ vocab_size: 13, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, max_position_embeddings: 32 },
};
/** With everything that a projection may have besides: norms of its heads, a bias after it, heads wider than the model's share. */
const other: ModelConfig = {
  ...small,
  ...{ model_type: 'qwen3', qk_norm: true, head_dim: 8, attention_output_bias: true, tie_word_embeddings: false },
};
const lora: Lora = { rank: 3, alpha: 6, targets: loraTargets };
const clip: ObjectiveSpec = {
  ...{ ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', kl: { kind: 'k3', beta: 0.1 } },
};
const objective: TrainingObjective = { kind: 'policy-gradient', spec: clip };

function weightsOf(config: ModelConfig): ParameterBuffer {
  const options = { seed: 1, layers: 2, standardDeviation: 0.4 };
  return new ParameterBuffer(config, initialiseParameters(parameterShapes(config), options));
}

/** Adapters that have learned something: B is not zero any more. */
function adapterOf(config: ModelConfig, of: Lora = lora): LoraAdapter {
  const adapter = initialiseLora(config, of, 7);
  const random = keyedRandom(8, 'test/adapter');
  for (const [name, view] of adapter.parameters.views) {
    if (name.endsWith('lora_B.weight')) for (let i = 0; i < view.length; i++) view[i] = 0.2 * random.normal();
  }
  return adapter;
}

function mergedOf(config: ModelConfig, adapter: LoraAdapter): ParameterBuffer {
  const merged = weightsOf(config);
  mergeLora(merged, adapter);
  return merged;
}

/** Two prompts, each of several sequences, so that prefixes are shared. */
function sequencesOf(config: ModelConfig): TrainingSequence[] {
  const random = keyedRandom(2, 'test/sequences');
  const tokens = (length: number) => Array.from({ length }, () => random.integer(config.vocab_size));
  const prompts = [tokens(7), tokens(4)];
  return Array.from({ length: 6 }, (_, index) => {
    const prompt = prompts[index % 2]!;
    const completion = tokens(2 + random.integer(8));
    return {
      tokens: Int32Array.from([...prompt, ...completion]),
      promptLength: prompt.length,
      advantage: random.normal(),
      oldLogprobs: Float32Array.from(completion, () => -2.5 + 0.3 * random.normal()),
      referenceLogprobs: Float32Array.from(completion, () => -2.5 + 0.3 * random.normal()),
    };
  });
}

const engines: PolicyEngine[] = [];
function engineOf(config: ModelConfig, weights: ParameterBuffer, adapter?: LoraAdapter): PolicyEngine {
  const engine = new PolicyEngine(config, { tokensPerRun: 96 });
  engine.setParameters(weights.views, adapter);
  engines.push(engine);
  return engine;
}
afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

function expectClose(found: readonly Float32Array[], expected: readonly Float32Array[], tolerance: number): void {
  for (const [row, values] of expected.entries()) {
    for (const [index, value] of values.entries()) {
      expect(Math.abs(found[row]![index]! - value)).toBeLessThan(tolerance * (1 + Math.abs(value)));
    }
  }
}

describe('adapters', () => {
  test('stand beside each projection that is named, A before B, in the order of the weights', () => {
    const shapes = loraShapes(
      { ...small, num_hidden_layers: 1 },
      { rank: 2, alpha: 4, targets: ['down_proj', 'k_proj'] },
    );
    expect(shapes).toEqual([
      { name: 'model.layers.0.self_attn.k_proj.lora_A.weight', shape: [2, 16] },
      { name: 'model.layers.0.self_attn.k_proj.lora_B.weight', shape: [8, 2] },
      { name: 'model.layers.0.mlp.down_proj.lora_A.weight', shape: [2, 24] },
      { name: 'model.layers.0.mlp.down_proj.lora_B.weight', shape: [16, 2] },
    ]);
  });

  test('are drawn by seed and name, with B zero: merged, they change no bit', () => {
    const fresh = initialiseLora(small, lora, 7);
    expect(initialiseLora(small, lora, 7).parameters.flat).toEqual(fresh.parameters.flat);
    expect(initialiseLora(small, lora, 8).parameters.flat).not.toEqual(fresh.parameters.flat);
    const name = 'model.layers.1.mlp.down_proj.lora_A.weight';
    const alone = initialiseLora(small, { ...lora, targets: ['down_proj'] }, 7);
    expect(alone.parameters.get(name)).toEqual(fresh.parameters.get(name));
    const largest = Math.max(...fresh.parameters.get(name).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(24));
    expect(largest).toBeGreaterThan(0.9 / Math.sqrt(24));
    expect(mergedOf(small, fresh).flat).toEqual(weightsOf(small).flat);
  });

  test('of a kind that cannot be are refused by field', () => {
    const refused: [Partial<Lora>, string][] = [
      [{ rank: 0 }, 'Cannot use LoRA: rank is 0, expected a positive integer'],
      [{ alpha: -1 }, 'Cannot use LoRA: alpha is -1, expected a finite number above 0'],
      [{ targets: [] }, `Cannot use LoRA: targets is empty, expected at least one of ${loraTargets.join(', ')}`],
      [{ targets: ['lm_head'] }, `Cannot use LoRA: targets[0] is "lm_head", expected one of ${loraTargets.join(', ')}`],
      [{ targets: ['q_proj', 'q_proj'] }, 'Cannot use LoRA: targets[1] is "q_proj" again, expected each once'],
    ];
    for (const [change, message] of refused) expect(() => checkLora({ ...lora, ...change })).toThrow(message);
    expect(() => checkLora(lora)).not.toThrow();
  });
});

describe('a policy with adapters', () => {
  for (const [name, config] of Object.entries({ Qwen2: small, 'a Qwen3 with every bias': other })) {
    test(`of ${name} scores as its merged weights do, to float accuracy`, async () => {
      const adapter = adapterOf(config);
      const apart = await engineOf(config, weightsOf(config), adapter).score(sequencesOf(config));
      const merged = await engineOf(config, mergedOf(config, adapter)).score(sequencesOf(config));
      const base = await engineOf(config, weightsOf(config)).score(sequencesOf(config));
      expectClose(apart, merged, 1e-5);
      expect(Math.abs(base[0]![0]! - merged[0]![0]!)).toBeGreaterThan(1e-3);
    });

    test(`of ${name} has the gradients that the merged weights' gradient says, and central differences`, async () => {
      const adapter = adapterOf(config);
      const batch: TrainingBatch = { objective, sequences: sequencesOf(config) };
      const engine = engineOf(config, weightsOf(config), adapter);
      const found = await engine.lossAndGradient(batch);
      const merged = await engineOf(config, mergedOf(config, adapter)).lossAndGradient(batch);
      expect(found.loss).toBeCloseTo(merged.loss, 5);
      expect([...found.gradients.views.keys()]).toEqual([...adapter.parameters.views.keys()]);
      const random = keyedRandom(3, 'test/directions');
      for (const { name: weight, shape } of parameterShapes(config)) {
        if (!adapter.parameters.views.has(loraName(weight, 'A'))) continue;
        expectClose(
          [found.gradients.get(loraName(weight, 'A')), found.gradients.get(loraName(weight, 'B'))],
          chained(merged.gradients.get(weight), shape as [number, number], adapter, weight),
          2e-5,
        );
      }
      for (const [tensor, view] of adapter.parameters.views) {
        const start = Float32Array.from(view);
        const direction = Float32Array.from(view, () => random.normal() / Math.sqrt(view.length));
        const at = async (distance: number): Promise<number> => {
          for (let i = 0; i < view.length; i++) view[i] = start[i]! + distance * direction[i]!;
          return (await engine.lossAndGradient(batch)).loss;
        };
        const numeric = ((await at(4e-3)) - (await at(-4e-3))) / 8e-3;
        view.set(start);
        const analytic = found.gradients.get(tensor).reduce((sum, value, i) => sum + value * direction[i]!, 0);
        expect(Math.abs(analytic - numeric), tensor).toBeLessThan(2e-3 * (1 + Math.abs(numeric)));
      }
    });
  }

  test('of any rank, scale and choice of projections scores as its merged weights do', async () => {
    const drawn = fc.record({
      rank: fc.integer({ min: 1, max: 20 }),
      alpha: fc.integer({ min: 1, max: 32 }),
      targets: fc.shuffledSubarray([...loraTargets], { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async (of) => {
        const adapter = adapterOf(small, { ...of, alpha: (of.alpha * of.rank) / 16 });
        const apart = await engineOf(small, weightsOf(small), adapter).score(sequencesOf(small));
        const merged = await engineOf(small, mergedOf(small, adapter)).score(sequencesOf(small));
        expectClose(apart, merged, 2e-5);
      }),
      { seed: 5, numRuns: 6 },
    );
  });

  test('has a training graph without a gradient of the base', () => {
    const shape = { prefixes: 0, prefixLength: 0, batch: 2, length: 8 };
    const names = trainGraph(small, objective, shape, lora).outputs.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('gradient:'))).toEqual(
      loraShapes(small, lora).map(({ name }) => `gradient:${name}`),
    );
  });

  test('generates with merged weights alone, and takes adapters that fit it alone', async () => {
    const engine = engineOf(small, weightsOf(small), adapterOf(small));
    const options = { samplesPerPrompt: 1, maxNewTokens: 2, temperature: 0, stopTokens: [], uniform: () => 0.5 };
    await expect(engine.generate([Int32Array.of(1, 2)], options)).rejects.toThrow(
      'Cannot generate: an adapter stands beside the weights, expected merged ones: mergeLora() first',
    );
    const foreign = adapterOf({ ...small, intermediate_size: 32 });
    expect(() => engine.setParameters(weightsOf(small).views, foreign)).toThrow(
      'Cannot take parameters: model.layers.0.mlp.gate_proj.lora_B.weight has 96 elements, expected 72',
    );
  });
});

/** By A and B from the gradient by W + s·B·A: s·Bᵀ·G and s·G·Aᵀ. */
function chained(
  gradient: Float32Array,
  [rows, columns]: readonly [number, number],
  { lora: of, parameters }: LoraAdapter,
  weight: string,
): [Float32Array, Float32Array] {
  const [a, b] = [parameters.get(loraName(weight, 'A')), parameters.get(loraName(weight, 'B'))];
  const [byA, byB] = [new Float64Array(a.length), new Float64Array(b.length)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = loraScale(of) * gradient[row * columns + column]!;
      for (let index = 0; index < of.rank; index++) {
        byA[index * columns + column]! += b[row * of.rank + index]! * value;
        byB[row * of.rank + index]! += value * a[index * columns + column]!;
      }
    }
  }
  return [Float32Array.from(byA), Float32Array.from(byB)];
}
