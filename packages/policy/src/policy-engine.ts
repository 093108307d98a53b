/**
 * A policy at work: log-probabilities, losses with gradients, and completions, all through onnxruntime. It runs in
 * whatever thread makes it. Sessions are made on first use, one per static shape; weights are passed in, so an update
 * costs nothing here.
 *
 * Bits: on the CPU the same calls give the same bits, whatever the number of threads.
 */
import type { Graph } from '@evenkeel/graph';
import { type Device, deviceCapabilities, expectDevice } from './device.ts';
import { DECODE_BATCH, KEPT_PEAK_BYTES, KEPT_SESSION_BYTES, TOKENS_PER_RUN } from './engine-defaults.ts';
import { PolicyError } from './errors.ts';
import { type Completion, type GenerateOptions, generateCompletions } from './generate.ts';
import { type LoraAdapter, loraShapes, trainedShapes } from './lora.ts';
import { graphMemory } from './memory-graph.ts';
import { checkModelConfig, type ModelConfig, type ParameterShape, parameterShapes } from './model-config.ts';
import { gradientName, scoreGraph, type TrainingObjective, trainGraph } from './objective-graph.ts';
import { type PackedBatch, packSequences, shapeName } from './pack-sequences.ts';
import { ParameterBuffer, type Parameters } from './parameter-buffer.ts';
import { RecentlyUsed } from './recently-used.ts';
import { ResidentParameters } from './resident-parameters.ts';
import { ResidentTraining } from './resident-training.ts';
import { type DeviceTensor, GraphSession, type TensorData } from './session.ts';
import {
  branchesOf,
  normaliserOf,
  type ScoredSequence,
  type TrainingBatch,
  type TrainingSequence,
  tokenInputs,
  trainingInputs,
} from './training-inputs.ts';
import { clipFraction, collectLogprobs } from './training-results.ts';

export interface PolicyEngineOptions {
  /** Threads inside an operation; 1 by default. */
  readonly threads?: number;
  /** Default: the CPU. The engine does not look whether it is there: see `chooseDevice`. */
  readonly device?: Device;
  /** Positions in one run of a train or score graph; 512 by default: as fast as more, with less memory. */
  readonly tokensPerRun?: number;
  /** Sequences that decode together; 256 by default. */
  readonly decodeBatch?: number;
  /** Called before and after each run of a graph: the work goes on. */
  readonly onWork?: () => void;
}

export interface LossAndGradient {
  readonly loss: number;
  readonly gradients: ParameterBuffer;
  /** Log-probabilities of each sequence's completion tokens under the weights that the gradient was taken at. */
  readonly logprobs: readonly Float32Array[];
  /** Share of the completion tokens whose ratio lies outside the clip range; 0 for a loss that clips nothing. */
  readonly clipFraction: number;
  /** The KL term as it stands in the loss; 0 where there is none. */
  readonly kl: number;
}

/** A session that is kept, and what it holds in memory between its runs. */
interface KeptSession {
  readonly session: Promise<GraphSession>;
  readonly bytes: number;
}

const SESSIONS = 128;

