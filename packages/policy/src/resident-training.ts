/**
 * Training with weights, gradients and moments in a device's own memory. They are sent there once; then a minibatch sends its tokens
 * and advantages, and gets back its loss, its log-probabilities and the gradient's norm. Gradients of micro-batches are summed there and
 * AdamW runs there. It does not know where the batches come from, nor when the weights are wanted back.
 */
import type { Graph } from '@evenkeel/graph';
import type { AdamWOptions, AdamWState, AdamWStep } from './adamw.ts';
import {
  adamwGraph,
  copyGraph,
  momentNames,
  nextName,
  STEP_NUMBERS,
  type StepNumbers,
  sumGraph,
} from './adamw-graph.ts';
import type { Device } from './device.ts';
import { TOKENS_PER_RUN } from './engine-defaults.ts';
import { PolicyError } from './errors.ts';
import { type ModelConfig, type ParameterShape, parameterShapes } from './model-config.ts';
import { gradientName, trainGraph } from './objective-graph.ts';
import { packSequences, shapeName } from './pack-sequences.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { type DeviceTensor, GraphSession, type TensorData } from './session.ts';
import { branchesOf, normaliserOf, type TrainingBatch, trainingInputs } from './training-inputs.ts';
import { clipFraction, collectLogprobs } from './training-results.ts';

export interface ResidentTrainingOptions {
  readonly device: Device;
  readonly threads?: number;
  /** As of `PolicyEngine`. */
  readonly tokensPerRun?: number | undefined;
  readonly onWork?: () => void;
}

/** What one minibatch did. */
export interface ResidentStep extends AdamWStep {
  readonly loss: number;
  readonly kl: number;
  readonly logprobs: readonly Float32Array[];
  readonly clipFraction: number;
}

type Tensors = ReadonlyMap<string, DeviceTensor>;

/** The host's copies of what lies on the device. */
interface Host {
  readonly parameters: ParameterBuffer;
  readonly adam: AdamWState;
  readonly arrays: ReadonlyMap<string, Float32Array>;
}

export class ResidentTraining {
  readonly #config: ModelConfig;
  readonly #options: ResidentTrainingOptions;
  readonly #shapes: readonly ParameterShape[];
  /** Parameters and moments: what stays from step to step. */
  readonly #kept: readonly ParameterShape[];
  readonly #sessions = new Map<string, Promise<GraphSession>>();
  #host: Host | undefined;
  #state: Tensors = new Map();

