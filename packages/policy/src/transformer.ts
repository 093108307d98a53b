/**
 * The dense decoder of Qwen2, Qwen3 and Llama written on graphs: embedding, RMS norms, grouped-query attention with rotary
 * positions, SwiGLU, tied or separate head. What parts the families are fields of `ModelConfig` (biases, norms of queries
 * and keys, elements per head, rotary scaling); there is one graph. It does not know losses, batches of rollouts or
 * sampling. Weights are inputs of the graph and keep their Hugging Face orientation, so an update of the weights needs no
 * new session.
 *
 * Shapes: B sequences, T positions, N = B·T rows, H query heads, K key heads, d elements per head, V tokens, S cached
 * positions.
 */
import { type GraphBuilder, op, sizeOf, type Value } from '@evenkeel/graph';
import { type Lora, loraName, loraScale, loraShapes } from './lora.ts';
import { headSize, type ModelConfig, parameterShapes } from './model-config.ts';
import { rotaryFrequencies } from './rotary.ts';

/** The parameters as values of a graph; where projections have adapters, theirs too, and how often their product counts. */
export type ParameterValues = ReadonlyMap<string, Value> & { readonly loraScale?: number };

/** Declares every parameter as an input under its Hugging Face name, the adapters' after them. */
export function declareParameters(g: GraphBuilder, config: ModelConfig, lora?: Lora): ParameterValues {
  const shapes = [...parameterShapes(config), ...(lora === undefined ? [] : loraShapes(config, lora))];
  const values = new Map(shapes.map(({ name, shape }) => [name, g.input(name, 'float32', shape)]));
  return lora === undefined ? values : Object.assign(values, { loraScale: loraScale(lora) });
}

/** The rotary tables: cosine and sine, each [positions, d / 2]. */
function rotaryTables(g: GraphBuilder, config: ModelConfig, positions: number): { cosine: Value; sine: Value } {
  const frequencies = rotaryFrequencies(config);
  const half = frequencies.length;
  const table = (of: (angle: number) => number): Value => {
    const data = new Float32Array(positions * half);
    for (let position = 0; position < positions; position++) {
      for (let index = 0; index < half; index++) {
        data[position * half + index] = of(position * frequencies[index]!);
      }
    }
    return g.constant('float32', [positions, half], data);
  };
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}

interface Layer {
  readonly g: GraphBuilder;
  readonly config: ModelConfig;
  readonly weight: (name: string) => Value;
  readonly bias: (name: string) => Value | undefined;
  /** A and B beside a projection, and how often their product counts; undefined where it has none. */
  readonly adapter: (name: string) => { readonly a: Value; readonly b: Value; readonly scale: number } | undefined;
}

function layerOf(g: GraphBuilder, config: ModelConfig, parameters: ParameterValues, index: number): Layer {
  const nameOf = (name: string): string => `model.layers.${index}.${name}.weight`;
  return {
    g,
    config,
    weight: (name) => parameters.get(nameOf(name))!,
    bias: (name) => parameters.get(`model.layers.${index}.${name}.bias`),
    adapter: (name) => {
      const [a, b] = [parameters.get(loraName(nameOf(name), 'A')), parameters.get(loraName(nameOf(name), 'B'))];
      return a === undefined || b === undefined ? undefined : { a, b, scale: parameters.loraScale! };
    },
  };
}

/** x·Wᵀ + c, the projection's bias by default; where it has an adapter, + (alpha / rank)·(x·Aᵀ)·Bᵀ. */
function project(layer: Layer, x: Value, name: string, c: Value | undefined = layer.bias(name)): Value {
  const { g, weight, adapter } = layer;
  const sum = op.gemm(g, x, weight(name), { transB: true, c });
  const low = adapter(name);
  if (low === undefined) return sum;
  return op.gemm(g, op.gemm(g, x, low.a, { transB: true }), low.b, { transB: true, alpha: low.scale, c: sum });
}

/** Queries or keys, [N, heads × d], normed head by head where the family does so. */
function projectHeads(layer: Layer, x: Value, name: 'q' | 'k', heads: number): Value {
  const { g, config, weight } = layer;
  const rows = project(layer, x, `self_attn.${name}_proj`);
  if (!config.qk_norm) return rows;
  const perHead = op.reshape(g, rows, [rows.shape[0]! * heads, headSize(config)]);
  return op.reshape(g, op.rmsNorm(g, perHead, weight(`self_attn.${name}_norm`), config.rms_norm_eps), rows.shape);
}

/** What attention adds to the residual stream. The residual sum is the C of the product. */
function attentionOutput(layer: Layer, mixed: Value, residual: Value): Value {
  const sum = project(layer, mixed, 'self_attn.o_proj', residual);
  const offset = layer.bias('self_attn.o_proj');
  return offset === undefined ? sum : op.add(layer.g, sum, offset);
}

