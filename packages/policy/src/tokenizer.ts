/**
 * Text to token ids and back, as a Hugging Face `tokenizer.json` says: byte-level BPE, the kind that GPT-2, Qwen and
 * Llama 3 use. Equal to the `tokenizers` library's `encode(text, add_special_tokens=False)`, token for token; what the
 * file asks for beyond that is refused by name. One deviation, in decoding: an added token always gives its own text,
 * where the library reads it as byte symbols if each of its letters happens to be one (`naïve`).
 *
 * Known rest: NFC and the letter classes are those of the runtime's Unicode version, which is newer than the library's.
 *
 * Order, as there: added tokens that are not normalised are cut out of the raw text; the rest is normalised; normalised
 * added tokens are cut out; what remains is split into words, and each word is merged by itself.
 */

import { addedTokenCutter, type Piece } from './added-tokens.ts';
import { byteAlphabet, fromByteSymbols, toByteSymbols } from './byte-level.ts';
import { type MergeTable, mergePairs } from './byte-pair.ts';
import { PolicyError } from './errors.ts';
import { startTokensOf } from './post-processor.ts';
import { compileSplitPattern, GPT2_PATTERN } from './split-pattern.ts';
import { type AddedToken, readTokenizerJson, type TokenizerComponent, type TokenizerJson } from './tokenizer-json.ts';

/** A tokenizer: a fixed function of its file; it keeps a cache of words, which no result depends on. */
export interface Tokenizer {
  /** The highest id plus one: the least number of rows that an embedding must have. */
  readonly vocabSize: number;
  /** The file's content, to write it out again. */
  readonly json: TokenizerJson;
  /** A text's ids; special tokens in the text become their ids, and none is added. */
  encode(text: string): Int32Array;
  /**
   * A prompt's ids: those that the file puts before every text (Llama 3's `<|begin_of_text|>`), then the text's. A text that begins
   * with them already, as a rendered chat does, gets no second ones.
   */
  encodePrompt(text: string): Int32Array;
  /** The text of ids. Bytes that are not UTF-8 become U+FFFD; ids that the vocabulary has not are left out. */
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecial?: boolean }): string;
  /** The id of a vocabulary entry (in the byte-level alphabet: `Ġfrom`) or of an added token (in plain text). */
  tokenId(text: string): number | undefined;
}

const utf8 = new TextEncoder();
const CACHED_WORDS = 65_536;
const CACHED_WORD_LENGTH = 256;

function refuse(file: string, part: string, wish: string): never {
  throw new PolicyError(`Cannot read ${file}: ${part} is not supported, expected ${wish}`, {
    code: 'tokenizer-unsupported',
  });
}

function invalid(file: string, state: string, wish: string): never {
  throw new PolicyError(`Cannot read ${file}: ${state}, expected ${wish}`, { code: 'tokenizer-invalid' });
}

/**
 * A tokenizer from the parsed JSON of a `tokenizer.json`.
 *
 * @param file what error messages call it
 * @throws {PolicyError} `tokenizer-invalid` or `tokenizer-unsupported`, naming the part
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const tokenizer = tokenizerFromJson(buildTinyTokenizer(['from'], ['make']));
 * equal(tokenizer.decode(tokenizer.encode('make 85 from 3')), 'make 85 from 3');
 * ```
 */
export function tokenizerFromJson(json: unknown, file = 'tokenizer.json'): Tokenizer {
  const parsed = readTokenizerJson(json, file);
  checkParts(parsed, file);
  return new ByteLevelTokenizer(parsed, file);
}

function checkParts({ model, decoder }: TokenizerJson, file: string): void {
  if (model.type !== 'BPE') refuse(file, `model ${model.type}`, 'model BPE');
  if (model.dropout) refuse(file, 'model.dropout', 'null');
  if (model.unk_token) refuse(file, 'model.unk_token', 'null, as every byte has a token');
  if (model.continuing_subword_prefix) refuse(file, 'model.continuing_subword_prefix', 'none');
  if (model.end_of_word_suffix) refuse(file, 'model.end_of_word_suffix', 'none');
  if (model.byte_fallback) refuse(file, 'model.byte_fallback', 'false');
  if (decoder?.type !== 'ByteLevel') refuse(file, `decoder ${decoder?.type ?? 'null'}`, 'ByteLevel');
}

type Normalize = (text: string) => string;

function normalizerOf(part: TokenizerComponent | null | undefined, file: string): Normalize {
  if (!part) return (text) => text;
  if (part.type === 'NFC') return (text) => text.normalize('NFC');
  if (part.type === 'Sequence' && Array.isArray(part.normalizers)) {
    const steps = part.normalizers.map((step) => normalizerOf(step as TokenizerComponent, file));
    return (text) => steps.reduce((current, step) => step(current), text);
  }
  return refuse(file, `normalizer ${part.type}`, 'NFC or none');
}

