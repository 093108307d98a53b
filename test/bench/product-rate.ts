/**
 * How fast onnxruntime multiplies matrices of given shapes, alone in a graph: what the engine's training is measured against. The
 * sessions get the engine's own options.
 */
import { GraphBuilder, op, sizeOf, writeOnnx } from '@evenkeel/graph';
import { productFlops, type SessionEvents } from './operation-table.ts';
import { engineRuntime, type RuntimeSession } from './session-profile.ts';

/** A product of matrices, or of stacks of them. */
export interface Product {
  readonly op: 'Gemm' | 'FusedMatMul';
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transA: boolean;
  readonly transB: boolean;
  readonly flops: number;
  /** How often training does it, in a profile. */
  readonly count: number;
}

/** The product of two square matrices. */
export function squareProduct(side: number): Product {
  const shape = [side, side];
  return { op: 'FusedMatMul', a: shape, b: shape, transA: false, transB: false, flops: 2 * side ** 3, count: 1 };
}

const LEAST_MS = 100;
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
    const { transA, transB } = product;
    const g = new GraphBuilder('product');
    const a = g.input('a', 'float32', product.a);
    const b = g.input('b', 'float32', product.b);
    const multiply = product.op === 'Gemm' ? op.gemm : op.matmul;
    // Several in a run, each with a factor of its own, or they would be computed once; a slice of each comes out, for whole results
    // are copied, which would count as time of the product.
    const rows = Array.from({ length: IN_A_RUN }, (_, index) =>
      op.slice(g, multiply(g, a, b, { transA, transB, alpha: 1 + index / 16 }), 0, 0, 1),
    );
    g.output('y', op.concat(g, rows, 0));
    const { InferenceSession, Tensor } = engineRuntime();
    const session = await InferenceSession.create(writeOnnx(g.build()), options);
    const filled = (shape: readonly number[]) => {
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, index) => ((index % 17) - 8) / 8);
      return new Tensor('float32', data, shape);
    };
    return new ProductRate(session, { a: filled(a.shape), b: filled(b.shape) }, IN_A_RUN * product.flops);
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

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** The products that the profiled sessions did, by shape: at most so many, those with the most operations. */
export function trainingProducts(sessions: readonly SessionEvents[], most = 40): Product[] {
  const products = new Map<string, Product>();
  for (const event of sessions.flatMap(({ operations }) => operations)) {
    const form = /^(Gemm|FusedMatMul) A(ᵀ?)·B(ᵀ?)$/.exec(event.op);
    const [a, b] = event.inputs;
    if (form === null || a === undefined || b === undefined) continue;
    const key = `${event.op}/${a}/${b}`;
    products.set(key, {
      ...{ op: form[1] as Product['op'], a, b, transA: form[2] !== '', transB: form[3] !== '' },
      ...{ flops: productFlops(event), count: (products.get(key)?.count ?? 0) + 1 },
    });
  }
  return [...products.values()].sort((x, y) => y.flops * y.count - x.flops * x.count).slice(0, most);
}
