/**
 * How much memory a policy at work takes, before it is loaded: each part by name, from the shapes of the model and of the
 * work alone. The graphs that would run are built and looked through (memory-graph.ts), so a change of a graph is a change
 * of the estimate. It does not know the machine, nor which process does what.
 *
 * What cannot be read off a graph are three figures, measured (`npm run bench large` prints the estimate beside the peak of
 * a process): what a process takes that does nothing yet, what one more session takes, and the share by which onnxruntime's
 * allocator takes more than is held at once.
 */
import type { Graph, Value } from '@evenkeel/graph';
import { drawAt, prefillGraph, stepGraph } from './decode-graph.ts';
import { DECODE_BATCH, KEPT_PEAK_BYTES, KEPT_SESSION_BYTES, TOKENS_PER_RUN } from './engine-defaults.ts';
import { type Lora, trainedShapes } from './lora.ts';
import { graphMemory } from './memory-graph.ts';
import { checkModelConfig, type ModelConfig, parameterCount } from './model-config.ts';
import { gradientName, scoreGraph, type TrainingObjective, trainGraph } from './objective-graph.ts';
import { type BatchShape, lengthBucket, packSequences, shapeName } from './pack-sequences.ts';
import { elementCount } from './safetensors.ts';
import { branchesOf, type ScoredSequence } from './training-inputs.ts';

/** What a process does with a policy. */
export type MemoryRole = 'score' | 'decode' | 'train';

/** What memory is taken for. */
export type MemoryPartName =
  | 'process'
  | 'sessions'
  | 'weights'
  | 'gradients'
  | 'moments'
  | 'KV cache'
  | 'inputs'
  | 'activations'
  | 'logits'
  | 'gradients in the runtime'
  | 'copies of outputs'
  | 'garbage'
  | 'allocator';

export interface MemoryPart {
  readonly name: MemoryPartName;
  readonly bytes: number;
}

export interface MemoryEstimate {
  readonly bytes: number;
  /** Those that there are, in the order of `MemoryPartName`. */
  readonly parts: readonly MemoryPart[];
}

/** The work, at its largest. */
export interface PolicyWork {
  /** Tokens of the longest prompt. */
  readonly promptLength: number;
  /** Tokens of the longest completion. */
  readonly completionLength: number;
  readonly samplesPerPrompt: number;
  /** Prompts that are handed over together. */
  readonly prompts: number;
  /** As of the engine; its default otherwise. */
  readonly tokensPerRun?: number;
  /** As of the engine; its default otherwise. */
  readonly decodeBatch?: number;
  /** Of a training; supervised otherwise. */
  readonly objective?: TrainingObjective;
  /** Of a training: adapters in place of the weights; who scores or decodes has them merged. */
  readonly lora?: Lora | undefined;
}

/** Of Node with onnxruntime, before the first session. */
const PROCESS_BYTES = 140e6;
/** Of one session besides what its runs hold: its copy of the graph, its threads. */
const SESSION_BYTES = 20e6;
/** What onnxruntime's allocator takes more than is held at once, because blocks do not fit each other without gaps: its own, and the system's. */
const ALLOCATOR_SHARE = { kept: 0.2, givenBack: 0.1 } as const;
/** Copies of earlier outputs that nobody reads any more, before the garbage collector has seen so. */
const GARBAGE_BYTES = 64e6;
/** A float32. */
const ELEMENT_BYTES = 4;

const ORDER: readonly MemoryPartName[] = [
  ...(['process', 'sessions', 'weights', 'gradients', 'moments', 'KV cache', 'inputs', 'activations'] as const),
  ...(['logits', 'gradients in the runtime', 'copies of outputs', 'garbage', 'allocator'] as const),
];

type Amounts = Partial<Record<MemoryPartName, number>>;

/**
 * The memory of a process in one role.
 *
 * Held at once are: the weights, which every session reads where they lie; in training the gradients' sum and AdamW's two moments (with
 * LoRA of the adapters alone); the
 * results of the largest graph's nodes, by kind, as far as they are still read; all outputs of a run a second time, because the binding
 * copies them; and what the other sessions keep of their own runs.
 *
 * @throws {PolicyError} `model-config-invalid`
 * @example
 * ```ts
 * import { ok } from 'node:assert/strict';
 * import { estimateMemory, tinyModelConfig } from '@evenkeel/policy';
 *
 * const work = { promptLength: 40, completionLength: 16, samplesPerPrompt: 8, prompts: 64 };
 * ok(estimateMemory(tinyModelConfig, 'decode', work).bytes < 1e9);
 * ```
 */
