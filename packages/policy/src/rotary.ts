/**
 * Rotary positions: how far each pair of a head's elements turns from one position to the next, with the scalings that
 * stretch a model's context. It knows angles, not graphs.
 *
 * Source: RoFormer (Su et al. 2021); `linear` is position interpolation (Chen et al. 2023); `llama3` is the rule of
 * Llama 3.1, by its form in transformers. Deviation: computed in float64 and rounded once, in the tables, where
 * transformers rounds the frequencies to float32 before it multiplies by the position.
 */
import { headSize, type ModelConfig } from './model-config.ts';

/** Every position is nearer by `factor`. */
export interface LinearRopeScaling {
  readonly type: 'linear';
  readonly factor: number;
}

/** Slow turns are slower by `factor`, fast ones stay, and those between are blended. */
export interface Llama3RopeScaling {
  readonly type: 'llama3';
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** A scaling of the rotary frequencies; no other is known. */
export type RopeScaling = LinearRopeScaling | Llama3RopeScaling;

type Scale = (frequency: number) => number;

function scaleOf(scaling: RopeScaling | null | undefined): Scale {
  switch (scaling?.type) {
    case undefined:
      return (frequency) => frequency;
    case 'linear':
      return (frequency) => frequency / scaling.factor;
    case 'llama3': {
      const {
        factor,
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: context,
      } = scaling;
      return (frequency) => {
        const turns = (context * frequency) / (2 * Math.PI);
        const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
        return kept * frequency + (1 - kept) * (frequency / factor);
      };
    }
  }
}

/**
 * Radians per position for each pair of elements.
 *
 * @returns shape [d / 2] for d elements per head, falling from 1 (before scaling)
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(rotaryFrequencies(tinyModelConfig)[0], 1);
 * ```
 */
export function rotaryFrequencies(config: ModelConfig): Float64Array {
  const half = headSize(config) / 2;
  const scale = scaleOf(config.rope_scaling);
  return Float64Array.from({ length: half }, (_, index) => scale(config.rope_theta ** (-index / half)));
}
