import { objectives } from '@evenkeel/algorithms';
import { writeOnnx } from '@evenkeel/graph';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawAt, prefillGraph, stepGraph } from './decode-graph.ts';
import { loraTargets } from './lora.ts';
import { estimateMemory, type MemoryPartName, type MemoryRole, type PolicyWork } from './memory-estimate.ts';
import { graphMemory } from './memory-graph.ts';
import { type ModelConfig, parameterCount, tinyModelConfig } from './model-config.ts';
import { scoreGraph, trainGraph } from './objective-graph.ts';

const work: PolicyWork = {
  ...{ promptLength: 16, completionLength: 8, samplesPerPrompt: 4, prompts: 2 },
  ...{ tokensPerRun: 256, decodeBatch: 256 },
};

/** Qwen2.5-3B's shape. */
const three: ModelConfig = {
  ...tinyModelConfig,
  ...{ vocab_size: 151_936, hidden_size: 2048, intermediate_size: 11_008, num_hidden_layers: 36 },
  ...{
    num_attention_heads: 16,
    num_key_value_heads: 2,
    head_dim: 128,
    max_position_embeddings: 32_768,
    rope_theta: 1e6,
  },
};

function part(config: ModelConfig, role: MemoryRole, changes: Partial<PolicyWork>, name: MemoryPartName): number {
  const { parts } = estimateMemory(config, role, { ...work, ...changes });
  return parts.find((candidate) => candidate.name === name)?.bytes ?? 0;
}

