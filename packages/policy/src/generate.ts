/**
 * Completions by sampling. A prompt is computed once and its keys and values are shared by its samples. Prompts are seated, each with
 * slots for some of its samples; all slots decode together. A sample that has finished makes room at once: the next one of its prompt
 * takes the slot, and where there is none left and all slots of the seat are done, the next prompt takes the seat.
 *
 * Every draw is the caller's keyed uniform, so a completion depends on the weights, the prompt and its own draws. Prompts
 * are worked on longest first; the caller sees them in his own order.
 */
import type { Graph } from '@evenkeel/graph';
import { type Draw, drawAt, prefillGraph, type StepShape, stepGraph, stepName } from './decode-graph.ts';
import { PolicyError } from './errors.ts';
import { KeyValueCache, type PrefilledPrompt } from './key-value-cache.ts';
import type { ModelConfig } from './model-config.ts';
import { lengthBucket, packSequences, roundUp } from './pack-sequences.ts';
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
}

/** A prompt that has been computed and waits for a seat. */
interface ReadyPrompt extends PrefilledPrompt {
  readonly prompt: number;
}

/** A prompt in its seat, with what is written in each of its slots. */
interface Seat {
  readonly ready: ReadyPrompt;
  readonly slots: (Draft | undefined)[];
  /** Samples begun so far. */
  begun: number;
}

const PROMPT_STEP = 16;
const CACHE_STEP = 8;
/** Slots of a seat, where a prompt has so many samples: as many queries read the prompt's keys together. */
const LEAST_SLOTS = 4;
/** Fewer rows than this never decode together: MLAS sums a single row, or a few of many threads, in another order. */
const LEAST_ROWS = 16;

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
  return prompts.length === 0 ? [] : new Generation(prompts, options, context).run();
}

/** How many slots a seat has: all samples of a prompt at once, or a share of them where the batch is too small for that. */
function slotsFor(samples: number, prompts: number, decodeBatch: number): number {
  let slots = samples;
  for (let share = 2; slots * prompts > decodeBatch && Math.ceil(samples / share) >= LEAST_SLOTS; share++) {
    slots = Math.ceil(samples / share);
  }
  return Math.min(slots, decodeBatch);
}

/** The smallest static number of seats that holds so many prompts: a power of two, or as many as the batch has rows for. */
function seatsFor(prompts: number, slots: number, decodeBatch: number): number {
  const largest = Math.max(Math.ceil(LEAST_ROWS / slots), Math.floor(decodeBatch / slots));
  let seats = 1;
  while (seats < prompts || seats * slots < LEAST_ROWS) seats *= 2;
  return Math.min(seats, largest);
}

/** One call's work. */
class Generation {
  readonly #prompts: readonly Int32Array[];
  readonly #options: GenerateOptions;
  readonly #context: GenerateContext;
  readonly #draw: Draw;
  readonly #temperature: [string, TensorData][];
  readonly #slots: number;
  readonly #cache: KeyValueCache;
  readonly #promptLength: number;
  readonly #seats: Seat[] = [];
  readonly #completions: Completion[][];
  readonly #progress: { tokens: number; finished: number; readonly total: number };

