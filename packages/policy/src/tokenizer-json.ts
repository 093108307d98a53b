/**
 * The shape of a Hugging Face `tokenizer.json` as far as byte-level BPE uses it: the boundary's schema. A part that is
 * not supported is refused by its name, before anything is encoded.
 */
import * as z from 'zod';
import { PolicyError } from './errors.ts';

const addedToken = z.looseObject({
  id: z.int().min(0),
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
});

/** Any component that is chosen by `type`; which types are read is decided by the tokenizer. */
const component = z.looseObject({ type: z.string() });

/** Not `z.record`, which copies 150,000 entries and leaves out a token named `__proto__`. */
function isVocabulary(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((id) => Number.isSafeInteger(id) && id >= 0);
}

/** A merge in either serialisation: `"a b"` or `["a", "b"]`. */
export type Merge = string | readonly [string, string];

function isMergeList(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return value.every(
    (merge) =>
      typeof merge === 'string' ||
      (Array.isArray(merge) && merge.length === 2 && typeof merge[0] === 'string' && typeof merge[1] === 'string'),
  );
}

const schema = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: component.nullish(),
  pre_tokenizer: component.nullish(),
  post_processor: component.nullish(),
  decoder: component.nullish(),
  model: z.looseObject({
    type: z.string().default('BPE'),
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    byte_fallback: z.boolean().default(false),
    ignore_merges: z.boolean().default(false),
    vocab: z.custom<Readonly<Record<string, number>>>(isVocabulary, 'not a map from token to id'),
    merges: z.custom<readonly Merge[]>(isMergeList, 'not a list of pairs').default([]),
  }),
});

/** A `tokenizer.json` that has the form of one. */
export type TokenizerJson = z.output<typeof schema>;
/** One of the file's tokens that are found in raw text before anything else. */
export type AddedToken = z.output<typeof addedToken>;
/** A normalizer, pre-tokenizer, post-processor or decoder. */
export type TokenizerComponent = z.output<typeof component>;

/**
 * Reads the parsed JSON of a `tokenizer.json`.
 *
 * @param file what the error message calls it
 * @throws {PolicyError} `tokenizer-invalid` where a field has the wrong form; the message names the field
 */
export function readTokenizerJson(json: unknown, file = 'tokenizer.json'): TokenizerJson {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new PolicyError(
    `Cannot read ${file}: field ${issue.path.join('.') || '(root)'} is wrong (${issue.message}), expected a byte-level BPE tokenizer as Hugging Face writes it`,
    { code: 'tokenizer-invalid', cause: result.error },
  );
}
