/**
 * Messages as the text that a chat model was trained on. It knows one template, ChatML, which the policies made here
 * carry; a folder with another template is refused, not approximated.
 */
import { PolicyError } from './errors.ts';

/** ChatML as the Jinja text that `tokenizer_config.json` holds. */
export const CHATML_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/**
 * Renders messages.
 *
 * @param template the model's template; ChatML only
 * @param options.addGenerationPrompt whether the assistant's turn is opened at the end; default true
 * @throws {PolicyError} `chat-template-unsupported` on any other template, or none
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(
 *   renderChat(CHATML_TEMPLATE, [{ role: 'user', content: 'Hi' }]),
 *   '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
 * );
 * ```
 */
export function renderChat(
  template: string | undefined,
  messages: readonly ChatMessage[],
  { addGenerationPrompt = true }: { readonly addGenerationPrompt?: boolean } = {},
): string {
  if (template !== CHATML_TEMPLATE) {
    const state = template === undefined ? 'the model has no chat template' : 'its chat template is not ChatML';
    throw new PolicyError(`Cannot render messages: ${state}, expected ChatML; give the text as "prompt" instead`, {
      code: 'chat-template-unsupported',
    });
  }
  const turns = messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`);
  return turns.join('') + (addGenerationPrompt ? '<|im_start|>assistant\n' : '');
}
