import { ConfigError } from '@evenkeel/core';
import type { ModelDirectory } from '@evenkeel/policy';
import { grouped } from '../view/terminal-text.ts';

/** What is known of prompts that a model can hold. */
export interface PromptLengths {
  /** Prompts that leave no room for a completion of full length: theirs end with the context. */
  readonly cramped: number;
  /** Tokens of the longest. */
  readonly longest: number;
}

/**
 * Whether a model can hold the prompts, before anything is asked of it.
 *
 * @param what the beginning of a refusal: `Cannot evaluate`
 * @throws {ConfigError} `prompts-too-long`, with how many they are
 */
export function checkPromptLengths(
  prompts: readonly { readonly task: string; readonly prompt: string }[],
  { tokenizer, config }: Pick<ModelDirectory, 'tokenizer' | 'config'>,
  {
    what,
    maxNewTokens,
    generated = false,
  }: {
    readonly what: string;
    readonly maxNewTokens: number;
    /** They come from a task's generator, and cannot be left out. */
    readonly generated?: boolean;
  },
): PromptLengths {
  const context = config.max_position_embeddings;
  const lengths = prompts.map(({ prompt }) => tokenizer.encodePrompt(prompt).length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const tooLong = lengths.filter((length) => length >= context).length;
  if (tooLong === 0) return { cramped: lengths.filter((length) => length + maxNewTokens > context).length, longest };
  const { task } = prompts[lengths.findIndex((length) => length >= context)]!;
  const wish = generated
    ? 'choose another level of it, or a model with a longer context'
    : 'choose a model with a longer context, or leave them out with evenkeel data import FILE.jsonl --name NAME --fit MODEL';
  throw new ConfigError(
    `${what}: ${grouped(tooLong)} of ${grouped(prompts.length)} prompts are too long for the model's context of ${grouped(context)} tokens (the longest has ${grouped(longest)}, the first is of task "${task}"), expected at most ${grouped(context - 1)} each: ${wish}`,
    { code: 'prompts-too-long' },
  );
}
