/**
 * Completions of rows by a policy, in this process. A row's completions depend on the weights, its prompt, the seed and its number among
 * the rows: the same again give the same text.
 */
import { keyedRandom } from '@evenkeel/core';
import { type Completion, type Device, PolicyEngine } from '@evenkeel/policy';
import type { OpenedPolicy } from '../model/open-policy.ts';
import { generationTokens, type RowError } from './row-tokens.ts';
import { inChunks, type PromptRow, type Read } from './text-rows.ts';

export interface GenerateSettings {
  readonly samplesPerPrompt: number;
  readonly maxNewTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly seed: number;
  /** Whether a prompt is put into the model's chat template. */
  readonly chat: boolean;
  readonly threads: number;
  readonly device: Device;
  /** Sequences that decode together. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly rows: number; readonly tokens: number }) => void;
}

export interface GeneratedCompletion {
  /** Without special tokens. */
  readonly text: string;
  /** With the token that ended it. */
  readonly tokens: readonly number[];
  /** Natural logarithms, float32, at temperature 1 whatever was sampled at. */
  readonly logprobs: readonly number[];
  readonly finish: Completion['finish'];
}

export type GeneratedRow = { readonly completions: readonly GeneratedCompletion[] } | RowError;

/** Names the draws of this command. */
const STREAM = 'generate';
/** So many batches of sequences are answered at a time: enough for the places of those that end early. */
const BATCHES = 4;

/**
 * Answers the rows in their order.
 *
 * @throws {PolicyError} `policy-diverged` where the weights give no probabilities; `chat-template-unsupported`
 */
export async function* generateRows(
  policy: OpenedPolicy,
  rows: AsyncIterable<Read<PromptRow>>,
  settings: GenerateSettings,
): AsyncGenerator<GeneratedRow> {
  const { samplesPerPrompt, maxNewTokens, temperature, seed, chat, threads, device, batch, signal, onProgress } =
    settings;
  const onWork = () => signal.throwIfAborted();
  const engine = new PolicyEngine(policy.config, { threads, device, decodeBatch: batch, onWork });
  try {
    engine.setParameters(policy.parameters.views);
    const progress = { rows: 0, tokens: 0 };
    const size = Math.max(1, Math.floor((BATCHES * batch) / samplesPerPrompt));
    for await (const chunk of inChunks(rows, size)) {
      const first = progress.rows;
      const read = chunk.map((row, place) => generationTokens(row, first + place + 1, policy, { chat }));
      const valid = read.flatMap((tokens, place) => (tokens instanceof Int32Array ? [{ tokens, place }] : []));
      const before = progress.tokens;
      const samples = await engine.generate(
        valid.map(({ tokens }) => tokens),
        {
          ...{ samplesPerPrompt, maxNewTokens, temperature, stopTokens: policy.tokens.eosTokenIds },
          uniform: (prompt, sample, position) =>
            keyedRandom(seed, STREAM, first + valid[prompt]!.place, sample, position).uniform(),
          onProgress: ({ tokens }) => {
            progress.tokens = before + tokens;
            onProgress(progress);
          },
        },
      );
      const byPlace = new Map(valid.map(({ place }, index) => [place, samples[index]!]));
      for (const [place, tokens] of read.entries()) {
        progress.rows++;
        const completions = byPlace.get(place);
        if (completions !== undefined) yield { completions: completions.map((one) => written(one, policy)) };
        else yield tokens as RowError;
      }
    }
  } finally {
    await engine.dispose();
  }
}

function written({ tokens, logprobs, finish }: Completion, { tokenizer }: OpenedPolicy): GeneratedCompletion {
  return {
    text: tokenizer.decode(tokens, { skipSpecial: true }),
    tokens: [...tokens],
    logprobs: [...logprobs],
    finish,
  };
}