/** The residual sum is the C of the product. */
function feedForward(layer: Layer, x: Value): Value {
  const { g, config, weight } = layer;
  const normed = op.rmsNorm(g, x, weight('post_attention_layernorm'), config.rms_norm_eps);
  const gate = op.silu(g, project(layer, normed, 'mlp.gate_proj'));
  const product = op.mul(g, gate, project(layer, normed, 'mlp.up_proj'));
  return project(layer, product, 'mlp.down_proj', x);
}

/** What a pass over sequences gives. */
export interface SequencePass {
  /** Hidden states before the last norm, [N, width]. */
  readonly hidden: Value;
  /** Rotated keys per layer, [B, K, T, d]. */
  readonly keys: readonly Value[];
  /** Values per layer, [B, K, T, d]. */
  readonly values: readonly Value[];
}

/** What sequences go on from: P prefixes of S positions, computed once however many sequences share one. */
export interface Continued {
  readonly prefixes: SequencePass;
  /** float32 [B, P]: 1 at the prefix that a sequence has, 0 elsewhere. */
  readonly prefixOf: Value;
  /** int64 [B, T]. */
  readonly positions: Value;
  /** float32 [B, 1, T, S + T]: 0 where a position may be seen, very negative elsewhere. */
  readonly mask: Value;
}

/** Rotary positions of sequences that begin at 0, as a constant [B, T]. */
function fromZero(g: GraphBuilder, batch: number, length: number): Value {
  return g.constant(
    'int64',
    [batch, length],
    Int32Array.from({ length: batch * length }, (_, index) => index % length),
  );
}

/** Keys or values of each sequence's prefix beside its own: [P, K, S, d] and [B, K, T, d] to [B, K, S + T, d]. */
function besidePrefix(g: GraphBuilder, prefixes: Value, prefixOf: Value, own: Value): Value {
  const [count, ...rest] = prefixes.shape as [number, ...number[]];
  const flat = op.reshape(g, prefixes, [count, sizeOf(rest)]);
  // A product with a 0-1 matrix copies rows exactly, and its gradient sums them in an order that no thread changes.
  const spread = op.reshape(g, op.gemm(g, prefixOf, flat), [own.shape[0]!, ...rest]);
  return op.concat(g, [spread, own], 2);
}

/**
 * The decoder's layers over sequences: whole ones, or what follows a prefix. Attention is causal and sequences are padded on
 * the right, so padding needs no mask: no token that counts can see it. Prefixes are padded on the right too, and there a
 * mask must hide it.
 *
 * @param tokens int32 [B, T]
 */
export function decodeSequences(
  g: GraphBuilder,
  config: ModelConfig,
  parameters: ParameterValues,
  tokens: Value,
  continued?: Continued,
): SequencePass {
  const [batch, length] = tokens.shape as [number, number];
  const size = headSize(config);
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const { cosine, sine } = rotaryTables(g, config, continued?.mask.shape[3] ?? length);
  const positions = continued?.positions ?? fromZero(g, batch, length);
  const split = (x: Value, count: number): Value =>
    op.transpose(g, op.reshape(g, x, [batch, length, count, size]), [0, 2, 1, 3]);
  const rotate = (x: Value, count: number): Value =>
    split(
      op.rotaryEmbedding(g, op.reshape(g, x, [batch, length, count * size]), cosine, sine, positions, count),
      count,
    );
  const seen = (own: Value, prefixes: Value | undefined): Value =>
    prefixes === undefined ? own : besidePrefix(g, prefixes, continued!.prefixOf, own);
  const how = { causal: continued === undefined, mask: continued?.mask, scale: 1 / Math.sqrt(size) };

  const embedding = parameters.get('model.embed_tokens.weight')!;
  let hidden = op.gather(g, embedding, op.reshape(g, tokens, [batch * length]));
  const keys: Value[] = [];
  const values: Value[] = [];
  for (let index = 0; index < config.num_hidden_layers; index++) {
    const layer = layerOf(g, config, parameters, index);
    const normed = op.rmsNorm(g, hidden, layer.weight('input_layernorm'), config.rms_norm_eps);
    const q = rotate(projectHeads(layer, normed, 'q', heads), heads);
    const k = rotate(projectHeads(layer, normed, 'k', keyHeads), keyHeads);
    const v = split(project(layer, normed, 'self_attn.v_proj'), keyHeads);
    const { prefixes } = continued ?? {};
    const mixed = op.attention(g, q, seen(k, prefixes?.keys[index]), seen(v, prefixes?.values[index]), how);
    const rows = op.reshape(g, op.transpose(g, mixed, [0, 2, 1, 3]), [batch * length, heads * size]);
    hidden = feedForward(layer, attentionOutput(layer, rows, hidden));
    keys.push(k);
    values.push(v);
  }
  return { hidden, keys, values };
}

/**
 * What a layer has cached for P prompts with G slots each, in which completions of the prompt are written. Own keys lie
 * transposed, as their product with the queries wants them.
 */