export class PolicyEngine {
  readonly config: ModelConfig;
  readonly #options: PolicyEngineOptions;
  readonly #sessions = new RecentlyUsed<KeptSession>({
    maxCount: SESSIONS,
    maxBytes: KEPT_SESSION_BYTES,
    bytesOf: ({ bytes }) => bytes,
    onOut: ({ session }) => void session.then((made) => made.release()).catch(() => undefined),
  });
  #parameters: Parameters | undefined;
  #resident: ResidentTraining | undefined;
  /** On a device with memory of its own. */
  readonly #weights: ResidentParameters | undefined;
  #adapter: LoraAdapter | undefined;

  /** @throws {PolicyError} `model-config-invalid`, `device-unsupported` */
  constructor(config: ModelConfig, options: PolicyEngineOptions = {}) {
    checkModelConfig(config);
    if (options.device !== undefined) expectDevice(options.device);
    this.config = config;
    this.#options = options;
    const { device = 'cpu' } = options;
    if (deviceCapabilities[device].keepsTensors) this.#weights = new ResidentParameters(config, device);
  }

  /**
   * Takes the weights. On the CPU they are not copied: what is written into the arrays later counts from the next run on. A device
   * that keeps them gets them at the next run, and again after this is called again.
   *
   * @param adapter stands beside the weights in losses and scores, and is then what gradients are by
   * @throws {PolicyError} `parameters-invalid` if a tensor is missing, has another size, or lies in shared memory
   */
  setParameters(parameters: Parameters, adapter?: LoraAdapter): void {
    this.#check(parameters, parameterShapes(this.config));
    if (adapter !== undefined) this.#check(adapter.parameters.views, loraShapes(this.config, adapter.lora));
    this.#parameters = parameters;
    this.#weights?.drop();
    this.#adapter = adapter;
  }

  #check(parameters: Parameters, shapes: readonly ParameterShape[]): void {
    for (const { name, shape } of shapes) {
      const data = parameters.get(name);
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      const refuse = (state: string, wish: string): never => {
        throw new PolicyError(`Cannot take parameters: ${name} ${state}, expected ${wish}`, {
          code: 'parameters-invalid',
        });
      };
      if (data?.length !== size) refuse(`has ${data?.length ?? 'no'} elements`, `${size}`);
      if (data!.buffer instanceof SharedArrayBuffer) refuse('lies in shared memory', 'a copy of its own per thread');
    }
  }

  /**
   * Loss of a batch and its gradient by every parameter; where there is an adapter, by its parameters alone.
   *
   * @param into gradients to add to; fresh ones by default
   * @throws {PolicyError} `sequence-invalid` for a sequence that the model cannot hold, `objective-invalid`
   */
  async lossAndGradient(batch: TrainingBatch, into?: ParameterBuffer): Promise<LossAndGradient> {
    const { objective, sequences } = batch;
    this.#checkSequences(sequences);
    const normaliser = normaliserOf(batch);
    const lora = this.#adapter?.lora;
    const sum = into ?? new ParameterBuffer(trainedShapes(this.config, lora));
    const logprobs = sequences.map(({ tokens, promptLength }) => new Float32Array(tokens.length - promptLength));
    let loss = 0;
    let kl = 0;
    for (const packed of this.#pack(sequences, objective)) {
      const session = await this.#session(`train/${JSON.stringify([objective, lora])}/${shapeName(packed)}`, () =>
        trainGraph(this.config, objective, packed, lora),
      );
      const results = await this.#run(session, trainingInputs(packed, batch, normaliser));
      loss += results.get('loss')![0]!;
      kl += results.get('kl')?.[0] ?? 0;
      collectLogprobs(packed, batch, results.get('logprobs')!, logprobs);
      for (const [name, total] of sum.views) {
        const part = results.get(gradientName(name))!;
        for (let index = 0; index < total.length; index++) total[index]! += part[index]!;
      }
    }
    return { loss, kl, gradients: sum, logprobs, clipFraction: clipFraction(batch, logprobs) };
  }

  /**
   * Natural log-probabilities of each sequence's completion tokens, float32.
   *
   * @throws {PolicyError} `sequence-invalid` for a sequence that the model cannot hold
   */
  async score(sequences: readonly ScoredSequence[]): Promise<Float32Array[]> {
    this.#checkSequences(sequences);
    const logprobs = sequences.map(({ tokens, promptLength }) => new Float32Array(tokens.length - promptLength));
    for (const packed of this.#pack(sequences)) {
      const lora = this.#adapter?.lora;
      const session = await this.#session(`score/${JSON.stringify([lora])}/${shapeName(packed)}`, () =>
        scoreGraph(this.config, packed, lora),
      );
      const results = await this.#run(session, tokenInputs(packed, sequences));
      collectLogprobs(packed, { sequences }, results.get('logprobs')!, logprobs);
    }
    return logprobs;
  }

  /**
   * Samples completions. See {@link generateCompletions}.
   *
   * @returns per prompt, its samples in order
   * @throws {PolicyError} `sequence-invalid` for a prompt that the model cannot hold; `lora-unmerged` where an adapter stands beside
   *   the weights
   */
  async generate(prompts: readonly Int32Array[], options: GenerateOptions): Promise<Completion[][]> {
    if (this.#adapter !== undefined) {
      throw new PolicyError(
        'Cannot generate: an adapter stands beside the weights, expected merged ones: mergeLora() first',
        { code: 'lora-unmerged' },
      );
    }
    return generateCompletions(prompts, options, {
      config: this.config,
      decodeBatch: this.#options.decodeBatch ?? DECODE_BATCH,
      tokensPerRun: this.#options.tokensPerRun ?? TOKENS_PER_RUN,
      run: async (key, graph, inputs) => await this.#run(await this.#session(key, graph), inputs),
    });
  }

  /** Training with weights and moments on the device; null where it keeps none (`deviceCapabilities`), and beside an adapter. */
  residentTraining(): ResidentTraining | null {
    const { device = 'cpu' } = this.#options;
    if (!deviceCapabilities[device].keepsTensors || this.#adapter !== undefined) return null;
    this.#resident ??= new ResidentTraining(this.config, { ...this.#options, device });
    return this.#resident;
  }

  /** Releases every session. The engine can be used again, and makes them anew. */
  async dispose(): Promise<void> {
    await this.#resident?.dispose();
    await this.#weights?.dispose();
    for (const { session } of this.#sessions.clear()) await (await session).release();
  }

  #pack(sequences: readonly TrainingSequence[], objective?: TrainingObjective): PackedBatch[] {
    return packSequences(branchesOf(sequences, objective), {
      tokens: this.#options.tokensPerRun ?? TOKENS_PER_RUN,
      longest: this.config.max_position_embeddings,
    });
  }

  async #run(
    session: GraphSession,
    inputs: ReadonlyMap<string, TensorData>,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    this.#options.onWork?.();
    const { arrays } = await session.run(await this.#feeds(inputs));
    this.#options.onWork?.();
    return arrays;
  }

  async #feeds(inputs: ReadonlyMap<string, TensorData>): Promise<ReadonlyMap<string, TensorData | DeviceTensor>> {
    if (this.#parameters === undefined) {
      throw new PolicyError('Cannot run the policy: it has no parameters, expected setParameters() first', {
        code: 'parameters-invalid',
      });
    }
    const weights = (await this.#weights?.from(this.#parameters)) ?? this.#parameters;
    return new Map<string, TensorData | DeviceTensor>([
      ...weights,
      ...(this.#adapter?.parameters.views ?? []),
      ...inputs,
    ]);
  }

  #session(key: string, build: () => Graph): Promise<GraphSession> {
    const kept = this.#sessions.get(key);
    if (kept !== undefined) return kept.session;
    const { device = 'cpu', threads = 1 } = this.#options;
    const graph = build();
    const { peakBytes, constantBytes } = graphMemory(graph, () => 'all');
    const keepsMemory = peakBytes <= KEPT_PEAK_BYTES;
    const session = GraphSession.create(graph, { device, threads, keepsMemory });
    // A session that could not be made may be asked for again.
    session.catch(() => this.#sessions.take(key));
    this.#sessions.put(key, { session, bytes: constantBytes + (keepsMemory ? peakBytes : 0) });
    return session;
  }

  #checkSequences(sequences: readonly ScoredSequence[]): void {
    const longest = this.config.max_position_embeddings;
    for (const [index, { tokens, promptLength }] of sequences.entries()) {
      const refuse = (state: string, wish: string): never => {
        throw new PolicyError(`Cannot run sequence ${index}: ${state}, expected ${wish}`, { code: 'sequence-invalid' });
      };
      if (tokens.length < 2 || tokens.length > longest) refuse(`it has ${tokens.length} tokens`, `2 to ${longest}`);
      if (!(promptLength >= 1 && promptLength <= tokens.length))
        refuse(`its prompt has ${promptLength} tokens`, `1 to ${tokens.length}`);
      for (const token of tokens) {
        if (!(token >= 0 && token < this.config.vocab_size))
          refuse(`it has token ${token}`, `0 to ${this.config.vocab_size - 1}`);
      }
    }
  }
}
