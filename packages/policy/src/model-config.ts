/**
 * The shape of a decoder, in the words of Hugging Face's config.json, and the names and shapes of its parameters in the
 * canonical order: the order of every flat buffer, hash and checkpoint.
 */
import { PolicyError } from './errors.ts';

/** The fields of a Qwen2 config.json that the mathematics depends on. */
export interface ModelConfig {
  readonly model_type: 'qwen2';
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
  /** Whether the query, key and value projections have biases; Qwen2 has them. */
  readonly attention_bias: boolean;
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
};

/** Elements per attention head. */
export function headSize(config: ModelConfig): number {
  return config.hidden_size / config.num_attention_heads;
}

/**
 * Refuses a shape that no graph can be built for.
 *
 * @throws {PolicyError} `model-config-invalid`, naming the field
 */
export function checkModelConfig(config: ModelConfig): void {
  const refuse = (field: keyof ModelConfig, wish: string): never => {
    throw new PolicyError(`Cannot use the model: ${field} is ${config[field]}, expected ${wish}`, {
      code: 'model-config-invalid',
    });
  };
  if (config.model_type !== 'qwen2') refuse('model_type', 'qwen2');
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
  if (config.hidden_size % (2 * config.num_attention_heads) !== 0)
    refuse('hidden_size', 'an even number of elements per head');
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
  const keyWidth = config.num_key_value_heads * headSize(config);
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
    projection('q_proj', width);
    projection('k_proj', keyWidth);
    projection('v_proj', keyWidth);
    put('self_attn.o_proj.weight', width, width);
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
