import { describe, expect, test } from 'vitest';
import { configJson, readConfigJson } from './config-json.ts';
import { type ModelConfig, tinyModelConfig } from './model-config.ts';

const shape = {
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
};
const qwen2 = { model_type: 'qwen2', ...shape };
const qwen3 = { model_type: 'qwen3', ...shape, head_dim: 16 };
const llama = { model_type: 'llama', ...shape };
const llama3 = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};

describe('readConfigJson()', () => {
  test('knows what parts the families', () => {
    expect(readConfigJson(qwen2)).toMatchObject({ attention_bias: true, attention_output_bias: false, qk_norm: false });
    expect(readConfigJson(qwen3)).toMatchObject({ attention_bias: false, qk_norm: true, head_dim: 16 });
    expect(readConfigJson(llama)).toMatchObject({ attention_bias: false, attention_output_bias: false });
    expect(readConfigJson({ ...llama, attention_bias: true })).toMatchObject({
      attention_bias: true,
      attention_output_bias: true,
    });
    // Qwen2's query, key and value biases are part of the family; the field says nothing there.
    expect(readConfigJson({ ...qwen2, attention_bias: false }).attention_bias).toBe(true);
  });

  test('takes the families’ defaults where the file is silent', () => {
    const { num_key_value_heads: _, ...few } = shape;
    expect(readConfigJson({ ...few, model_type: 'llama' }).num_key_value_heads).toBe(4);
    expect(readConfigJson({ ...qwen2, num_key_value_heads: null }).num_key_value_heads).toBe(4);
    expect(() => readConfigJson({ ...few, model_type: 'qwen2' })).toThrow('num_key_value_heads is 32');
    expect(readConfigJson({ ...shape, model_type: 'qwen3' }).head_dim).toBe(128);
    expect(readConfigJson(llama)).toMatchObject({ rope_theta: 10_000, rms_norm_eps: 1e-6, tie_word_embeddings: false });
  });

  test('leaves head_dim out where it is hidden_size by heads', () => {
    expect(readConfigJson({ ...qwen3, head_dim: 8 })).not.toHaveProperty('head_dim');
    expect(readConfigJson({ ...llama, head_dim: null })).not.toHaveProperty('head_dim');
  });

  test('reads rotary scaling as transformers 4 writes it and as 5 does', () => {
    const four = { ...llama, rope_theta: 500_000, rope_scaling: { rope_type: 'llama3', ...llama3 } };
    const five = { ...llama, rope_parameters: { rope_type: 'llama3', rope_theta: 500_000, ...llama3 } };
    expect(readConfigJson(four)).toEqual(readConfigJson(five));
    expect(readConfigJson(five)).toMatchObject({ rope_theta: 500_000, rope_scaling: { type: 'llama3', ...llama3 } });
    const old = { ...llama, rope_scaling: { type: 'linear', factor: 2 } };
    expect(readConfigJson(old).rope_scaling).toEqual({ type: 'linear', factor: 2 });
    const { original_max_position_embeddings: _, ...without } = llama3;
    expect(readConfigJson({ ...llama, rope_scaling: { rope_type: 'llama3', ...without } }).rope_scaling).toMatchObject({
      original_max_position_embeddings: 128,
    });
  });

  test.each<[string, object]>([
    ['model_type "qwen3_moe" is not supported, expected one of qwen2, qwen3, llama', { model_type: 'qwen3_moe' }],
    ['model_type "mixtral" is not supported', { model_type: 'mixtral' }],
    ['model_type undefined is not supported', {}],
    ['rope type yarn is not supported', { ...llama, rope_scaling: { rope_type: 'yarn', factor: 4 } }],
    ['rope type dynamic is not supported', { ...llama, rope_parameters: { rope_type: 'dynamic', factor: 4 } }],
    ['rope_parameters.full_attention is not', { ...llama, rope_parameters: { full_attention: { rope_theta: 1e4 } } }],
    ['partial_rotary_factor 0.5 is not', { ...llama, partial_rotary_factor: 0.5 }],
    ['partial_rotary_factor 0.25 is not', { ...llama, rope_parameters: { partial_rotary_factor: 0.25 } }],
    ['hidden_act gelu is not supported, expected silu', { ...llama, hidden_act: 'gelu' }],
    ['layer type sliding_attention is not', { ...qwen3, layer_types: ['full_attention', 'sliding_attention'] }],
    ['use_sliding_window is not supported', { ...qwen3, use_sliding_window: true }],
    ['mlp_bias is not supported, expected false', { ...llama, mlp_bias: true }],
    ['quantization_config is not supported', { ...llama, quantization_config: { quant_method: 'gptq' } }],
  ])('refuses by name: %s', (message, json) => {
    expect(() => readConfigJson(json, 'm/config.json')).toThrow(`Cannot read m/config.json: ${message}`);
    expect(() => readConfigJson(json)).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
  });

  test.each<[string, object]>([
    ['rope type linear is without factor, expected', { ...llama, rope_scaling: { type: 'linear' } }],
    ['rope type llama3 is without low_freq_factor', { ...llama, rope_scaling: { rope_type: 'llama3', factor: 8 } }],
    ['field rope_scaling.factor is wrong', { ...llama, rope_scaling: { type: 'linear', factor: 0 } }],
    ['field hidden_size is wrong', { ...llama, hidden_size: null }],
    ['head_dim is 7, expected an even number', { ...qwen3, head_dim: 7 }],
    [
      'rope_scaling.high_freq_factor is 1, expected more than low_freq_factor 1',
      { ...llama, rope_scaling: { rope_type: 'llama3', ...llama3, high_freq_factor: 1 } },
    ],
  ])('refuses what cannot be right: %s', (message, json) => {
    expect(() => readConfigJson(json)).toThrow(message);
    expect(() => readConfigJson(json)).toThrow(expect.objectContaining({ code: 'model-config-invalid' }));
  });
});

describe('configJson()', () => {
  const tokens = { eosTokenIds: [1], padTokenId: 0 };

  test.each<[string, ModelConfig]>([
    ['qwen2', tinyModelConfig],
    ['qwen3', readConfigJson(qwen3)],
    ['qwen3 with heads as wide as hidden_size says', readConfigJson({ ...qwen3, head_dim: 8 })],
    ['qwen3 with biases', readConfigJson({ ...qwen3, attention_bias: true })],
    ['llama', readConfigJson({ ...llama, rope_scaling: { rope_type: 'llama3', ...llama3 } })],
    ['llama, linear', readConfigJson({ ...llama, rope_scaling: { type: 'linear', factor: 2 }, head_dim: 16 })],
  ])('writes what readConfigJson() reads back: %s', (_, config) => {
    expect(readConfigJson(JSON.parse(JSON.stringify(configJson(config, tokens))))).toEqual(config);
  });

  test('refuses a shape that the family has no field for', () => {
    expect(() => configJson({ ...tinyModelConfig, qk_norm: true }, tokens)).toThrow(
      'Cannot write config.json: attention_bias true, attention_output_bias false and qk_norm true do not go together in a qwen2 model, expected {"attention_bias":true,"attention_output_bias":false,"qk_norm":false}',
    );
  });
});
