/**
 * Graphs run by onnxruntime. A session is made once per graph and kept; arrays go in without a copy. It does not know
 * what the graphs compute.
 */
import { type Graph, stableProducts, type Value, writeOnnx } from '@evenkeel/graph';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { PolicyError } from './errors.ts';

/** What an input is given as. int64 is a BigInt64Array. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

export interface SessionOptions {
  /** Threads inside an operation. */
  readonly threads: number;
  /** In order of preference; the CPU by default. */
  readonly executionProviders?: readonly string[];
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
    try {
      const session = await InferenceSession.create(writeOnnx(stableProducts(graph)), {
        executionProviders: [...(options.executionProviders ?? ['cpu'])],
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
   * Runs the graph. The arrays are read during the run and not kept.
   *
   * @throws {PolicyError} `session-failed` if an input is missing or of a wrong size, or the run fails
   */
  async run(feeds: ReadonlyMap<string, TensorData>): Promise<ReadonlyMap<string, Float32Array>> {
    const tensors: Record<string, Tensor> = {};
    for (const { name, dtype, shape } of this.#inputs) {
      const data = feeds.get(name);
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      if (data?.length !== size) {
        throw new PolicyError(
          `Cannot run a graph: input ${name} has ${data?.length ?? 'no'} elements, expected ${size}`,
          { code: 'session-failed' },
        );
      }
      tensors[name] = new Tensor(dtype, data as Float32Array, shape);
    }
    try {
      const results = await this.#session.run(tensors);
      return new Map(Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array]));
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