/** The patterns by which words are isolated, one after the other; the byte-level step must be the last. */
function splittersOf(part: TokenizerComponent | null | undefined, file: string): readonly RegExp[] {
  const steps = part?.type === 'Sequence' && Array.isArray(part.pretokenizers) ? part.pretokenizers : [part];
  const last = steps.at(-1) as TokenizerComponent | null | undefined;
  if (last?.type !== 'ByteLevel') refuse(file, `pre_tokenizer ${last?.type ?? 'null'}`, 'ByteLevel as its last step');
  return steps.flatMap((step) => splitterOf(step as TokenizerComponent, file));
}

function splitterOf(step: TokenizerComponent, file: string): RegExp[] {
  switch (step.type) {
    case 'ByteLevel':
      if (step.add_prefix_space !== false) refuse(file, 'pre_tokenizer ByteLevel.add_prefix_space', 'false');
      return step.use_regex === false ? [] : [compileSplitPattern(GPT2_PATTERN)];
    case 'Digits':
      return [step.individual_digits === true ? /\p{N}/gu : /\p{N}+/gu];
    case 'Split': {
      const pattern = (step.pattern as { Regex?: unknown } | undefined)?.Regex;
      if (typeof pattern !== 'string')
        refuse(file, 'pre_tokenizer Split without pattern.Regex', 'a regular expression');
      if (step.behavior !== 'Isolated') {
        refuse(file, `pre_tokenizer Split.behavior ${JSON.stringify(step.behavior)}`, '"Isolated"');
      }
      if (step.invert === true) refuse(file, 'pre_tokenizer Split.invert', 'false');
      return [compileSplitPattern(pattern)];
    }
    default:
      return refuse(file, `pre_tokenizer ${step.type}`, 'ByteLevel, Split or Digits');
  }
}

