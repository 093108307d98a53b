/**
 * How fast onnxruntime multiplies matrices of one shape, alone in a graph: what the engine's training is measured against. The sessions
 * get the engine's own options.
 */
import { GraphBuilder, op, writeOnnx } from '@evenkeel/graph';
import type { SessionEvents } from './operation-table.ts';
import { engineRuntime, type RuntimeSession } from './session-profile.ts';

/** A product M × K by K × N. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
  /** How often training does it, in a profile. */
  readonly count: number;
}

const LEAST_MS = 150;
const IN_A_RUN = 8;

/** One session with one product. */
export class ProductRate {
  readonly #session: RuntimeSession;
  readonly #feeds: Readonly<Record<string, unknown>>;
  readonly #flops: number;

  private constructor(session: RuntimeSession, feeds: Readonly<Record<string, unknown>>, flops: number) {
    this.#session = session;
    this.#feeds = feeds;
    this.#flops = flops;
  }

  static async create(product: Product, options: Readonly<Record<string, unknown>>): Promise<ProductRate> {
    const { m, n, k, transA, transB } = product;
    const g = new GraphBuilder('product');
    const a = g.input('a', 'float32', transA ? [k, m] : [m, k]);
    const b = g.input('b', 'float32', transB ? [n, k] : [k, n]);
    // Several in a run, each with a factor of its own, or they would be computed once; one row of each comes out, for whole results are
    // copied, which would count as time of the product.
    const rows = Array.from({ length: IN_A_RUN }, (_, index) =>
      op.slice(g, op.gemm(g, a, b, { transA, transB, alpha: 1 + index / 16 }), 0, 0, 1),
    );
    g.output('y', op.concat(g, rows, 0));
    const { InferenceSession, Tensor } = engineRuntime();
    const session = await InferenceSession.create(writeOnnx(g.build()), options);
    const filled = (shape: readonly number[]) => {
      const data = Float32Array.from({ length: shape[0]! * shape[1]! }, (_, index) => ((index % 17) - 8) / 8);
      return new Tensor('float32', data, shape);
    };
    return new ProductRate(session, { a: filled(a.shape), b: filled(b.shape) }, IN_A_RUN * 2 * m * n * k);
  }

  /** Floating-point operations per second: the best of some stretches. */
  async measure(): Promise<number> {
    const from = performance.now();
    let best = Number.POSITIVE_INFINITY;
    while (performance.now() - from < LEAST_MS) {
      const start = performance.now();
      await this.#session.run(this.#feeds);
      best = Math.min(best, performance.now() - start);
    }
    return this.#flops / (best / 1000);
  }
}

/** The products of two matrices that the profiled sessions did, by shape. Those of attention, which have batches, are left out. */
export function trainingProducts(sessions: readonly SessionEvents[]): Product[] {
  const products = new Map<string, Product>();
  for (const { op: name, inputs, outputs } of sessions.flatMap(({ operations }) => operations)) {
    const form = /^Gemm A(ᵀ?)·B(ᵀ?)$/.exec(name);
    const [a, y] = [inputs[0], outputs[0]];
    if (form === null || a?.length !== 2 || y?.length !== 2) continue;
    const [transA, transB] = [form[1] !== '', form[2] !== ''];
    const [m, n] = y as [number, number];
    const k = transA ? a[0]! : a[1]!;
    const key = `${m}/${n}/${k}/${transA}/${transB}`;
    products.set(key, { m, n, k, transA, transB, count: (products.get(key)?.count ?? 0) + 1 });
  }
  // The thin ones (sums written as products) cost nothing and have no rate worth the name.
  return [...products.values()].filter(({ m, n, k }) => Math.min(m, n, k) >= 16);
}