  constructor(prompts: readonly Int32Array[], options: GenerateOptions, context: GenerateContext) {
    const { config, decodeBatch } = context;
    const { samplesPerPrompt, temperature } = options;
    this.#prompts = prompts;
    this.#options = options;
    this.#context = context;
    this.#draw = drawAt(temperature);
    this.#temperature = this.#draw === 'tempered' ? [['inverseTemperature', Float32Array.of(1 / temperature)]] : [];
    this.#slots = slotsFor(samplesPerPrompt, prompts.length, decodeBatch);
    const longest = Math.max(...prompts.map(({ length }) => length));
    this.#promptLength = lengthBucket(longest, PROMPT_STEP, config.max_position_embeddings);
    const limit = Math.max(...prompts.map((_, prompt) => this.#limit(prompt)));
    const shape = {
      prompts: seatsFor(prompts.length, this.#slots, decodeBatch),
      promptLength: this.#promptLength,
      slots: this.#slots,
    };
    // The last token of a completion is never read back, so it needs no place.
    this.#cache = new KeyValueCache(config, shape, roundUp(Math.max(1, limit - 1), CACHE_STEP));
    this.#completions = prompts.map(() => []);
    this.#progress = { tokens: 0, finished: 0, total: prompts.length * samplesPerPrompt };
  }

  async run(): Promise<Completion[][]> {
    const { decodeBatch } = this.#context;
    const waiting = this.#prefilled();
    const most = seatsFor(this.#prompts.length, this.#slots, decodeBatch);
    let next = await waiting.next();
    for (;;) {
      while (this.#seats.length < most && next.done !== true) {
        this.#seat(next.value);
        next = await waiting.next();
      }
      if (this.#seats.length === 0) return this.#completions;
      await this.#step(next.done === true ? seatsFor(this.#seats.length, this.#slots, decodeBatch) : most);
    }
  }

  /** Tokens that a prompt's completions have at most. */
  #limit(prompt: number): number {
    const room = this.#context.config.max_position_embeddings - this.#prompts[prompt]!.length;
    return Math.min(this.#options.maxNewTokens, room);
  }

  /** The prompts, computed a micro-batch at a time as they are asked for. */
  async *#prefilled(): AsyncGenerator<ReadyPrompt, undefined> {
    const { config, tokensPerRun, run } = this.#context;
    const whole = this.#prompts.map(({ length }) => ({ prefix: new Int32Array(), length }));
    const packing = { tokens: tokensPerRun, longest: config.max_position_embeddings };
    for (const packed of packSequences(whole, packing)) {
      const tokens = new Int32Array(packed.batch * packed.length);
      const last = new Int32Array(packed.batch);
      for (const [row, index] of packed.rows.entries()) {
        const prompt = this.#prompts[index]!;
        tokens.set(prompt, row * packed.length);
        last[row] = row * packed.length + prompt.length - 1;
      }
      const results = await run(
        `prefill/${this.#draw}/${packed.batch}x${packed.length}`,
        () => prefillGraph(config, this.#draw, packed),
        new Map<string, TensorData>([['tokens', tokens], ['last', last], ...this.#temperature]),
      );
      for (const [row, prompt] of packed.rows.entries()) {
        yield { prompt, results, row, padded: packed.length, length: this.#prompts[prompt]!.length };
      }
    }
  }

  /** Gives a prompt the next seat, and begins as many of its samples as there are slots. */
  #seat(ready: ReadyPrompt): void {
    const seat: Seat = { ready, slots: new Array<Draft | undefined>(this.#slots).fill(undefined), begun: 0 };
    const index = this.#seats.length;
    this.#cache.fill(index, ready);
    for (let slot = 0; slot < this.#slots; slot++) this.#begin(seat, index, slot);
    this.#report();
    if (seat.slots.some((draft) => draft !== undefined)) this.#seats.push(seat);
  }

  /** Begins the prompt's next sample in a slot: its first token comes out of the prompt itself. */
  #begin(seat: Seat, index: number, slot: number): void {
    seat.slots[slot] = undefined;
    while (seat.begun < this.#options.samplesPerPrompt) {
      const draft: Draft = { prompt: seat.ready.prompt, sample: seat.begun++, tokens: [], logprobs: [] };
      if (this.#finishes(draft, seat.ready.results, seat.ready.row)) continue;
      seat.slots[slot] = draft;
      this.#cache.begin(index, slot);
      return;
    }
  }

  /** One token for each sample under way. */
  async #step(prompts: number): Promise<void> {
    const { config, run } = this.#context;
    const shape: StepShape = {
      ...{ prompts, promptLength: this.#promptLength, slots: this.#slots },
      cached: this.#cache.cached,
    };
    const tokens = new Int32Array(prompts * this.#slots);
    const positions = new BigInt64Array(prompts * this.#slots);
    const places = this.#seats.flatMap(({ slots }, seat) =>
      slots.flatMap((draft, slot) => (draft === undefined ? [] : [{ seat, slot, draft }])),
    );
    for (const { seat, slot, draft } of places) {
      tokens[seat * this.#slots + slot] = draft.tokens.at(-1)!;
      positions[seat * this.#slots + slot] = BigInt(this.#cache.positionOf(seat, slot));
    }
    const results = await run(
      `step/${this.#draw}/${stepName(shape)}`,
      () => stepGraph(config, this.#draw, shape),
      new Map<string, TensorData>([
        ['tokens', tokens],
        ['positions', positions],
        ...this.#temperature,
        ...this.#cache.inputs(prompts),
      ]),
    );
    const done = new Set(
      places.filter(({ seat, slot, draft }) => this.#finishes(draft, results, seat * this.#slots + slot)),
    );
    this.#cache.append(
      results,
      places.filter((place) => !done.has(place)),
    );
    for (const { seat, slot } of done) this.#begin(this.#seats[seat]!, seat, slot);
    for (let index = this.#seats.length - 1; index >= 0; index--) {
      if (this.#seats[index]!.slots.some((draft) => draft !== undefined)) continue;
      const last = this.#seats.pop()!;
      if (index === this.#seats.length) continue;
      this.#cache.move(this.#seats.length, index);
      this.#seats[index] = last;
    }
    this.#report();
  }

  #report(): void {
    this.#options.onProgress?.({ ...this.#progress });
  }

  /** Draws a draft's next token from its row; whether it is finished with that. */
  #finishes(draft: Draft, results: Results, row: number): boolean {
    const { token, logprob } = drawToken(results, row, this.#context.config.vocab_size, this.#options, draft);
    draft.tokens.push(token);
    draft.logprobs.push(logprob);
    this.#progress.tokens++;
    const stopped = this.#options.stopTokens.includes(token);
    if (!stopped && draft.tokens.length < this.#limit(draft.prompt)) return false;
    this.#progress.finished++;
    this.#completions[draft.prompt]![draft.sample] = {
      tokens: Int32Array.from(draft.tokens),
      logprobs: Float32Array.from(draft.logprobs),
      finish: stopped ? 'stop' : 'length',
    };
    return true;
  }
}

/** A draft's next token, and its log-probability at temperature 1. */
function drawToken(
  results: Results,
  row: number,
  vocabulary: number,
  { temperature, uniform }: GenerateOptions,
  { prompt, sample, tokens }: Draft,
): { readonly token: number; readonly logprob: number } {
  const start = row * vocabulary;
  const logprobs = results.get('logprobs');
  const probabilities = results.get('probabilities');
  const token =
    temperature === 0
      ? mostProbable(logprobs!, start, vocabulary)
      : inverseCdf(probabilities!, start, vocabulary, uniform(prompt, sample, tokens.length));
  const logprob = logprobs === undefined ? Math.log(probabilities![start + token]!) : logprobs[start + token]!;
  if (!Number.isFinite(logprob)) {
    throw new PolicyError(
      `Cannot sample: the log-probability of a token is ${logprob}, expected a finite number; the weights may have diverged`,
      { code: 'policy-diverged' },
    );
  }
  return { token, logprob };
}

/** The first of the greatest. */
function mostProbable(logprobs: Float32Array, start: number, count: number): number {
  let token = 0;
  for (let index = 1; index < count; index++) if (logprobs[start + index]! > logprobs[start + token]!) token = index;
  return token;
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
