/**
 * Training with weights, gradients and moments in a device's own memory. They are sent there once; then a minibatch sends its tokens
 * and advantages, and gets back its loss, its log-probabilities and the gradient's norm. Gradients of micro-batches are summed there and
 * AdamW runs there. It does not know where the batches come from, nor when the weights are wanted back.
 */
import { type Graph, sizeOf } from '@evenkeel/graph';
import type { AdamWOptions, AdamWState, AdamWStep } from './adamw.ts';
import {
  adamwGraph,
  copyGraph,
  gradientNormGraph,
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
  /**
   * AdamW and sums of gradients take tensors of so many bytes at a time, or one: new values need room beside the old ones. Default:
   * 256 MiB.
   */
  readonly groupBytes?: number;
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
  /** The parameters, in groups that are worked on together. */
  readonly #groups: readonly (readonly ParameterShape[])[];
  readonly #sessions = new Map<string, Promise<GraphSession>>();
  #host: Host | undefined;
  #state = new Map<string, DeviceTensor>();

  constructor(config: ModelConfig, options: ResidentTrainingOptions) {
    this.#config = config;
    this.#options = options;
    this.#shapes = parameterShapes(config);
    this.#kept = this.#shapes.flatMap(withMoments);
    this.#groups = groupsOf(this.#shapes, options.groupBytes ?? 2 ** 28);
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
    this.#drop();
    replace(this.#state, tensors, this.#kept);
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
    const gradients = new Map<string, DeviceTensor>();
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
      await this.#addTo(gradients, tensors);
    }
    const step = await this.#adamw(gradients, adam, options);
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
    this.#drop();
    this.#host = undefined;
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  /** Adds gradients to the sum of those before them, which they become where there are none. */
  async #addTo(sum: Map<string, DeviceTensor>, more: Tensors): Promise<void> {
    if (sum.size === 0) {
      for (const [name, tensor] of more) sum.set(name, tensor);
      return;
    }
    for (const [index, group] of this.#groups.entries()) {
      const names = group.map(({ name }) => ({ name: gradientName(name) }));
      const feeds = new Map(
        names.flatMap(({ name }) => [[name, sum.get(name)!] as const, [`more:${name}`, more.get(name)!] as const]),
      );
      const { tensors } = await this.#run(`sum/${index}`, () => sumGraph(group), feeds, names.map(next));
      replace(sum, tensors, names);
      for (const { name } of names) more.get(name)!.dispose();
    }
  }

  async #adamw(gradients: Tensors, adam: AdamWState, options: AdamWOptions): Promise<AdamWStep> {
    const { arrays } = await this.#run('norm', () => gradientNormGraph(this.#shapes), gradients, []);
    const gradientNorm = arrays.get('gradientNorm')![0]!;
    if (!Number.isFinite(gradientNorm)) {
      for (const gradient of gradients.values()) gradient.dispose();
      throw new PolicyError(`Cannot update policy: the gradient's norm is ${gradientNorm}, expected a finite number`, {
        code: 'gradient-not-finite',
      });
    }
    const { maxGradientNorm = Number.POSITIVE_INFINITY } = options;
    const gradientScale = Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
    const numbers = stepNumbers(adam.step + 1, gradientScale, options);
    for (const [index, group] of this.#groups.entries()) {
      const kept = group.flatMap(withMoments);
      const feeds = new Map<string, TensorData | DeviceTensor>([
        ...kept.map(({ name }) => [name, this.#state.get(name)!] as const),
        ...group.map(({ name }) => [gradientName(name), gradients.get(gradientName(name))!] as const),
        ...STEP_NUMBERS.map((name) => [name, Float32Array.of(numbers[name])] as const),
      ]);
      const { tensors } = await this.#run(`adamw/${index}`, () => adamwGraph(group), feeds, kept.map(next));
      replace(this.#state, tensors, kept);
      for (const { name } of group) gradients.get(gradientName(name))!.dispose();
    }
    adam.step += 1;
    return { gradientNorm, gradientScale };
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

  #drop(): void {
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state.clear();
  }

  #expectHost(): Host {
    if (this.#host !== undefined) return this.#host;
    throw new PolicyError('Cannot train on the device: it has no weights, expected upload() first', {
      code: 'parameters-invalid',
    });
  }
}

const next = ({ name }: { readonly name: string }): string => nextName(name);

/** A parameter and its moments. */
function withMoments({ name, shape }: ParameterShape): ParameterShape[] {
  const { m, v } = momentNames(name);
  return [name, m, v].map((each) => ({ name: each, shape }));
}

/** Neighbours together, as many as the bytes allow; a larger tensor by itself. */
function groupsOf(shapes: readonly ParameterShape[], bytes: number): ParameterShape[][] {
  const groups: ParameterShape[][] = [];
  let room = 0;
  for (const parameter of shapes) {
    const size = Float32Array.BYTES_PER_ELEMENT * sizeOf(parameter.shape);
    if (groups.length === 0 || size > room) {
      groups.push([]);
      room = bytes;
    }
    groups.at(-1)!.push(parameter);
    room -= size;
  }
  return groups;
}

/** Outputs take the place of the inputs that they are the next values of. */
function replace(
  held: Map<string, DeviceTensor>,
  outputs: Tensors,
  values: readonly { readonly name: string }[],
): void {
  for (const { name } of values) {
    held.get(name)?.dispose();
    held.set(name, outputs.get(nextName(name))!);
  }
}

function stepNumbers(step: number, gradientScale: number, options: AdamWOptions): StepNumbers {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return {
    ...{ gradientScale, beta1, beta2, epsilon, restOfBeta1: 1 - beta1, restOfBeta2: 1 - beta2 },
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    rootCorrection: Math.sqrt(1 - beta2 ** step),
  };
}