export interface CachedLayer {
  /** [P, K, S, d], and `promptValues` likewise. */
  readonly promptKeys: Value;
  readonly promptValues: Value;
  /** [P, K, G, d, C]. */
  readonly ownKeys: Value;
  /** [P, K, G, C, d]. */
  readonly ownValues: Value;
}

/** What one decoding step gives. */
export interface StepPass {
  /** Hidden states before the last norm, [P·G, width]. */
  readonly hidden: Value;
  /** The new rows for the caches per layer, [P, K, G, d]. */
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
}

export interface StepInputs {
  /** int32 [P·G]. */
  readonly tokens: Value;
  /** int64 [P·G, 1]. */
  readonly positions: Value;
  /**
   * float32 [P, 1, G, 1, S + C + 1]: 0 where a position may be seen, very negative elsewhere; the prompt's, the completion's
   * so far, and the token itself.
   */
  readonly mask: Value;
  readonly cache: readonly CachedLayer[];
}

/**
 * The decoder's layers for one new token in each slot. A prompt's keys and values are read once for all of its slots: the
 * queries of G slots stand below each other. The caches are never copied: the new token's key and value stand beside them,
 * and the caller writes them in.
 */
export function decodeStep(
  g: GraphBuilder,
  config: ModelConfig,
  parameters: ParameterValues,
  inputs: StepInputs,
): StepPass {
  const [rows] = inputs.tokens.shape as [number];
  const [prompts, , slots] = inputs.mask.shape as [number, number, number];
  const size = headSize(config);
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const queries = heads / keyHeads;
  const { cosine, sine } = rotaryTables(g, config, inputs.mask.shape[4]!);
  /** Rows by slot to values by key head: [P·G, K × each] to [P, K, G, each]. */
  const byHead = (x: Value, ...each: number[]): Value =>
    op.transpose(g, op.reshape(g, x, [prompts, slots, keyHeads, ...each]), [
      0,
      2,
      1,
      ...each.map((_, axis) => axis + 3),
    ]);
  const rotate = (x: Value, count: number): Value =>
    op.rotaryEmbedding(g, op.reshape(g, x, [rows, 1, count * size]), cosine, sine, inputs.positions, count);
  /** All queries of a prompt below each other, and back. */
  const stacked = (x: Value): Value => op.reshape(g, x, [prompts, keyHeads, slots * queries, x.shape.at(-1)!]);
  const apart = (x: Value): Value => op.reshape(g, x, [prompts, keyHeads, slots, queries, x.shape.at(-1)!]);

  let hidden = op.gather(g, parameters.get('model.embed_tokens.weight')!, inputs.tokens);
  const keys: Value[] = [];
  const values: Value[] = [];
  for (const [index, cache] of inputs.cache.entries()) {
    const layer = layerOf(g, config, parameters, index);
    const normed = op.rmsNorm(g, hidden, layer.weight('input_layernorm'), config.rms_norm_eps);
    const q = byHead(rotate(projectHeads(layer, normed, 'q', heads), heads), queries, size);
    const k = byHead(rotate(projectHeads(layer, normed, 'k', keyHeads), keyHeads), size);
    const v = byHead(project(layer, normed, 'self_attn.v_proj'), size);
    const beside = (x: Value): Value => op.reshape(g, x, [prompts, keyHeads, slots, 1, size]);
    // The token's score with itself by a row sum: products of 2 × d by d × 1 matrices cost more than all the rest of it.
    const scale = 1 / Math.sqrt(size);
    const scores = [
      apart(op.matmul(g, stacked(q), cache.promptKeys, { transB: true, alpha: scale })),
      op.matmul(g, q, cache.ownKeys, { alpha: scale }),
      op.mul(g, op.reduceSum(g, op.mul(g, q, beside(k)), [4], true), g.scalar(scale)),
    ];
    const weights = op.softmax(g, op.add(g, op.concat(g, scores, 4), inputs.mask));
    let end = 0;
    const [ofPrompt, ofOwn, ofItself] = scores.map((part) => {
      const start = end;
      end += part.shape[4]!;
      return op.slice(g, weights, 4, start, end);
    }) as [Value, Value, Value];
    const before = op.add(
      g,
      apart(op.matmul(g, stacked(ofPrompt), cache.promptValues)),
      op.matmul(g, ofOwn, cache.ownValues),
    );
    const mixed = op.add(g, before, op.mul(g, ofItself, beside(v)));
    const bySlot = op.reshape(g, op.transpose(g, mixed, [0, 2, 1, 3, 4]), [rows, heads * size]);
    hidden = feedForward(layer, attentionOutput(layer, bySlot, hidden));
    keys.push(k);
    values.push(v);
  }
  return { hidden, keys, values };
}

/** Logits of hidden states: [rows, width] to [rows, V]. */
export function logitsOf(g: GraphBuilder, config: ModelConfig, parameters: ParameterValues, hidden: Value): Value {
  const normed = op.rmsNorm(g, hidden, parameters.get('model.norm.weight')!, config.rms_norm_eps);
  const head = config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return op.gemm(g, normed, parameters.get(head)!, { transB: true });
}
