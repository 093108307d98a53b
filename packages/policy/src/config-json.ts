/**
 * A model folder's config.json as a `ModelConfig`, and back. It reads what transformers 4 and 5 write, and refuses by
 * name whatever would change the mathematics in a way that the graphs do not know.
 */
import * as z from 'zod';
import { PolicyError } from './errors.ts';
import { checkModelConfig, type ModelConfig } from './model-config.ts';

const size = z.int().positive();
const rope = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().optional(),
});
const tokenIds = z.union([z.int().min(0), z.array(z.int().min(0))]).nullish();

const schema = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.optional(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  rms_norm_eps: z.number().default(1e-6),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  quantization_config: z.unknown().optional(),
  rope_theta: z.number().optional(),
  rope_scaling: rope.nullish(),
  rope_parameters: rope.nullish(),
  eos_token_id: tokenIds,
  pad_token_id: z.int().nullish(),
  layer_types: z.array(z.string()).nullish(),
});

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
  const family = (json as { readonly model_type?: unknown } | null)?.model_type;
  if (family !== 'qwen2') refuse(file, `model_type ${JSON.stringify(family)}`, '"qwen2"');
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new PolicyError(
      `Cannot read ${file}: field ${issue.path.join('.')} is wrong (${issue.message}), expected a whole Qwen2 configuration`,
      { code: 'model-config-invalid', cause: parsed.error },
    );
  }
  const raw = parsed.data;
  checkParts(raw, file);
  const config: ModelConfig = {
    model_type: 'qwen2',
    vocab_size: raw.vocab_size,
    hidden_size: raw.hidden_size,
    intermediate_size: raw.intermediate_size,
    num_hidden_layers: raw.num_hidden_layers,
    num_attention_heads: raw.num_attention_heads,
    num_key_value_heads: raw.num_key_value_heads ?? raw.num_attention_heads,
    max_position_embeddings: raw.max_position_embeddings,
    rms_norm_eps: raw.rms_norm_eps,
    rope_theta: raw.rope_parameters?.rope_theta ?? raw.rope_theta ?? 10_000,
    tie_word_embeddings: raw.tie_word_embeddings,
    attention_bias: true,
  };
  checkModelConfig(config);
  return config;
}

function checkParts(raw: z.output<typeof schema>, file: string): void {
  if (raw.hidden_act !== 'silu') refuse(file, `hidden_act ${raw.hidden_act}`, 'silu');
  if (raw.use_sliding_window) refuse(file, 'use_sliding_window', 'false');
  if (raw.layer_types?.some((type) => type !== 'full_attention')) {
    refuse(
      file,
      `layer type ${raw.layer_types.find((type) => type !== 'full_attention')}`,
      'full_attention in each layer',
    );
  }
  if (raw.quantization_config) refuse(file, 'quantization_config', 'weights in F32, BF16 or F16');
  for (const { rope_type, type } of [raw.rope_scaling ?? {}, raw.rope_parameters ?? {}]) {
    const ropeType = rope_type ?? type ?? 'default';
    if (ropeType !== 'default') refuse(file, `rope type ${ropeType}`, 'default');
  }
  if (raw.head_dim && raw.head_dim * raw.num_attention_heads !== raw.hidden_size) {
    refuse(file, `head_dim ${raw.head_dim}`, `${raw.hidden_size / raw.num_attention_heads}, hidden_size by heads`);
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

/** A config.json for a new model, as `transformers` 4 and 5 read it. */
export function configJson(config: ModelConfig, { eosTokenIds, padTokenId }: ModelTokens): Record<string, unknown> {
  const { attention_bias: _, ...fields } = config;
  return {
    architectures: ['Qwen2ForCausalLM'],
    ...fields,
    hidden_act: 'silu',
    attention_dropout: 0,
    initializer_range: 0.02,
    use_cache: true,
    use_sliding_window: false,
    bos_token_id: null,
    eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds,
    pad_token_id: padTokenId ?? null,
    torch_dtype: 'float32',
  };
}
