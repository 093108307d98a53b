import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type ModelConfig, parameterCount, parameterShapes, tinyModelConfig } from './model-config.ts';
import { policyHash } from './policy-hash.ts';

const config: ModelConfig = {
  ...tinyModelConfig,
  vocab_size: 4,
  hidden_size: 4,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  num_hidden_layers: 1,
  intermediate_size: 4,
};
const weights = () => Float32Array.from({ length: parameterCount(config) }, (_, index) => index);

describe('policyHash()', () => {
  test('is the SHA-256 of names, shapes and bytes', () => {
    const header = JSON.stringify(parameterShapes(config).map(({ name, shape }) => [name, shape]));
    const expected = createHash('sha256').update(`evenkeel-policy-1\n${header}\n`);
    expect(policyHash(weights(), config)).toBe(expected.update(Buffer.from(weights().buffer)).digest('hex'));
  });

  test('is the same for the same weights, wherever they lie in memory', () => {
    const elsewhere = new Float32Array(weights().length + 2).subarray(1, -1);
    elsewhere.set(weights());
    expect(policyHash(elsewhere, config)).toBe(policyHash(weights(), config));
  });

  test('changes with one bit of a weight, and with a shape', () => {
    const other = weights();
    other[5] = 5.0000005;
    const untied = { ...config, tie_word_embeddings: false };
    const more = Float32Array.from({ length: parameterCount(untied) }, (_, index) => index);
    const hashes = [policyHash(weights(), config), policyHash(other, config), policyHash(more, untied)];
    expect(new Set(hashes).size).toBe(3);
  });

  test('refuses weights that do not fit the configuration', () => {
    expect(() => policyHash(new Float32Array(5), config)).toThrow(
      `Cannot hash policy: 5 weights, expected ${parameterCount(config)} as the configuration says`,
    );
  });
});
