/** The tokens of a row, as a policy is given them, or the reason why it cannot be. */
import { EvenkeelError } from '@evenkeel/core';
import { type ModelDirectory, renderChat } from '@evenkeel/policy';
import { grouped } from '../view/terminal-text.ts';
import { InvalidRow, type PromptRow, type Read, type ScoreRow, type TextOrTokens } from './text-rows.ts';

/** In the place of a row's result. */
export interface RowError {
  readonly error: { readonly code: string; readonly message: string };
}

type Model = Pick<ModelDirectory, 'config' | 'tokenizer' | 'chatTemplate'>;

interface PromptOptions {
  /** A prompt is what a user says, and the model's chat template is put around it. */
  readonly chat: boolean;
}

/**
 * The prompt's tokens. Text is encoded as it stands; special tokens in it count as such, and those that the tokenizer puts before every
 * text are put before it, unless it has them.
 *
 * @throws {PolicyError} `chat-template-unsupported`: no row with messages can be answered
 */
function promptTokens(row: PromptRow, model: Model, { chat }: PromptOptions): Int32Array {
  const messages = 'messages' in row && row.messages !== undefined ? row.messages : null;
  if (messages !== null) return model.tokenizer.encodePrompt(renderChat(model.chatTemplate, messages));
  const { prompt } = row as { readonly prompt: TextOrTokens };
  if (typeof prompt !== 'string') return Int32Array.from(prompt);
  const text = chat ? renderChat(model.chatTemplate, [{ role: 'user', content: prompt }]) : prompt;
  return model.tokenizer.encodePrompt(text);
}

function completionTokens(completion: TextOrTokens, { tokenizer }: Model): Int32Array {
  return typeof completion === 'string' ? tokenizer.encode(completion) : Int32Array.from(completion);
}

/**
 * A prompt with room for at least one token after it.
 *
 * @param number the row's, from 1, for what is said of it
 */
export function generationTokens(
  row: Read<PromptRow>,
  number: number,
  model: Model,
  options: PromptOptions,
): Int32Array | RowError {
  return checked(row, `Cannot answer row ${number}`, (valid) => {
    const tokens = promptTokens(valid, model, options);
    checkLength('prompt', tokens.length, 1, model.config.max_position_embeddings - 1, model);
    checkTokens('prompt', tokens, model);
    return tokens;
  });
}

/** A prompt and its completion, which together fit into the model's context. */
export interface ScoringTokens {
  readonly tokens: Int32Array;
  readonly promptLength: number;
}

export function scoringTokens(
  row: Read<ScoreRow>,
  number: number,
  model: Model,
  options: PromptOptions,
): ScoringTokens | RowError {
  return checked(row, `Cannot score row ${number}`, (valid) => {
    const prompt = promptTokens(valid, model, options);
    const completion = completionTokens(valid.completion, model);
    const context = model.config.max_position_embeddings;
    checkLength('prompt', prompt.length, 1, context, model);
    checkLength('completion', completion.length, 1, context, model);
    checkLength('prompt with its completion', prompt.length + completion.length, 2, context, model);
    const tokens = new Int32Array(prompt.length + completion.length);
    tokens.set(prompt);
    tokens.set(completion, prompt.length);
    checkTokens('text', tokens, model);
    return { tokens, promptLength: prompt.length };
  });
}

/** The row's tokens, or why there are none. */
function checked<R, T>(row: Read<R>, what: string, tokens: (row: R) => T): T | RowError {
  try {
    if (row instanceof InvalidRow) throw new BadRow(row.reason, 'row-invalid');
    return tokens(row as R);
  } catch (error) {
    if (!(error instanceof EvenkeelError) || error.code === 'chat-template-unsupported') throw error;
    return { error: { code: error.code, message: `${what}: ${error.message}` } };
  }
}

/** Its message is the reason alone: whose it is, is said around it. */
class BadRow extends EvenkeelError {
  override readonly name = 'BadRow';

  constructor(reason: string, code = 'sequence-invalid') {
    super(reason, { code });
  }
}

function checkLength(what: string, length: number, least: number, most: number, { config }: Model): void {
  if (length >= least && length <= most) return;
  const state = length === 0 ? `the ${what} is empty` : `the ${what} has ${grouped(length)} tokens`;
  const context = `the model's context has ${grouped(config.max_position_embeddings)}`;
  throw new BadRow(`${state}, expected ${least} to ${grouped(most)} tokens (${context})`);
}

function checkTokens(what: string, tokens: Int32Array, { config }: Model): void {
  const stranger = tokens.find((token) => token < 0 || token >= config.vocab_size);
  if (stranger === undefined) return;
  throw new BadRow(`the ${what} has token ${stranger}, expected 0 to ${config.vocab_size - 1}`);
}
