/**
 * Completions by sampling. A prompt is computed once and its keys and values are copied to its samples; sequences decode
 * together in static batches, and one that has finished leaves at once, its place taken by the last.
 *
 * Every draw is the caller's keyed uniform, so a completion depends on the weights, the prompt and its own draws. Prompts
 * are worked on longest first; the caller sees them in his own order.
 */
import type { Graph } from '@evenkeel/graph';
import { prefillGraph, stepGraph } from './decode-graph.ts';
import { PolicyError } from './errors.ts';
import { KeyValueCache } from './key-value-cache.ts';
import type { ModelConfig } from './model-config.ts';
import { packSequences, roundUp } from './pack-sequences.ts';
import type { TensorData } from './session.ts';

/** One sample. */
export interface Completion {
  /** With the stop token where it stopped. */
  readonly tokens: Int32Array;
  /**
   * Natural log-probabilities under the model itself, that is at temperature 1, whatever the tokens were drawn at: what a
   * policy gradient needs as π_old. At temperature 1 they are those of the draw.
   */
  readonly logprobs: Float32Array;
  /** `length`: as many tokens as asked for, or as the model can hold. */
  readonly finish: 'stop' | 'length';
}

export interface GenerateOptions {
  readonly samplesPerPrompt: number;
  readonly maxNewTokens: number;
  /** 0 takes the most probable token, the first one of several. */
  readonly temperature: number;
  readonly stopTokens: readonly number[];
  /** A number in [0, 1) for each draw: indices of prompt and sample, position within the completion. */
  readonly uniform: (prompt: number, sample: number, position: number) => number;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

export interface GenerateProgress {
  /** Tokens sampled so far. */
  readonly tokens: number;
  /** Completions finished, of how many. */
  readonly finished: number;
  readonly total: number;
}

/** What generation needs of an engine. */
export interface GenerateContext {
  readonly config: ModelConfig;
  readonly decodeBatch: number;
  readonly tokensPerRun: number;
  run(
    key: string,
    graph: () => Graph,
    inputs: ReadonlyMap<string, TensorData>,
  ): Promise<ReadonlyMap<string, Float32Array>>;
}

type Results = ReadonlyMap<string, Float32Array>;

/** A completion being written. */
interface Draft {
  readonly prompt: number;
  readonly sample: number;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly limit: number;
}

const CACHE_MULTIPLE = 32;

/**
 * Samples completions for each prompt.
 *
 * @returns per prompt, its samples in order
 * @throws {RangeError} on options out of range
 * @throws {PolicyError} `sequence-invalid` for a prompt that the model cannot hold
 */
export async function generateCompletions(
  prompts: readonly Int32Array[],
  options: GenerateOptions,
  context: GenerateContext,
): Promise<Completion[][]> {
  checkOptions(options);
  checkPrompts(prompts, context.config);
  const results: Completion[][] = prompts.map(() => []);
  let cache: KeyValueCache | undefined;
  const total = prompts.length * options.samplesPerPrompt;
  const progress = { tokens: 0, finished: 0, total };
  const report = (): void => options.onProgress?.({ ...progress });

  const order = prompts.map((_, index) => index).sort((a, b) => prompts[b]!.length - prompts[a]!.length || a - b);
  const samples = order.flatMap((prompt) =>
    Array.from({ length: options.samplesPerPrompt }, (_, sample) => ({ prompt, sample })),
  );
  for (let start = 0; start < samples.length; start += context.decodeBatch) {
    const drafts = samples.slice(start, start + context.decodeBatch).map((sample): Draft => {
      const room = context.config.max_position_embeddings - prompts[sample.prompt]!.length;
      return { ...sample, tokens: [], logprobs: [], limit: Math.min(options.maxNewTokens, room) };
    });
    cache = cacheFor(prompts, drafts, context, cache);
    await decodeTogether(prompts, drafts, options, context, cache, {
      sampled: (count) => {
        progress.tokens += count;
        report();
      },
      finished: ({ prompt, sample, tokens, logprobs }, finish) => {
        progress.finished++;
        results[prompt]![sample] = { tokens: Int32Array.from(tokens), logprobs: Float32Array.from(logprobs), finish };
      },
    });
  }
  return results;
}

interface Listener {
  sampled(count: number): void;
  finished(draft: Draft, finish: Completion['finish']): void;
}

function cacheFor(
  prompts: readonly Int32Array[],
  drafts: readonly Draft[],
  { config, decodeBatch }: GenerateContext,
  previous: KeyValueCache | undefined,
): KeyValueCache {
  // The last token of a completion is never read back, so it needs no place.
  const needed = Math.max(...drafts.map((draft) => prompts[draft.prompt]!.length + draft.limit - 1));
  const positions = Math.min(roundUp(needed, CACHE_MULTIPLE), config.max_position_embeddings);
  return new KeyValueCache(config, batchFor(drafts.length, decodeBatch), positions, previous);
}

async function decodeTogether(
  prompts: readonly Int32Array[],
  drafts: readonly Draft[],
  options: GenerateOptions,
  context: GenerateContext,
  cache: KeyValueCache,
  listener: Listener,
): Promise<void> {
  const { config } = context;
  const { positions } = cache;
  const active: Draft[] = [];
  const inverseTemperature = Float32Array.of(options.temperature > 0 ? 1 / options.temperature : 1);

  // Prompts: each distinct one once. The first token of each sample comes out of the same row.
  const distinct = [...new Set(drafts.map((draft) => draft.prompt))];
  const whole = distinct.map((prompt) => ({ prefix: new Int32Array(), length: prompts[prompt]!.length }));
  const packing = { tokens: context.tokensPerRun, longest: config.max_position_embeddings };
  for (const packed of packSequences(whole, packing)) {
    const tokens = new Int32Array(packed.batch * packed.length);
    const last = new Int32Array(packed.batch);
    for (const [row, index] of packed.rows.entries()) {
      const prompt = prompts[distinct[index]!]!;
      tokens.set(prompt, row * packed.length);
      last[row] = row * packed.length + prompt.length - 1;
    }
    const results = await context.run(
      `prefill/${packed.batch}x${packed.length}`,
      () => prefillGraph(config, packed),
      new Map<string, TensorData>([
        ['tokens', tokens],
        ['last', last],
        ['inverseTemperature', inverseTemperature],
      ]),
    );
    let sampled = 0;
    for (const [row, index] of packed.rows.entries()) {
      const prompt = distinct[index]!;
      for (const draft of drafts) {
        if (draft.prompt !== prompt) continue;
        sampled++;
        const finish = draw(draft, results, row, config.vocab_size, options);
        if (finish !== undefined) {
          listener.finished(draft, finish);
          continue;
        }
        cache.fill(active.length, results, row, packed.length, prompts[prompt]!.length);
        active.push(draft);
      }
    }
    listener.sampled(sampled);
  }

  while (active.length > 0) {
    const batch = batchFor(active.length, context.decodeBatch);
    const tokens = new Int32Array(batch);
    const at = new BigInt64Array(batch);
    for (const [row, draft] of active.entries()) {
      tokens[row] = draft.tokens.at(-1)!;
      at[row] = BigInt(cache.lengthOf(row));
    }
    const results = await context.run(
      `step/${batch}x${positions}`,
      () => stepGraph(config, { batch, cached: positions }),
      new Map<string, TensorData>([
        ['tokens', tokens],
        ['positions', at],
        ['inverseTemperature', inverseTemperature],
        ...cache.inputs(batch),
      ]),
    );
    const sampled = active.length;
    const finishes = active.map((draft, row) => draw(draft, results, row, config.vocab_size, options));
    cache.append(active.length, results);
    for (let row = active.length - 1; row >= 0; row--) {
      const finish = finishes[row];
      if (finish === undefined) continue;
      listener.finished(active[row]!, finish);
      const lastDraft = active.pop()!;
      if (row < active.length) {
        cache.move(active.length, row);
        active[row] = lastDraft;
      }
    }
    listener.sampled(sampled);
  }
}

/** The smallest static batch that holds so many rows: a power of two, 4 at least, or the largest batch. */
function batchFor(rows: number, largest: number): number {
  let batch = 4;
  while (batch < rows) batch *= 2;
  return rows === 1 ? 1 : Math.min(batch, largest);
}

/** Draws a draft's next token from its row; says how it finished, if it did. */
function draw(
  draft: Draft,
  results: Results,
  row: number,
  vocabulary: number,
  options: GenerateOptions,
): Completion['finish'] | undefined {
  const start = row * vocabulary;
  const logprobs = results.get('logprobs')!;
  let token: number;
  if (options.temperature === 0) {
    token = 0;
    for (let index = 1; index < vocabulary; index++)
      if (logprobs[start + index]! > logprobs[start + token]!) token = index;
  } else {
    const uniform = options.uniform(draft.prompt, draft.sample, draft.tokens.length);
    token = inverseCdf(results.get('probabilities')!, start, vocabulary, uniform);
  }
  const logprob = logprobs[start + token]!;
  if (!Number.isFinite(logprob)) {
    throw new PolicyError(
      `Cannot sample: the log-probability of a token is ${logprob}, expected a finite number; the weights may have diverged`,
      {
        code: 'policy-diverged',
      },
    );
  }
  draft.tokens.push(token);
  draft.logprobs.push(logprob);
  if (options.stopTokens.includes(token)) return 'stop';
  return draft.tokens.length >= draft.limit ? 'length' : undefined;
}

/** The first index at which the running sum, in double precision, exceeds the uniform; never one of probability 0. */
function inverseCdf(probabilities: Float32Array, start: number, count: number, uniform: number): number {
  let sum = 0;
  let last = 0;
  for (let index = 0; index < count; index++) {
    const probability = probabilities[start + index]!;
    if (!(probability > 0)) continue;
    sum += probability;
    last = index;
    if (sum > uniform) return index;
  }
  // The probabilities sum to 1 only within rounding: what is left belongs to the last one.
  return last;
}

function checkOptions({ samplesPerPrompt, maxNewTokens, temperature }: GenerateOptions): void {
  const refuse = (name: string, value: number, wish: string): never => {
    throw new RangeError(`Cannot generate: ${name} is ${value}, expected ${wish}`);
  };
  if (!Number.isSafeInteger(samplesPerPrompt) || samplesPerPrompt < 1)
    refuse('samplesPerPrompt', samplesPerPrompt, 'an integer of 1 or more');
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1)
    refuse('maxNewTokens', maxNewTokens, 'an integer of 1 or more');
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse('temperature', temperature, 'a number of 0 or more');
}

function checkPrompts(prompts: readonly Int32Array[], config: ModelConfig): void {
  const longest = config.max_position_embeddings - 1;
  for (const [index, prompt] of prompts.entries()) {
    const refuse = (state: string, wish: string): never => {
      throw new PolicyError(`Cannot generate for prompt ${index}: ${state}, expected ${wish}`, {
        code: 'sequence-invalid',
      });
    };
    if (prompt.length < 1 || prompt.length > longest) refuse(`it has ${prompt.length} tokens`, `1 to ${longest}`);
    for (const token of prompt) {
      if (!(token >= 0 && token < config.vocab_size)) refuse(`it has token ${token}`, `0 to ${config.vocab_size - 1}`);
    }
  }
}
