/**
 * Messages as the text that a chat model was trained on: the model's own Jinja template, rendered by Hugging Face's engine for such
 * templates. Equal to transformers' `apply_chat_template`, but for one function that it offers: `strftime_now` is not defined here,
 * because a run's prompts must not depend on the day; templates that ask whether it is (Llama 3.2's) have a date of their own then.
 */
import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { PolicyError } from './errors.ts';

/** A model's chat template. */
export interface ChatTemplate {
  /** The Jinja text. */
  readonly text: string;
  /** The special tokens that it may name, such as `bos_token`. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** ChatML as the Jinja text that `tokenizer_config.json` holds. */
export const CHATML_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** What the template itself refuses, by `raise_exception`. */
class TemplateRefusal extends Error {}

const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception: (message: unknown) => {
    throw new TemplateRefusal(String(message));
  },
  range: (start: number, stop?: number, step = 1) => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, index) => from + index * step);
  },
};

/** Templates are few, and parsing one takes longer than rendering it. */
const parsed = new WeakMap<ChatTemplate, Template>();

function parse(template: ChatTemplate): Template {
  let known = parsed.get(template);
  if (known === undefined) {
    try {
      known = new Template(template.text);
    } catch (cause) {
      throw unsupported(`its chat template cannot be read (${reasonOf(cause)})`, cause);
    }
    parsed.set(template, known);
  }
  return known;
}

function unsupported(state: string, cause?: unknown): PolicyError {
  return new PolicyError(
    `Cannot render messages: ${state}, expected a Jinja template as chat models have it; give the text as "prompt" instead`,
    {
      code: 'chat-template-unsupported',
      cause,
    },
  );
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A prompt as a model is asked it that was trained on conversations: a user's turn, and the answer's opened. Without a template, as it is. */
export function userTurn(template: ChatTemplate | undefined, prompt: string): string {
  return template === undefined ? prompt : renderChat(template, [{ role: 'user', content: prompt }]);
}

/**
 * Renders messages.
 *
 * @param template the model's template
 * @param options.addGenerationPrompt whether the assistant's turn is opened at the end; default true
 * @throws {PolicyError} `chat-template-unsupported` where there is no template, or one that the engine does not know;
 *   `chat-messages-invalid` where the template refuses these messages
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(
 *   renderChat({ text: CHATML_TEMPLATE, tokens: {} }, [{ role: 'user', content: 'Hi' }]),
 *   '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
 * );
 * ```
 */
export function renderChat(
  template: ChatTemplate | undefined,
  messages: readonly ChatMessage[],
  { addGenerationPrompt = true }: { readonly addGenerationPrompt?: boolean } = {},
): string {
  if (template === undefined) throw unsupported('the model has no chat template');
  const { parsed: program } = parse(template);
  const environment = new Environment();
  const variables = { messages, tools: null, documents: null, add_generation_prompt: addGenerationPrompt };
  for (const [name, value] of Object.entries({ ...GLOBALS, ...template.tokens, ...variables }))
    environment.set(name, value);
  try {
    return String(new Interpreter(environment).run(program).value);
  } catch (cause) {
    if (!(cause instanceof TemplateRefusal)) throw unsupported(`its chat template fails (${reasonOf(cause)})`, cause);
    throw new PolicyError(
      `Cannot render messages: the model's chat template says ${JSON.stringify(cause.message)}, expected messages that it takes`,
      { code: 'chat-messages-invalid', cause },
    );
  }
}
