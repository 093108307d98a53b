/**
 * Graphs run by onnxruntime on a device. A session is made once per graph and kept; arrays go in without a copy on the CPU, and
 * results may stay on a device that has memory of its own. It does not know what the graphs compute.
 */
import { type Graph, lowerFor, type Value, writeOnnx } from '@evenkeel/graph';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Device } from './device.ts';
import { PolicyError } from './errors.ts';

/** What an input is given as. int64 is a BigInt64Array. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

/**
 * A value that lies in a device's memory: an output of one run and an input of others. Its content cannot be read here (onnxruntime
 * ends the process on that): a session with outputs on the host copies it.
 */
export type DeviceTensor = Tensor;

export interface SessionOptions {
  /** Threads inside an operation. */
  readonly threads: number;
  /** Default: the CPU. What its provider has no kernel for, onnxruntime computes on the CPU. */
  readonly device?: Device;
  /** Outputs that stay on the device; none by default. */
  readonly resident?: ReadonlySet<string>;
  /**
   * Whether memory stays with the session from run to run: faster by 40 % for small graphs, but what a run took at its peak is held
   * for as long as the session lives. Default: it does.
   */
  readonly keepsMemory?: boolean;
}

/** One graph, ready to run. */
export class GraphSession {
  readonly #session: InferenceSession;
  readonly #inputs: readonly Value[];

  private constructor(session: InferenceSession, inputs: readonly Value[]) {
    this.#session = session;
    this.#inputs = inputs;
  }

  /** @throws {PolicyError} `session-failed` if onnxruntime refuses the graph or the provider */
  static async create(graph: Graph, options: SessionOptions): Promise<GraphSession> {
    const { device = 'cpu', resident } = options;
    try {
      const session = await InferenceSession.create(writeOnnx(lowerFor(device, graph)), {
        executionProviders: [device],
        ...(resident === undefined ? {} : { preferredOutputLocation: locations(graph, resident) }),
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'basic',
        logSeverityLevel: 3,
        // A planned block per session doubles its memory (the arena of the first run stays), and was no faster here.
        enableMemPattern: false,
        enableCpuMemArena: options.keepsMemory ?? true,
        // Threads that wait by spinning starve each other where several processes share the cores: with as many busy
        // threads as cores beside it a run took 3 to 5 times as long.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      return new GraphSession(session, graph.inputs);
    } catch (error) {
      throw new PolicyError(
        `Cannot prepare graph ${graph.name}: onnxruntime refused it, expected a supported device and graph`,
        {
          code: 'session-failed',
          cause: error,
        },
      );
    }
  }

  /**
   * Runs the graph on arrays, which are read during the run and not kept, and on values that lie on the device already. Resident
   * outputs are the caller's to dispose of.
   *
   * @throws {PolicyError} `session-failed` if an input is missing or of a wrong size, or the run fails
   */
  async run(feeds: ReadonlyMap<string, TensorData | DeviceTensor>): Promise<{
    readonly arrays: ReadonlyMap<string, Float32Array>;
    readonly tensors: ReadonlyMap<string, DeviceTensor>;
  }> {
    const inputs: Record<string, Tensor> = {};
    for (const { name, dtype, shape } of this.#inputs) {
      const data = feeds.get(name);
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      const given = data instanceof Tensor ? data.size : (data as TensorData | undefined)?.length;
      if (given !== size) {
        throw new PolicyError(`Cannot run a graph: input ${name} has ${given ?? 'no'} elements, expected ${size}`, {
          code: 'session-failed',
        });
      }
      inputs[name] = data instanceof Tensor ? data : new Tensor(dtype, data as Float32Array, shape);
    }
    try {
      const arrays = new Map<string, Float32Array>();
      const tensors = new Map<string, DeviceTensor>();
      for (const [name, tensor] of Object.entries(await this.#session.run(inputs))) {
        if (tensor.location === 'gpu-buffer') tensors.set(name, tensor);
        else arrays.set(name, tensor.data as Float32Array);
      }
      return { arrays, tensors };
    } catch (error) {
      throw new PolicyError('Cannot run a graph: onnxruntime failed, expected it to finish', {
        code: 'session-failed',
        cause: error,
      });
    }
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function locations(graph: Graph, resident: ReadonlySet<string>): Record<string, 'gpu-buffer' | 'cpu'> {
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, resident.has(name) ? 'gpu-buffer' : 'cpu']));
}
