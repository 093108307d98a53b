/** Log-probabilities of given completions under a policy, in this process. */
import { type Device, PolicyEngine, PolicyError } from '@evenkeel/policy';
import { type RowError, type ScoringTokens, scoringTokens } from '../generate/row-tokens.ts';
import { inChunks, type Read, type ScoreRow } from '../generate/text-rows.ts';
import type { OpenedPolicy } from '../model/open-policy.ts';

export interface ScoreSettings {
  /** Whether a prompt is put into the model's chat template. */
  readonly chat: boolean;
  readonly threads: number;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly rows: number; readonly tokens: number }) => void;
}

export type ScoredRow =
  | {
      /** Of the completion. */
      readonly tokens: readonly number[];
      /** Natural logarithms, float32; one per token of the completion. */
      readonly logprobs: readonly number[];
      readonly sum: number;
      readonly mean: number;
      /** e to the minus mean. */
      readonly perplexity: number;
    }
  | RowError;

/** Rows that are scored at a time: the engine packs them by length. */
const ROWS = 256;

/**
 * Scores the rows in their order.
 *
 * @throws {PolicyError} `policy-diverged` where the weights give no probabilities; `chat-template-unsupported`
 */
export async function* scoreRows(
  policy: OpenedPolicy,
  rows: AsyncIterable<Read<ScoreRow>>,
  { chat, threads, device, signal, onProgress }: ScoreSettings,
): AsyncGenerator<ScoredRow> {
  const engine = new PolicyEngine(policy.config, { threads, device, onWork: () => signal.throwIfAborted() });
  try {
    engine.setParameters(policy.parameters.views);
    const progress = { rows: 0, tokens: 0 };
    for await (const chunk of inChunks(rows, ROWS)) {
      const read = chunk.map((row, place) => scoringTokens(row, progress.rows + place + 1, policy, { chat }));
      const valid = read.filter((row): row is ScoringTokens => 'tokens' in row);
      const scores = await engine.score(valid);
      const byRow = new Map<ScoringTokens | RowError, Float32Array>(valid.map((row, index) => [row, scores[index]!]));
      for (const row of read) {
        progress.rows++;
        const logprobs = byRow.get(row);
        progress.tokens += logprobs?.length ?? 0;
        yield logprobs === undefined ? (row as RowError) : summed(row as ScoringTokens, logprobs);
      }
      onProgress(progress);
    }
  } finally {
    await engine.dispose();
  }
}

function summed({ tokens, promptLength }: ScoringTokens, logprobs: Float32Array): ScoredRow {
  const stranger = logprobs.find((logprob) => !Number.isFinite(logprob));
  if (stranger !== undefined) {
    throw new PolicyError(
      `Cannot score: the log-probability of a token is ${stranger}, expected a finite number; the weights may have diverged`,
      { code: 'policy-diverged' },
    );
  }
  const sum = logprobs.reduce((total, logprob) => total + logprob, 0);
  const mean = sum / logprobs.length;
  return {
    tokens: [...tokens.subarray(promptLength)],
    logprobs: [...logprobs],
    ...{ sum, mean, perplexity: Math.exp(-mean) },
  };
}
