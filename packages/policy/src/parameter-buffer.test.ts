import { describe, expect, test } from 'vitest';
import { parameterCount, parameterShapes, tinyModelConfig } from './model-config.ts';
import { ParameterBuffer } from './parameter-buffer.ts';

describe('ParameterBuffer', () => {
  test('its views cover the flat array once, in canonical order', () => {
    const buffer = new ParameterBuffer(tinyModelConfig);
    expect([...buffer.views.keys()]).toEqual(parameterShapes(tinyModelConfig).map(({ name }) => name));
    let end = 0;
    for (const view of buffer.views.values()) {
      expect(view.buffer).toBe(buffer.flat.buffer);
      expect(view.byteOffset).toBe(end);
      end += view.byteLength;
    }
    expect(end).toBe(buffer.flat.byteLength);
  });

  test('refuses an array of another size', () => {
    expect(() => new ParameterBuffer(tinyModelConfig, new Float32Array(3))).toThrow(
      'Cannot take parameters: got 3 numbers, expected 837760',
    );
  });

  test('refuses a name that the model does not have', () => {
    expect(() => new ParameterBuffer(tinyModelConfig).get('lm_head.weight')).toThrow(
      'Cannot read parameter lm_head.weight: the model has none, expected one of its names',
    );
  });
});

test('the tiny model has fewer than a million parameters, with and without biases and a head of its own', () => {
  expect(parameterCount(tinyModelConfig)).toBe(837_760);
  expect(parameterCount({ ...tinyModelConfig, attention_bias: false })).toBe(837_760 - 4 * 256);
  expect(parameterCount({ ...tinyModelConfig, tie_word_embeddings: false })).toBe(837_760 + 384 * 128);
});
