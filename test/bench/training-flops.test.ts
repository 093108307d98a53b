import { type ModelConfig, tinyModelConfig } from '@evenkeel/policy';
import { describe, expect, test } from 'vitest';
import { forwardFlops, passWork, trainingFlops } from './training-flops.ts';

const config: ModelConfig = {
  ...tinyModelConfig,
  ...{ vocab_size: 10, hidden_size: 64, intermediate_size: 6, num_hidden_layers: 2 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1 },
};

describe('passWork()', () => {
  test('counts each position, what it sees, and the rows that predict a completion', () => {
    // Sequences of 3 + 2 tokens: 4 positions are read, 2 rows of each predict.
    expect(passWork([{ promptTokens: 3, completionTokens: [2, 2] }], false)).toEqual({
      positions: 8,
      pairs: 2 * (1 + 2 + 3 + 4),
      rows: 4,
    });
  });

  test('counts a shared prompt, and its last row, once', () => {
    expect(passWork([{ promptTokens: 3, completionTokens: [2, 2] }], true)).toEqual({
      positions: 3 + 1 + 1,
      pairs: 1 + 2 + 3 + 4 + 4,
      rows: 3,
    });
  });

  test('is the same either way for groups of one', () => {
    const groups = [
      { promptTokens: 7, completionTokens: [5] },
      { promptTokens: 1, completionTokens: [1] },
    ];
    expect(passWork(groups, true)).toEqual(passWork(groups, false));
  });
});

describe('trainingFlops()', () => {
  test('is three times forward: weights per position, heads per pair, vocabulary per row', () => {
    // q 64×64, k and v 32×64, o 64×64, three of 64×6; two layers.
    const weights = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 6);
    const work = { positions: 5, pairs: 14, rows: 3 };
    const forward = 2 * weights * 5 + 4 * 64 * 2 * 14 + 2 * 10 * 64 * 3;
    expect(forwardFlops(config, work)).toBe(forward);
    expect(trainingFlops(config, [{ promptTokens: 3, completionTokens: [2, 2] }])).toBe(3 * forward);
  });

  test('counts the head once, tied or not', () => {
    const work = { positions: 5, pairs: 14, rows: 3 };
    expect(forwardFlops({ ...config, tie_word_embeddings: false }, work)).toBe(forwardFlops(config, work));
  });
});