  constructor(config: ModelConfig, options: ResidentTrainingOptions) {
    this.#config = config;
    this.#options = options;
    this.#shapes = parameterShapes(config);
    this.#kept = this.#shapes.flatMap(({ name, shape }) => {
      const { m, v } = momentNames(name);
      return [name, m, v].map((each) => ({ name: each, shape }));
    });
  }

  /** Sends weights and moments to the device. The arrays are stale from the next step on, until `download()`. */
  async upload(parameters: ParameterBuffer, adam: AdamWState): Promise<void> {
    const arrays = new Map<string, Float32Array>();
    const moments = { m: new ParameterBuffer(this.#config, adam.m), v: new ParameterBuffer(this.#config, adam.v) };
    for (const { name } of this.#shapes) {
      const names = momentNames(name);
      arrays.set(name, parameters.get(name)).set(names.m, moments.m.get(name)).set(names.v, moments.v.get(name));
    }
    this.#host = { parameters, adam, arrays };
    const { tensors } = await this.#run('upload', () => copyGraph(this.#kept), arrays, this.#kept.map(next));
    this.#take(named(tensors, this.#kept));
  }

  /**
   * One minibatch: loss, gradient, clipping, AdamW. Weight decay holds for matrices alone, as `decayRanges` has it.
   *
   * @throws {PolicyError} `gradient-not-finite`: weights and moments are as they were then; `sequence-invalid`, `objective-invalid`
   */
  async step(batch: TrainingBatch, options: AdamWOptions): Promise<ResidentStep> {
    const { adam } = this.#expectHost();
    const { objective, sequences } = batch;
    const normaliser = normaliserOf(batch);
    const logprobs = sequences.map(({ tokens, promptLength }) => new Float32Array(tokens.length - promptLength));
    const gradientNames = this.#shapes.map(({ name }) => gradientName(name));
    let gradients: Tensors | undefined;
    let loss = 0;
    let kl = 0;
    const packs = packSequences(branchesOf(sequences, objective), {
      tokens: this.#options.tokensPerRun ?? TOKENS_PER_RUN,
      longest: this.#config.max_position_embeddings,
    });
    for (const packed of packs) {
      const { arrays, tensors } = await this.#run(
        `train/${JSON.stringify(objective)}/${shapeName(packed)}`,
        () => trainGraph(this.#config, objective, packed),
        new Map<string, TensorData | DeviceTensor>([...this.#state, ...trainingInputs(packed, batch, normaliser)]),
        gradientNames,
      );
      loss += arrays.get('loss')![0]!;
      kl += arrays.get('kl')?.[0] ?? 0;
      collectLogprobs(packed, batch, arrays.get('logprobs')!, logprobs);
      gradients = gradients === undefined ? tensors : await this.#sum(gradients, tensors);
    }
    const step = await this.#adamw(gradients!, adam, options);
    return { loss, kl, logprobs, clipFraction: clipFraction(batch, logprobs), ...step };
  }

  /** Copies weights and moments into the arrays that were uploaded. They stay on the device too. */
  async download(): Promise<void> {
    const { arrays } = this.#expectHost();
    const results = await this.#run('download', () => copyGraph(this.#kept), this.#state, []);
    for (const { name } of this.#kept) arrays.get(name)!.set(results.arrays.get(nextName(name))!);
  }

  /** Gives the device's memory back. What was not downloaded is lost. */
  async dispose(): Promise<void> {
    this.#take(new Map());
    this.#host = undefined;
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  async #sum(sum: Tensors, more: Tensors): Promise<Tensors> {
    const names = this.#shapes.map(({ name }) => ({ name: gradientName(name) }));
    const feeds = new Map([...sum, ...[...more].map(([name, tensor]) => [`more:${name}`, tensor] as const)]);
    const { tensors } = await this.#run('sum', () => sumGraph(this.#shapes), feeds, names.map(next));
    for (const part of [...sum.values(), ...more.values()]) part.dispose();
    return named(tensors, names);
  }

  async #adamw(gradients: Tensors, adam: AdamWState, options: AdamWOptions): Promise<AdamWStep> {
    const numbers = stepNumbers(adam.step + 1, options);
    const feeds = new Map<string, TensorData | DeviceTensor>([
      ...this.#state,
      ...gradients,
      ...STEP_NUMBERS.map((name) => [name, Float32Array.of(numbers[name])] as const),
    ]);
    const { arrays, tensors } = await this.#run('adamw', () => adamwGraph(this.#shapes), feeds, this.#kept.map(next));
    for (const gradient of gradients.values()) gradient.dispose();
    const gradientNorm = arrays.get('gradientNorm')![0]!;
    if (!Number.isFinite(gradientNorm)) {
      for (const tensor of tensors.values()) tensor.dispose();
      throw new PolicyError(`Cannot update policy: the gradient's norm is ${gradientNorm}, expected a finite number`, {
        code: 'gradient-not-finite',
      });
    }
    this.#take(named(tensors, this.#kept));
    adam.step += 1;
    return { gradientNorm, gradientScale: Math.min(1, numbers.maxNorm / (gradientNorm + 1e-6)) };
  }

  async #run(
    key: string,
    build: () => Graph,
    feeds: ReadonlyMap<string, TensorData | DeviceTensor>,
    resident: readonly string[],
  ) {
    const { device, threads = 1, onWork } = this.#options;
    const made = this.#sessions.getOrInsertComputed(key, () =>
      GraphSession.create(build(), { device, threads, resident: new Set(resident) }),
    );
    // A session that could not be made may be asked for again.
    made.catch(() => this.#sessions.delete(key));
    onWork?.();
    const results = await (await made).run(feeds);
    onWork?.();
    return results;
  }

  #take(state: Tensors): void {
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state = state;
  }

  #expectHost(): Host {
    if (this.#host !== undefined) return this.#host;
    throw new PolicyError('Cannot train on the device: it has no weights, expected upload() first', {
      code: 'parameters-invalid',
    });
  }
}

const next = ({ name }: { readonly name: string }): string => nextName(name);

/** Outputs under the names of the inputs that they take the place of. */
function named(tensors: Tensors, values: readonly { readonly name: string }[]): Tensors {
  return new Map(values.map(({ name }) => [name, tensors.get(nextName(name))!]));
}

/** No clipping is a norm that no float32 gradient reaches. */
const NO_CLIPPING = 3e38;

function stepNumbers(step: number, options: AdamWOptions): StepNumbers {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return {
    ...{ beta1, beta2, epsilon, restOfBeta1: 1 - beta1, restOfBeta2: 1 - beta2 },
    maxNorm: options.maxGradientNorm ?? NO_CLIPPING,
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    rootCorrection: Math.sqrt(1 - beta2 ** step),
  };
}
