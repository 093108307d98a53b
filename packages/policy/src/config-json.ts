/**
 * A model folder's config.json as a `ModelConfig`, and back. It reads what transformers 4 and 5 write, and refuses by
 * name whatever would change the mathematics in a way that the graphs do not know.
 */
import * as z from 'zod';
import { PolicyError } from './errors.ts';
import { checkModelConfig, headSize, type ModelConfig, type ModelFamily, modelFamilies } from './model-config.ts';
import { familyRules } from './model-family.ts';
import type { RopeScaling } from './rotary.ts';

const size = z.int().positive();
/** The same object under two names: `rope_scaling` of transformers 4 (theta beside it), `rope_parameters` of 5. */
const rope = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: z.number().positive().optional(),
  partial_rotary_factor: z.number().nullish(),
});
const tokenIds = z.union([z.int().min(0), z.array(z.int().min(0))]).nullish();

const schema = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  rms_norm_eps: z.number().default(1e-6),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  quantization_config: z.unknown().optional(),
  rope_theta: z.number().optional(),
  rope_scaling: rope.nullish(),
  rope_parameters: rope.nullish(),
  partial_rotary_factor: z.number().nullish(),
  eos_token_id: tokenIds,
  pad_token_id: z.int().nullish(),
  layer_types: z.array(z.string()).nullish(),
});

type RawConfig = z.output<typeof schema>;
type RawRope = z.output<typeof rope>;

function refuse(file: string, part: string, wish: string): never {
  throw new PolicyError(`Cannot read ${file}: ${part} is not supported, expected ${wish}`, {
    code: 'model-unsupported',
  });
}

/**
 * Reads the parsed JSON of a config.json.
 *
 * @param file what error messages call it
 * @throws {PolicyError} `model-unsupported` or `model-config-invalid`, naming the field
 */