describe('estimateMemory()', () => {
  test('has the weights once in each role, in training a gradient and two moments besides', () => {
    const weights = 4 * parameterCount(tinyModelConfig);
    const named = (role: MemoryRole) =>
      Object.fromEntries(estimateMemory(tinyModelConfig, role, work).parts.map(({ name, bytes }) => [name, bytes]));
    for (const role of ['score', 'decode'] as const) {
      const parts = named(role);
      expect([parts.weights, parts.gradients, parts.moments]).toEqual([weights, undefined, undefined]);
    }
    const parts = named('train');
    expect([parts.weights, parts.gradients, parts.moments]).toEqual([weights, weights, 2 * weights]);
  });

  test('has with LoRA the gradient and the moments of the adapters alone, and none of the base in the runtime either', () => {
    const lora = { rank: 8, alpha: 16, targets: ['q_proj', 'v_proj'] };
    // 4 layers: A [8, 128] twice, B [128, 8] and [64, 8].
    const adapters = 4 * 4 * (2 * 8 * 128 + 128 * 8 + 64 * 8);
    const found = (name: MemoryPartName) => part(tinyModelConfig, 'train', { lora }, name);
    expect(found('weights')).toBe(4 * parameterCount(tinyModelConfig) + adapters);
    expect([found('gradients'), found('moments')]).toEqual([adapters, 2 * adapters]);
    expect(found('gradients in the runtime')).toBeLessThanOrEqual(adapters);
    // Whoever decodes has them merged.
    expect(part(tinyModelConfig, 'decode', { lora }, 'weights')).toBe(4 * parameterCount(tinyModelConfig));
    // Qwen2.5-3B's shape: what is left is nearly the base alone.
    const whole = estimateMemory(three, 'train', work).bytes;
    const adapted = estimateMemory(three, 'train', { ...work, lora: { rank: 16, alpha: 32, targets: loraTargets } });
    expect(adapted.bytes).toBeLessThan(0.35 * whole);
  });

  test('is the sum of its parts', () => {
    for (const role of ['score', 'decode', 'train'] as const) {
      const { bytes, parts } = estimateMemory(tinyModelConfig, role, work);
      expect(bytes).toBeCloseTo(
        parts.reduce((sum, { bytes: of }) => sum + of, 0),
        3,
      );
    }
  });

  test('has the caches of all sequences that decode together', () => {
    // 4 layers, a key and a value of 2 heads × 32 float32 a position; 2 prompts of 16, 8 completions of 8.
    const position = 4 * 2 * 2 * 32 * 4;
    const caches = (2 * 16 + 2 * 4 * 8) * position;
    const found = part(tinyModelConfig, 'decode', {}, 'KV cache');
    expect(found).toBeGreaterThanOrEqual(caches);
    // Besides them a token, a position and a row of the mask a sequence.
    expect(found).toBeLessThan(caches + 8 * (4 + 8 + 4 * (16 + 8 + 1)) + 1);
    const longer = part(tinyModelConfig, 'decode', { completionLength: 40 }, 'KV cache');
    expect(longer - found).toBe(8 * 32 * (position + 4));
  });

  test('copies every gradient out of the runtime once more', () => {
    const weights = 4 * parameterCount(tinyModelConfig);
    const copies = part(tinyModelConfig, 'train', {}, 'copies of outputs');
    // And the loss and the log-probabilities of a run's rows.
    expect(copies - weights).toBeGreaterThan(0);
    expect(copies - weights).toBeLessThanOrEqual(4 * (256 + 2));
    expect(part(tinyModelConfig, 'train', {}, 'gradients in the runtime')).toBeLessThanOrEqual(2 * weights);
  });

  test('has three times the logits of a run where a policy scores with a large vocabulary', () => {
    const config = { ...tinyModelConfig, vocab_size: 50_000 };
    // 8 completions of 8 predicted positions each, behind prompts that are computed apart, or 24 positions each with them.
    const rows = part(config, 'score', {}, 'logits') / (3 * 4 * 50_000);
    expect(Number.isInteger(rows)).toBe(true);
    expect(rows).toBeGreaterThanOrEqual(8 * 8);
    expect(rows).toBeLessThanOrEqual(256);
  });

  test('does not grow with the number of prompts: gradients are summed run by run', () => {
    for (const role of ['score', 'train'] as const) {
      const of = (prompts: number) => estimateMemory(tinyModelConfig, role, { ...work, prompts }).bytes;
      expect(of(4096)).toBe(of(256));
    }
  });

  test('does not grow with the completions of a prompt either: a large group is cut', () => {
    const objective = { kind: 'policy-gradient', spec: objectives.grpo } as const;
    const of = (samplesPerPrompt: number) =>
      estimateMemory(tinyModelConfig, 'train', { ...work, promptLength: 64, samplesPerPrompt, objective }).bytes;
    expect(of(1024)).toBeLessThan(1.1 * of(64));
  });

  test('is never less for more of anything', () => {
    const role = fc.constantFrom<MemoryRole>('score', 'decode', 'train');
    const size = (most: number) => fc.integer({ min: 1, max: most });
    const shape = fc.record({
      ...{ prompts: size(8), samplesPerPrompt: size(8), promptLength: size(48), completionLength: size(48) },
    });
    const more = fc.constantFrom<keyof ModelConfig>('num_hidden_layers', 'intermediate_size', 'vocab_size');
    fc.assert(
      fc.property(role, shape, more, (played, sizes, field) => {
        const wide = { ...work, ...sizes };
        const one = estimateMemory(tinyModelConfig, played, wide).bytes;
        const grown = { ...tinyModelConfig, [field]: 2 * (tinyModelConfig[field] as number) };
        expect(estimateMemory(grown, played, wide).bytes).toBeGreaterThan(one);
        if (played !== 'decode') return;
        for (const longer of ['completionLength', 'samplesPerPrompt'] as const) {
          const changed = { ...wide, [longer]: wide[longer] + 8 };
          expect(estimateMemory(tinyModelConfig, played, changed).bytes).toBeGreaterThanOrEqual(one);
        }
      }),
      { seed: 7, numRuns: 25 },
    );
  });

  test('of Qwen2.5-0.5B and its step lies below 20 GB, and says what most of it is for', () => {
    const half: ModelConfig = {
      ...three,
      ...{ hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 24, num_attention_heads: 14, head_dim: 64 },
    };
    const { bytes, parts } = estimateMemory(half, 'train', { ...work, promptLength: 64, completionLength: 64 });
    expect(parameterCount(half)).toBe(494_032_768);
    expect(bytes).toBeGreaterThan(6 * 4 * 494_032_768);
    expect(bytes).toBeLessThan(20e9);
    expect(parts.toSorted((a, b) => b.bytes - a.bytes)[0]!.name).toBe('moments');
  });
});

describe("a graph's own bytes", () => {
  test('are few even for 3 B parameters, which it takes as inputs: far from the 2 GB that protobuf can hold', () => {
    const shape = { prefixes: 0, prefixLength: 0, batch: 1, length: 512 };
    const graphs = [
      scoreGraph(three, shape),
      trainGraph(three, { kind: 'supervised' }, shape),
      prefillGraph(three, drawAt(1), { batch: 1, length: 512 }),
      stepGraph(three, drawAt(1), { prompts: 32, promptLength: 512, slots: 8, cached: 512 }),
    ];
    for (const graph of graphs) {
      const bytes = writeOnnx(graph).length;
      expect(graphMemory(graph, () => 'all').inputBytes).toBeGreaterThan(12e9);
      expect(bytes).toBeLessThan(40e6);
    }
  });
});
