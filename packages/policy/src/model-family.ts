/**
 * What parts the model families, as one table: the class that transformers loads, what it takes where config.json is silent,
 * and which parts of attention it has. The graphs know none of this: they read `ModelConfig`.
 *
 * Source: the configuration and modelling files of transformers 5, by their definitions.
 */
import type { ModelConfig, ModelFamily } from './model-config.ts';

/** One family. */
export interface FamilyRules {
  /** transformers' class for it. */
  readonly architecture: string;
  /** Key heads where config.json does not name them; undefined: as many as query heads. */
  readonly keyHeads: number | undefined;
  /** Elements per head where config.json does not name them; undefined: hidden_size / num_attention_heads. */
  readonly headSize: number | undefined;
  /** Which projections have biases, given config.json's `attention_bias`. */
  readonly biases: (attentionBias: boolean) => Pick<ModelConfig, 'attention_bias' | 'attention_output_bias'>;
  /** Whether queries and keys are normed head by head. */
  readonly qkNorm: boolean;
  /** Fields of config.json that only this family has, for a new one. */
  readonly fields: (config: ModelConfig) => Readonly<Record<string, unknown>>;
}

const allOrNone = (attentionBias: boolean) => ({ attention_bias: attentionBias, attention_output_bias: attentionBias });

/** The families by `model_type`. */
export const familyRules: Readonly<Record<ModelFamily, FamilyRules>> = {
  qwen2: {
    architecture: 'Qwen2ForCausalLM',
    keyHeads: 32,
    headSize: undefined,
    biases: () => ({ attention_bias: true, attention_output_bias: false }),
    qkNorm: false,
    fields: () => ({ use_sliding_window: false }),
  },
  qwen3: {
    architecture: 'Qwen3ForCausalLM',
    keyHeads: 32,
    headSize: 128,
    biases: allOrNone,
    qkNorm: true,
    fields: ({ attention_bias }) => ({ attention_bias, use_sliding_window: false }),
  },
  llama: {
    architecture: 'LlamaForCausalLM',
    keyHeads: undefined,
    headSize: undefined,
    biases: allOrNone,
    qkNorm: false,
    fields: ({ attention_bias }) => ({ attention_bias, mlp_bias: false }),
  },
};