export function readConfigJson(json: unknown, file = 'config.json'): ModelConfig {
  const family = (json as { readonly model_type?: unknown } | null)?.model_type as ModelFamily;
  if (!modelFamilies.includes(family)) {
    refuse(file, `model_type ${JSON.stringify(family)}`, `one of ${modelFamilies.join(', ')}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new PolicyError(
      `Cannot read ${file}: field ${issue.path.join('.')} is wrong (${issue.message}), expected a whole configuration of a ${family} model`,
      { code: 'model-config-invalid', cause: parsed.error },
    );
  }
  const raw = parsed.data;
  checkParts(raw, file);
  const { biases, qkNorm, ...defaults } = familyRules[family];
  const keyHeads = raw.num_key_value_heads === undefined ? defaults.keyHeads : raw.num_key_value_heads;
  const headDim = raw.head_dim === undefined ? defaults.headSize : raw.head_dim;
  const config: ModelConfig = {
    model_type: family,
    vocab_size: raw.vocab_size,
    hidden_size: raw.hidden_size,
    intermediate_size: raw.intermediate_size,
    num_hidden_layers: raw.num_hidden_layers,
    num_attention_heads: raw.num_attention_heads,
    num_key_value_heads: keyHeads ?? raw.num_attention_heads,
    max_position_embeddings: raw.max_position_embeddings,
    rms_norm_eps: raw.rms_norm_eps,
    rope_theta: ropeOf(raw).rope_theta ?? raw.rope_theta ?? 10_000,
    tie_word_embeddings: raw.tie_word_embeddings,
    ...(headDim == null || headDim * raw.num_attention_heads === raw.hidden_size ? {} : { head_dim: headDim }),
    ...biases(raw.attention_bias),
    qk_norm: qkNorm,
    rope_scaling: ropeScalingOf(raw, file),
  };
  checkModelConfig(config);
  return config;
}

function checkParts(raw: RawConfig, file: string): void {
  if (raw.hidden_act !== 'silu') refuse(file, `hidden_act ${raw.hidden_act}`, 'silu');
  if (raw.use_sliding_window) refuse(file, 'use_sliding_window', 'false');
  const other = raw.layer_types?.find((type) => type !== 'full_attention');
  if (other !== undefined) refuse(file, `layer type ${other}`, 'full_attention in each layer');
  if (raw.mlp_bias) refuse(file, 'mlp_bias', 'false');
  if (raw.quantization_config) refuse(file, 'quantization_config', 'weights in F32, BF16 or F16');
  for (const { partial_rotary_factor: part } of [raw, ropeOf(raw)]) {
    if (part != null && part !== 1) refuse(file, `partial_rotary_factor ${part}`, '1');
  }
  const nested = Object.entries(ropeOf(raw)).find(([, value]) => typeof value === 'object' && value !== null);
  if (nested !== undefined) refuse(file, `rope_parameters.${nested[0]}`, 'the same rotary positions in each layer');
}

/** The rotary object that counts: where both names stand, transformers takes the older one. */
function ropeOf(raw: RawConfig): RawRope {
  return raw.rope_scaling ?? raw.rope_parameters ?? {};
}

function ropeScalingOf(raw: RawConfig, file: string): RopeScaling | null {
  const found = ropeOf(raw);
  const type = found.rope_type ?? found.type ?? 'default';
  const field = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number => {
    const value = found[name];
    if (value !== undefined) return value;
    throw new PolicyError(`Cannot read ${file}: rope type ${type} is without ${name}, expected a number above 0`, {
      code: 'model-config-invalid',
    });
  };
  switch (type) {
    case 'default':
      return null;
    case 'linear':
      return { type, factor: field('factor') };
    case 'llama3':
      return {
        type,
        factor: field('factor'),
        low_freq_factor: field('low_freq_factor'),
        high_freq_factor: field('high_freq_factor'),
        original_max_position_embeddings: found.original_max_position_embeddings ?? raw.max_position_embeddings,
      };
    default:
      return refuse(file, `rope type ${type}`, 'default, linear or llama3');
  }
}

/** Which tokens end a completion, and which one fills a batch. */
export interface ModelTokens {
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
}

const tokensSchema = z.looseObject({ eos_token_id: tokenIds, pad_token_id: z.int().nullish() });

/** The end and padding tokens, from the first of the given JSON objects that names them (generation_config.json goes first). */
export function readModelTokens(...sources: readonly unknown[]): ModelTokens {
  const parsed = sources.map((source) => tokensSchema.safeParse(source).data);
  const eos = parsed.find((source) => source?.eos_token_id != null)?.eos_token_id;
  const pad = parsed.find((source) => source?.pad_token_id != null)?.pad_token_id;
  return { eosTokenIds: [eos ?? []].flat(), padTokenId: pad ?? undefined };
}

/**
 * A config.json for a new model, as `transformers` 4 and 5 read it.
 *
 * @throws {PolicyError} `model-config-invalid` where the family has no such biases or norms, and so no field for them
 */
export function configJson(config: ModelConfig, { eosTokenIds, padTokenId }: ModelTokens): Record<string, unknown> {
  const { attention_bias, attention_output_bias = false, qk_norm = false, rope_scaling, ...fields } = config;
  const family = familyRules[config.model_type];
  const biases = family.biases(attention_bias);
  if (
    biases.attention_bias !== attention_bias ||
    biases.attention_output_bias !== attention_output_bias ||
    family.qkNorm !== qk_norm
  ) {
    throw new PolicyError(
      `Cannot write config.json: attention_bias ${attention_bias}, attention_output_bias ${attention_output_bias} and qk_norm ${qk_norm} do not go together in a ${config.model_type} model, expected ${JSON.stringify({ ...biases, qk_norm: family.qkNorm })}`,
      { code: 'model-config-invalid' },
    );
  }
  const { type: rope_type, ...scaling } = rope_scaling ?? { type: undefined };
  return {
    architectures: [family.architecture],
    ...fields,
    ...(family.headSize === undefined ? {} : { head_dim: headSize(config) }),
    ...(rope_type === undefined ? {} : { rope_scaling: { rope_type, ...scaling } }),
    hidden_act: 'silu',
    attention_dropout: 0,
    initializer_range: 0.02,
    use_cache: true,
    ...family.fields(config),
    bos_token_id: null,
    eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds,
    pad_token_id: padTokenId ?? null,
    torch_dtype: 'float32',
  };
}
