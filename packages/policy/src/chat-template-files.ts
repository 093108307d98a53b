/** Where a model's texts keep its chat template, and the special tokens that the template may name. */
import * as z from 'zod';
import type { ChatTemplate } from './chat-template.ts';
import type { ModelFiles } from './model-directory.ts';
import { parseModelJson } from './model-file.ts';

/** A special token in either serialisation: its text, or an object with it. */
const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)]);
/** A template, or several of which the one named `default` counts. */
const templateSchema = z.union([
  z.string(),
  z
    .array(z.looseObject({ name: z.string(), template: z.string() }))
    .transform((named) => named.find(({ name }) => name === 'default')?.template),
]);

/**
 * The chat template among a model's texts: that of a file of its own goes first.
 *
 * @param dir what error messages call the model
 */
export function chatTemplateOf(files: ModelFiles, dir = 'model'): ChatTemplate | undefined {
  const json = (name: string): Readonly<Record<string, unknown>> => {
    const text = files.get(name);
    const value = text === undefined ? {} : parseModelJson(dir, name, text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  };
  const settings = json('tokenizer_config.json');
  const text = files.get('chat_template.jinja') ?? templateSchema.safeParse(settings.chat_template).data;
  if (text === undefined) return undefined;
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...json('special_tokens_map.json'), ...settings })) {
    const token = name.endsWith('_token') ? tokenSchema.safeParse(value).data : undefined;
    if (token !== undefined) tokens[name] = token;
  }
  return { text, tokens };
}
