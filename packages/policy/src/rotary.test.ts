import { describe, expect, test } from 'vitest';
import { tinyModelConfig } from './model-config.ts';
import { rotaryFrequencies } from './rotary.ts';

const plain = { ...tinyModelConfig, rope_theta: 500_000, head_dim: 64 };

describe('rotaryFrequencies()', () => {
  test('falls from 1 by powers of theta, one frequency per pair of elements', () => {
    const frequencies = rotaryFrequencies(plain);
    expect(frequencies).toHaveLength(32);
    expect(frequencies[0]).toBe(1);
    expect(frequencies[16]).toBeCloseTo(500_000 ** -0.5, 12);
  });

  test('are divided by the factor where scaling is linear', () => {
    const scaled = rotaryFrequencies({ ...plain, rope_scaling: { type: 'linear', factor: 4 } });
    expect([...scaled]).toEqual(Array.from(rotaryFrequencies(plain), (frequency) => frequency / 4));
  });

  test('keep fast turns, slow down slow ones and blend those between by Llama 3’s rule', () => {
    const context = 8192;
    const scaled = rotaryFrequencies({
      ...plain,
      rope_scaling: {
        type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: context,
      },
    });
    const kinds = new Set<string>();
    for (const [index, before] of rotaryFrequencies(plain).entries()) {
      const wavelength = (2 * Math.PI) / before;
      const after = scaled[index]!;
      const smooth = (context / wavelength - 1) / 3;
      const kind = smooth >= 1 ? 'fast' : smooth <= 0 ? 'slow' : 'between';
      kinds.add(kind);
      if (kind === 'fast') expect(after).toBe(before);
      else if (kind === 'slow') expect(after).toBe(before / 8);
      else expect(after).toBeCloseTo((1 - smooth) * (before / 8) + smooth * before, 15);
    }
    expect(kinds).toEqual(new Set(['fast', 'between', 'slow']));
  });
});