export function estimateMemory(config: ModelConfig, role: MemoryRole, work: PolicyWork): MemoryEstimate {
  checkModelConfig(config);
  const lora = role === 'train' ? work.lora : undefined;
  const trained = ELEMENT_BYTES * trainedShapes(config, lora).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const weights = ELEMENT_BYTES * parameterCount(config) + (lora === undefined ? 0 : trained);
  const graphs = role === 'decode' ? decodeGraphs(config, work) : sequenceGraphs(config, role, work);
  const runs = graphs.map((graph) => graphMemory(graph, (value) => kindOf(value, config)));
  const largest = runs.reduce((most, run) => (run.peakBytes > most.peakBytes ? run : most));
  const isKept = ({ peakBytes }: { readonly peakBytes: number }) => peakBytes <= KEPT_PEAK_BYTES;
  const kept = runs.map((run) => (isKept(run) ? (1 + ALLOCATOR_SHARE.kept) * run.peakBytes : 0));
  const inputs = Math.max(...runs.map(({ inputBytes }) => inputBytes)) - weights;
  const copies = Math.max(...runs.map(({ outputBytes }) => outputBytes));
  const amounts: Amounts = {
    ...largest.peak,
    process: PROCESS_BYTES,
    sessions:
      SESSION_BYTES * runs.length +
      Math.min(
        KEPT_SESSION_BYTES,
        kept.reduce((total, bytes, index) => total + (runs[index] === largest ? 0 : bytes), 0),
      ),
    weights,
    ...(role === 'train' ? { gradients: trained, moments: 2 * trained } : {}),
    [role === 'decode' ? 'KV cache' : 'inputs']: inputs,
    'copies of outputs': copies,
    garbage: Math.min(GARBAGE_BYTES, 20 * copies),
    allocator: ALLOCATOR_SHARE[isKept(largest) ? 'kept' : 'givenBack'] * largest.peakBytes,
  };
  const parts = ORDER.flatMap((name) => (amounts[name] ? [{ name, bytes: amounts[name] }] : []));
  return { bytes: parts.reduce((total, { bytes }) => total + bytes, 0), parts };
}

const GRADIENT = gradientName('');

function kindOf({ name, shape }: Value, config: ModelConfig): 'activations' | 'logits' | 'gradients in the runtime' {
  if (name.startsWith(GRADIENT)) return 'gradients in the runtime';
  const [rows, columns] = shape;
  if (shape.length === 2 && rows === config.vocab_size && columns === config.hidden_size) {
    return 'gradients in the runtime';
  }
  return shape.at(-1) === config.vocab_size ? 'logits' : 'activations';
}

/** The graphs of a training or a scoring: of each shape that such sequences are packed into. */
function sequenceGraphs(config: ModelConfig, role: 'score' | 'train', work: PolicyWork): Graph[] {
  const { objective = { kind: 'supervised' }, tokensPerRun = TOKENS_PER_RUN, lora } = work;
  const branches = branchesOf(typicalSequences(work, tokensPerRun), role === 'train' ? objective : undefined);
  const packed = packSequences(branches, { tokens: tokensPerRun, longest: config.max_position_embeddings });
  const shapes = new Map<string, BatchShape>(packed.map((shape) => [shapeName(shape), shape]));
  return [...shapes.values()].map((shape) =>
    role === 'score' ? scoreGraph(config, shape) : trainGraph(config, objective, shape, lora),
  );
}

/** As many sequences of the greatest length as fill a run several times over. */
function typicalSequences(work: PolicyWork, tokensPerRun: number): ScoredSequence[] {
  const { promptLength, completionLength, samplesPerPrompt, prompts } = work;
  const enough = Math.min(prompts, Math.ceil((4 * tokensPerRun) / (promptLength + completionLength)));
  return Array.from({ length: enough * samplesPerPrompt }, (_, index) => {
    const tokens = new Int32Array(promptLength + completionLength);
    tokens[0] = Math.floor(index / samplesPerPrompt);
    return { tokens, promptLength };
  });
}

/** The graphs of a generation: its prompts, and its steps, whose caches grow with what is written. */
function decodeGraphs(config: ModelConfig, work: PolicyWork): Graph[] {
  const { promptLength, completionLength, samplesPerPrompt, prompts } = work;
  const { tokensPerRun = TOKENS_PER_RUN, decodeBatch = DECODE_BATCH } = work;
  const draw = drawAt(1);
  const length = lengthBucket(promptLength, 16, config.max_position_embeddings);
  const batch = Math.max(1, Math.min(prompts, Math.floor(tokensPerRun / length)));
  const slots = Math.min(samplesPerPrompt, decodeBatch);
  const seats = Math.max(1, Math.min(prompts, Math.floor(decodeBatch / slots)));
  const rooms = [completionLength];
  while (rooms[0]! > 16) rooms.unshift(Math.ceil(rooms[0]! / 2));
  return [
    prefillGraph(config, draw, { batch, length }),
    ...rooms.map((cached) => stepGraph(config, draw, { prompts: seats, promptLength: length, slots, cached })),
  ];
}
