/**
 * onnxruntime's profiler around whatever makes sessions: every session that is made while it works writes a profile, which is read
 * and summed by operation. Works from outside: the engine does not know that it is watched.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type OnnxNode, type OnnxOutline, readOnnxOutline } from './onnx-nodes.ts';
import type { OperationEvent, SessionEvents } from './operation-table.ts';

/** The part of onnxruntime's session class that is needed here. */
export interface Runtime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<RuntimeSession>;
  };
  readonly Tensor: new (type: string, data: Float32Array, shape: readonly number[]) => unknown;
}

export interface RuntimeSession {
  run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>;
  release(): Promise<void>;
  endProfiling(): void;
}

/** The onnxruntime that the engine uses. */
export function engineRuntime(): Runtime {
  const policy = createRequire(import.meta.url).resolve('@evenkeel/policy');
  return createRequire(policy)('onnxruntime-node') as Runtime;
}

export interface Watched {
  /** Of each session that was made, in their order. */
  readonly sessions: readonly SessionEvents[];
  /** The options that the first one was made with, less those of the profile. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Runs the work with a profile per session, and reads the profiles. The sessions may be released by the work, or not.
 *
 * @throws {Error} where no session was made
 */
export async function watchSessions(work: () => Promise<void>): Promise<Watched> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-profile-'));
  const { InferenceSession } = engineRuntime();
  const create = InferenceSession.create;
  const made: { readonly outline: OnnxOutline; readonly prefix: string; readonly session: RuntimeSession }[] = [];
  let options: Readonly<Record<string, unknown>> = {};
  InferenceSession.create = async (bytes, given) => {
    if (made.length === 0) options = given;
    const prefix = join(folder, `${made.length}`);
    const profiled = { ...given, enableProfiling: true, profileFilePrefix: prefix };
    const session = await create.call(InferenceSession, bytes, profiled);
    // The profile ends with the session, whoever releases it.
    made.push({ outline: readOnnxOutline(bytes), prefix, session });
    return session;
  };
  try {
    await work();
    for (const { session } of made) session.endProfiling();
    if (made.length === 0) throw new Error('Cannot watch sessions: none was made, expected the work to make one');
    return { sessions: made.map(({ outline, prefix }) => readProfile(folder, prefix, outline)), options };
  } finally {
    InferenceSession.create = create;
    rmSync(folder, { recursive: true, force: true });
  }
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** What a session's profile says of its runs and of the operations in them. */
function readProfile(folder: string, prefix: string, { graph, nodes }: OnnxOutline): SessionEvents {
  const file = readdirSync(folder).find((name) => name.startsWith(`${basename(prefix)}_`));
  if (file === undefined) throw new Error(`Cannot read profile ${prefix}: onnxruntime wrote none, expected one`);
  const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly ProfileEvent[];
  const shapes = (list: readonly Readonly<Record<string, readonly number[]>>[] = []) =>
    list.map((one) => Object.values(one)[0] ?? []);
  const operations = events.flatMap(({ cat, name, ts, dur, args }): OperationEvent[] => {
    if (cat !== 'Node' || args?.op_name === undefined || !name.endsWith('_kernel_time')) return [];
    // What onnxruntime made itself (a constant moved, a function taken apart) is no node of ours.
    const node = nodes.get(name.slice(0, -'_kernel_time'.length));
    const [inputs, outputs] = [shapes(args.input_type_shape), shapes(args.output_type_shape)];
    const op = formOf(args.op_name, node, [...inputs, ...outputs]);
    return [{ op, index: node?.index ?? -1, startUs: ts, us: dur, inputs, outputs }];
  });
  const runs = events
    .filter(({ cat, name }) => cat === 'Session' && name === 'model_run')
    .map(({ ts, dur }) => ({ startUs: ts, us: dur }));
  return { graph, lossAt: lossAt(nodes), runs, operations };
}

/**
 * Products by which operand is transposed, because their kernels differ: `Gemm A·Bᵀ`. One that onnxruntime put together itself (with
 * a bias, or a transposition) is known by its shapes.
 */
function formOf(op: string, node: OnnxNode | undefined, shapes: readonly (readonly number[])[]): string {
  if (op !== 'Gemm' && op !== 'FusedMatMul') return op;
  const { transA, transB } = node?.op === op ? node : formByShapes(shapes);
  return `${op} A${transA ? 'ᵀ' : ''}·B${transB ? 'ᵀ' : ''}`;
}

function formByShapes(shapes: readonly (readonly number[])[]): { transA: boolean; transB: boolean } {
  const [a, b, y] = [shapes[0] ?? [], shapes[1] ?? [], shapes.at(-1) ?? []];
  const transA = a.at(-2) !== y.at(-2);
  const inner = transA ? a.at(-2) : a.at(-1);
  return { transA, transB: b.at(-2) !== inner || b.at(-1) !== y.at(-1) };
}

/** Where a training graph has its loss: what stands behind is nearly all backward. Past the end where there is none. */
function lossAt(nodes: OnnxOutline['nodes']): number {
  const losses = [...nodes.values()].filter(({ op }) => op === 'SoftmaxCrossEntropyLoss');
  return losses.length === 0 ? nodes.size : Math.max(...losses.map(({ index }) => index));
}
