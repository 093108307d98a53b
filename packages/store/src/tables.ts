/**
 * The tables that a run leaves in the store: what pandas, polars and DuckDB read as well. Rows stand in the order of the
 * plan. It does not know who writes or reads them.
 */
import { tableFormat } from './table.ts';

/** One drawn puzzle and the text that the model sees. */
export interface PromptRow {
  readonly task: string;
  readonly verifier: string;
  readonly level: string;
  /** The puzzle's id. */
  readonly puzzle: string;
  /** Its index in its seed's sequence. */
  readonly index: number;
  readonly prompt: string;
  /** Canonical JSON. */
  readonly groundTruth: string;
}

/** One sampled completion. */
export interface RolloutRow {
  /** Row of the prompts table. */
  readonly prompt: number;
  readonly sample: number;
  /** Completion tokens; shape [T]. */
  readonly tokens: Int32Array;
  /** Natural log-probability of each token under the policy that sampled it; shape [T]. */
  readonly logprobs: Float32Array;
  readonly text: string;
  readonly finish: 'stop' | 'length';
}

/** What the verifier said of one completion. */
export interface VerdictRow {
  /** Row of the prompts table. */
  readonly prompt: number;
  readonly sample: number;
  readonly kind: 'scored' | 'abstained' | 'failed';
  /** Null where it was not scored: an abstention or a failure is no zero. */
  readonly reward: number | null;
  readonly correct: boolean;
  readonly formatted: boolean;
  readonly answer: string | null;
  readonly reason: string;
  /** Parts of the answer's worth by name, canonical JSON; null where the verifier names none. */
  readonly components: string | null;
}

/** One sequence that is trained on. */
export interface BatchRow {
  readonly task: string;
  readonly group: string;
  readonly promptTokens: Int32Array;
  /** Completion tokens; shape [T]. */
  readonly tokens: Int32Array;
  /** Under the policy that sampled them; shape [T]. */
  readonly logprobs: Float32Array;
  readonly advantage: number;
  readonly reward: number;
  readonly minibatch: number;
}

/** One task in one step. */
export interface MetricsRow {
  readonly step: number;
  readonly task: string;
  readonly accuracy: number;
  readonly reward: number;
  /** The task's weight z. */
  readonly weight: number;
  /** The task's filter rate ρ. */
  readonly filterRate: number;
  readonly kept: number;
  readonly drawn: number;
  /** Null where it was not asked for. */
  readonly improvement: number | null;
}

const prompts = tableFormat('prompts', {
  task: 'utf8',
  verifier: 'utf8',
  level: 'utf8',
  puzzle: 'utf8',
  index: 'u32',
  prompt: 'utf8',
  groundTruth: 'utf8',
});

const rollouts = tableFormat('rollouts', {
  prompt: 'u32',
  sample: 'u32',
  tokens: 'list<i32>',
  logprobs: 'list<f32>',
  text: 'utf8',
  finish: ['stop', 'length'],
});

const verdictColumns = {
  prompt: 'u32',
  sample: 'u32',
  kind: ['scored', 'abstained', 'failed'],
  reward: 'f64?',
  correct: 'bool',
  formatted: 'bool',
  answer: 'utf8?',
  reason: 'utf8',
} as const;
const verdicts = tableFormat('verdicts', { ...verdictColumns, components: 'utf8?' });
/** As they were written before there were components: a run that began then goes on. */
const plainVerdicts = tableFormat('verdicts', verdictColumns);

const batch = tableFormat('batch', {
  task: 'utf8',
  group: 'utf8',
  promptTokens: 'list<i32>',
  tokens: 'list<i32>',
  logprobs: 'list<f32>',
  advantage: 'f64',
  reward: 'f64',
  minibatch: 'u32',
});

const metrics = tableFormat('metrics', {
  step: 'u32',
  task: 'utf8',
  accuracy: 'f64',
  reward: 'f64',
  weight: 'f64',
  filterRate: 'f64',
  kept: 'u32',
  drawn: 'u32',
  improvement: 'f64?',
});

/**
 * The rows as the bytes of an Arrow IPC file; the same rows, the same bytes. All encoders throw a RangeError on a value
 * that its column cannot hold (NaN, a negative count, tokens without their log-probabilities).
 *
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * import { decodePrompts, encodePrompts } from '@evenkeel/store';
 *
 * const row = { task: 'zebra', verifier: 'zebra', level: 'easy', puzzle: 'z1', index: 0, prompt: 'Who?', groundTruth: '{}' };
 * deepEqual(decodePrompts(encodePrompts([row])), [row]);
 * ```
 */
export function encodePrompts(rows: readonly PromptRow[]): Uint8Array {
  return prompts.encode(rows);
}

/** The rows of a prompts table. All decoders throw a StoreError `table-invalid` on anything but their own format. */
export function decodePrompts(bytes: Uint8Array): PromptRow[] {
  return prompts.decode(bytes);
}

export function encodeRollouts(rows: readonly RolloutRow[]): Uint8Array {
  checkLengths('rollouts', rows);
  return rollouts.encode(rows);
}

export function decodeRollouts(bytes: Uint8Array): RolloutRow[] {
  return rollouts.decode(bytes);
}

export function encodeVerdicts(rows: readonly VerdictRow[]): Uint8Array {
  return verdicts.encode(rows);
}

export function decodeVerdicts(bytes: Uint8Array): VerdictRow[] {
  try {
    return verdicts.decode(bytes);
  } catch (refused) {
    try {
      return plainVerdicts.decode(bytes).map((row) => ({ ...row, components: null }));
    } catch {
      throw refused;
    }
  }
}

export function encodeBatch(rows: readonly BatchRow[]): Uint8Array {
  checkLengths('batch', rows);
  return batch.encode(rows);
}

export function decodeBatch(bytes: Uint8Array): BatchRow[] {
  return batch.decode(bytes);
}

export function encodeMetrics(rows: readonly MetricsRow[]): Uint8Array {
  return metrics.encode(rows);
}

export function decodeMetrics(bytes: Uint8Array): MetricsRow[] {
  return metrics.decode(bytes);
}

function checkLengths(table: string, rows: readonly Pick<RolloutRow, 'tokens' | 'logprobs'>[]): void {
  const index = rows.findIndex((row) => row.tokens.length !== row.logprobs.length);
  if (index === -1) return;
  const { tokens, logprobs } = rows[index]!;
  throw new RangeError(
    `Cannot encode ${table} table: row ${index} has ${tokens.length} tokens and ${logprobs.length} logprobs, expected as many of both`,
  );
}
