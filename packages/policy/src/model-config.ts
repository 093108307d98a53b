/**
 * The shape of a decoder, in the words of Hugging Face's config.json, and the names and shapes of its parameters in the
 * canonical order: the order of every flat buffer, hash and checkpoint.
 */
import { PolicyError } from './errors.ts';
import type { RopeScaling } from './rotary.ts';

/** The families whose graphs are known; what parts them stands in `ModelConfig`, nowhere else. */
export const modelFamilies = ['qwen2', 'qwen3', 'llama'] as const;

/** A dense decoder's `model_type`. */
export type ModelFamily = (typeof modelFamilies)[number];

/** The fields of a config.json that the mathematics depends on. */
export interface ModelConfig {
  readonly model_type: ModelFamily;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
  /** Elements per head where they are not hidden_size / num_attention_heads. */
  readonly head_dim?: number;
  /** Whether the query, key and value projections have biases; Qwen2 has them. */
  readonly attention_bias: boolean;
  /** Whether attention's output projection has one too, as `attention_bias` of Llama and Qwen3 says; default false. */
  readonly attention_output_bias?: boolean;
  /** Whether queries and keys are normed head by head before they are rotated, as Qwen3 does; default false. */
  readonly qk_norm?: boolean;
  /** How the rotary frequencies are scaled; null or absent where they are not. */
  readonly rope_scaling?: RopeScaling | null;
}

/** A parameter's name and shape, as in the safetensors file. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The policy that ships with the repository: 0.84 M parameters. */
export const tinyModelConfig: ModelConfig = {
  model_type: 'qwen2',
  vocab_size: 384,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: true,
  attention_bias: true,
  attention_output_bias: false,
  qk_norm: false,
  rope_scaling: null,
};

/** Elements per attention head. */
export function headSize(config: ModelConfig): number {
  return config.head_dim ?? config.hidden_size / config.num_attention_heads;
}

/**
 * Refuses a shape that no graph can be built for.
 *
 * @throws {PolicyError} `model-config-invalid`, naming the field
 */
export function checkModelConfig(config: ModelConfig): void {
  const refuse = (field: string, wish: string, found: unknown = config[field as keyof ModelConfig]): never => {
    throw new PolicyError(`Cannot use the model: ${field} is ${found}, expected ${wish}`, {
      code: 'model-config-invalid',
    });
  };
  if (!modelFamilies.includes(config.model_type)) refuse('model_type', modelFamilies.join(', '));
  const sizes = [
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'num_key_value_heads',
    'max_position_embeddings',
  ] as const;
  for (const field of sizes) {
    if (!Number.isSafeInteger(config[field]) || config[field] < 1) refuse(field, 'a positive integer');
  }
  if (!(config.rms_norm_eps > 0)) refuse('rms_norm_eps', 'a number above 0');
  if (!(config.rope_theta > 0)) refuse('rope_theta', 'a number above 0');
  if (config.head_dim === undefined && config.hidden_size % (2 * config.num_attention_heads) !== 0)
    refuse('hidden_size', 'an even number of elements per head');
  if (headSize(config) % 2 !== 0 || headSize(config) < 2) refuse('head_dim', 'an even number');
  const { type: _, ...scaling } = config.rope_scaling ?? { type: null };
  for (const [field, value] of Object.entries(scaling))
    if (!(value > 0)) refuse(`rope_scaling.${field}`, 'a number above 0', value);
  if (config.rope_scaling?.type === 'llama3') {
    const { low_freq_factor: low, high_freq_factor: high } = config.rope_scaling;
    if (!(high > low)) refuse('rope_scaling.high_freq_factor', `more than low_freq_factor ${low}`, high);
  }
  if (config.num_attention_heads % config.num_key_value_heads !== 0)
    refuse('num_key_value_heads', 'a divisor of num_attention_heads');
}

/**
 * All parameters in canonical order. Matrices are [out, in], as Hugging Face stores them.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(parameterShapes(tinyModelConfig)[0]?.name, 'model.embed_tokens.weight');
 * ```
 */
export function parameterShapes(config: ModelConfig): ParameterShape[] {
  const { hidden_size: width, intermediate_size: inner } = config;
  const size = headSize(config);
  const queryWidth = config.num_attention_heads * size;
  const keyWidth = config.num_key_value_heads * size;
  const shapes: ParameterShape[] = [{ name: 'model.embed_tokens.weight', shape: [config.vocab_size, width] }];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const put = (name: string, ...shape: number[]): void => {
      shapes.push({ name: `model.layers.${layer}.${name}`, shape });
    };
    const projection = (name: string, rows: number): void => {
      put(`self_attn.${name}.weight`, rows, width);
      if (config.attention_bias) put(`self_attn.${name}.bias`, rows);
    };
    put('input_layernorm.weight', width);
    projection('q_proj', queryWidth);
    projection('k_proj', keyWidth);
    projection('v_proj', keyWidth);
    if (config.qk_norm) {
      put('self_attn.q_norm.weight', size);
      put('self_attn.k_norm.weight', size);
    }
    put('self_attn.o_proj.weight', width, queryWidth);
    if (config.attention_output_bias) put('self_attn.o_proj.bias', width);
    put('post_attention_layernorm.weight', width);
    put('mlp.gate_proj.weight', inner, width);
    put('mlp.up_proj.weight', inner, width);
    put('mlp.down_proj.weight', width, inner);
  }
  shapes.push({ name: 'model.norm.weight', shape: [width] });
  if (!config.tie_word_embeddings) shapes.push({ name: 'lm_head.weight', shape: [config.vocab_size, width] });
  return shapes;
}

/** Number of parameters. */
export function parameterCount(config: ModelConfig): number {
  return parameterShapes(config).reduce(
    (total, { shape }) => total + shape.reduce((size, dimension) => size * dimension, 1),
    0,
  );
}