/** The matches of a pattern and what lies between them, in order, without empty ones. */
function isolate(text: string, pattern: RegExp): string[] {
  const pieces: string[] = [];
  let end = 0;
  // Not matchAll(), which copies the expression on each call: compiling Unicode's classes is the dear part.
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [piece] = match;
    if (piece === '') pattern.lastIndex += 1;
    else {
      if (match.index > end) pieces.push(text.slice(end, match.index));
      pieces.push(piece);
      end = match.index + piece.length;
    }
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

class ByteLevelTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly json: TokenizerJson;
  readonly #ids: Map<string, number>;
  /** Bytes of each id; undefined where the vocabulary has a gap. */
  readonly #bytes: readonly (Uint8Array | undefined)[];
  readonly #special: ReadonlySet<number>;
  readonly #startTokens: readonly number[];
  /** Where words that are in the vocabulary are not merged: the vocabulary. */
  readonly #wholeWords: ReadonlyMap<string, number> | undefined;
  /** The id of each byte's symbol; shape [256]. */
  readonly #byteIds: Int32Array;
  readonly #merges: MergeTable;
  readonly #cutRaw: (text: string) => Piece[];
  readonly #cutNormalized: (text: string) => Piece[];
  readonly #normalize: Normalize;
  readonly #splitters: readonly RegExp[];
  readonly #cache = new Map<string, readonly number[]>();

  constructor(json: TokenizerJson, file: string) {
    this.json = json;
    this.#normalize = normalizerOf(json.normalizer, file);
    this.#splitters = splittersOf(json.pre_tokenizer, file);
    for (const token of json.added_tokens) checkAddedToken(token, json, file);
    this.#ids = idsOf(json, file);
    this.vocabSize = [...this.#ids.values()].reduce((highest, id) => Math.max(highest, id), -1) + 1;
    this.#special = new Set(json.added_tokens.filter(({ special }) => special).map(({ id }) => id));
    this.#startTokens = startTokensOf(json.post_processor, file);
    this.#wholeWords = json.model.ignore_merges ? new Map(Object.entries(json.model.vocab)) : undefined;
    this.#bytes = bytesById(json, this.vocabSize, this.#normalize);
    this.#byteIds = byteIdsOf(json, file);
    this.#merges = mergeTableOf(json, this.vocabSize, file);
    const normalized = json.added_tokens.filter((token) => token.normalized);
    this.#cutRaw = addedTokenCutter(json.added_tokens.filter((token) => !token.normalized));
    this.#cutNormalized = addedTokenCutter(
      normalized.map((token) => ({ ...token, content: this.#normalize(token.content) })),
    );
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const raw of this.#cutRaw(text.toWellFormed())) {
      const pieces = typeof raw === 'number' ? [raw] : this.#cutNormalized(this.#normalize(raw));
      for (const piece of pieces) {
        if (typeof piece === 'number') ids.push(piece);
        else for (const word of this.#words(piece)) for (const id of this.#word(word)) ids.push(id);
      }
    }
    return Int32Array.from(ids);
  }

  encodePrompt(text: string): Int32Array {
    const ids = this.encode(text);
    if (this.#startTokens.every((id, index) => ids[index] === id)) return ids;
    const prompt = new Int32Array(this.#startTokens.length + ids.length);
    prompt.set(this.#startTokens);
    prompt.set(ids, this.#startTokens.length);
    return prompt;
  }

  decode(ids: ArrayLike<number>, options: { readonly skipSpecial?: boolean } = {}): string {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]!;
      const bytes = this.#bytes[id];
      if (bytes === undefined || (options.skipSpecial === true && this.#special.has(id))) continue;
      parts.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let end = 0;
    for (const part of parts) {
      joined.set(part, end);
      end += part.length;
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(joined);
  }

  tokenId(text: string): number | undefined {
    return this.#ids.get(text);
  }

  #words(text: string): readonly string[] {
    return this.#splitters.reduce<readonly string[]>(
      (pieces, pattern) => pieces.flatMap((piece) => isolate(piece, pattern)),
      [text],
    );
  }

  #word(word: string): readonly number[] {
    const cached = this.#cache.get(word);
    if (cached !== undefined) return cached;
    const ids = this.#mergeWord(word);
    if (word.length <= CACHED_WORD_LENGTH) {
      if (this.#cache.size >= CACHED_WORDS) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    return ids;
  }

  #mergeWord(word: string): readonly number[] {
    const whole = this.#wholeWords?.get(toByteSymbols(word));
    if (whole !== undefined) return [whole];
    return mergePairs(
      Array.from(utf8.encode(word), (byte) => this.#byteIds[byte]!),
      this.#merges,
    );
  }
}

function checkAddedToken(token: AddedToken, { model }: TokenizerJson, file: string): void {
  const name = `added token ${JSON.stringify(token.content)}`;
  const inVocabulary = Object.hasOwn(model.vocab, token.content) ? model.vocab[token.content] : undefined;
  if (inVocabulary !== undefined && inVocabulary !== token.id) {
    invalid(file, `${name} has id ${token.id}, but ${inVocabulary} in model.vocab`, 'one id');
  }
}

function idsOf({ model, added_tokens }: TokenizerJson, file: string): Map<string, number> {
  const ids = new Map(Object.entries(model.vocab));
  for (const { content, id } of added_tokens) ids.set(content, id);
  const owners = new Map<number, string>();
  for (const [text, id] of ids) {
    const other = owners.get(id);
    if (other !== undefined) {
      invalid(file, `tokens ${JSON.stringify(other)} and ${JSON.stringify(text)} share id ${id}`, 'one token per id');
    }
    owners.set(id, text);
  }
  return ids;
}

function bytesById(
  { model, added_tokens }: TokenizerJson,
  vocabSize: number,
  normalize: Normalize,
): (Uint8Array | undefined)[] {
  const bytes = new Array<Uint8Array | undefined>(vocabSize).fill(undefined);
  for (const [text, id] of Object.entries(model.vocab)) bytes[id] = fromByteSymbols(text) ?? utf8.encode(text);
  for (const { content, id, normalized } of added_tokens) {
    bytes[id] = utf8.encode(normalized ? normalize(content) : content);
  }
  return bytes;
}

function byteIdsOf({ model }: TokenizerJson, file: string): Int32Array {
  return Int32Array.from(byteAlphabet, (symbol, byte) => {
    const id = Object.hasOwn(model.vocab, symbol) ? model.vocab[symbol] : undefined;
    return id ?? invalid(file, `model.vocab has no symbol for byte ${byte}`, 'all 256 of the byte-level alphabet');
  });
}

function mergeTableOf({ model }: TokenizerJson, stride: number, file: string): MergeTable {
  const ranks = new Map<number, number>();
  const vocab = new Map(Object.entries(model.vocab));
  const merged = new Int32Array(model.merges.length);
  for (const [rank, merge] of model.merges.entries()) {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge;
    if (pair.length !== 2) invalid(file, `model.merges[${rank}] is ${JSON.stringify(merge)}`, 'two symbols');
    const [left, right] = pair as [string, string];
    const idOf = (text: string): number =>
      vocab.get(text) ?? invalid(file, `model.merges[${rank}] uses ${JSON.stringify(text)}`, 'symbols of model.vocab');
    ranks.set(idOf(left) * stride + idOf(right), rank);
    merged[rank] = idOf(left + right);
  }
  return { ranks, merged, stride };
}
