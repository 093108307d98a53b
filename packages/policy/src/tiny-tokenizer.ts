/**
 * The tokenizer of the tiny policy: a real byte-level BPE file with a very small vocabulary, in which each word of the
 * compact prompts and each number from 0 to 100 is one token. Any other text is spelt in bytes, so nothing is unknown.
 *
 * Words are merged by chains of prefixes (`Ġ`+`f`, `Ġf`+`r`, `Ġfr`+`o`, …), with every intermediate in the vocabulary, so
 * that plain BPE builds exactly the wanted tokens. Numbers are added tokens (` 85`, with the space), since Qwen2's
 * pattern takes digits one by one; and it is Qwen2's, with NFC, because `transformers` 5 puts that in place of whatever a
 * Qwen2 folder's tokenizer.json says. It does not know which words a task uses: they come in.
 */
import { byteAlphabet, toByteSymbols } from './byte-level.ts';
import { QWEN2_PATTERN } from './split-pattern.ts';
import { tokenizerFromJson } from './tokenizer.ts';
import { readTokenizerJson, type TokenizerJson } from './tokenizer-json.ts';

const MAX_VOCABULARY = 1024;
const LARGEST_NUMBER = 100;

/** Found anywhere in a text, whatever surrounds it: the box that opens an answer. */
const BOX = '\\boxed{';
/** Control tokens: the end of a text (also padding), and the marks of a chat turn. */
const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/**
 * The tiny policy's `tokenizer.json`, as a plain object that Hugging Face's `tokenizers` loads too.
 *
 * @param words one token each where a space stands before them (`from`, `+`, `)`)
 * @param starts one token each at the start of a text (`make`)
 * @throws {RangeError} if a word cannot be one token (it holds a space, or letters and signs mixed), or if the
 *   vocabulary would pass 512 entries
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * const tokenizer = tokenizerFromJson(buildTinyTokenizer(['from', ':'], ['make']));
 * equal(tokenizer.encode('make 85 from 3 17 20 :').length, 7);
 * ```
 */
export function buildTinyTokenizer(words: readonly string[], starts: readonly string[]): TokenizerJson {
  const numbers = Array.from({ length: LARGEST_NUMBER + 1 }, (_, number) => ` ${number}`);
  // Chains that begin with a space go first: their left side occurs at a word's start only, so no other chain disturbs them.
  const chains = [...words.filter((word) => word !== BOX).map((word) => ` ${word}`), ...starts];
  const vocabulary = new Map([...byteAlphabet, ...numbers].map((symbol, id) => [symbol, id]));
  const merges: [string, string][] = [];
  for (const chain of chains) addChain(toByteSymbols(chain), vocabulary, merges);
  for (const token of [BOX, ...SPECIAL_TOKENS]) vocabulary.set(token, vocabulary.size);
  const json = tokenizerJson(vocabulary, merges, [...numbers, BOX, ...SPECIAL_TOKENS]);
  const size = vocabulary.size;
  if (size > MAX_VOCABULARY) {
    throw new RangeError(
      `Cannot build tokenizer: ${size} entries, expected at most ${MAX_VOCABULARY}; use fewer words`,
    );
  }
  checkSingleTokens(json, chains);
  return json;
}

function addChain(symbols: string, vocabulary: Map<string, number>, merges: [string, string][]): void {
  for (let end = 2; end <= symbols.length; end++) {
    const token = symbols.slice(0, end);
    if (vocabulary.has(token)) continue;
    vocabulary.set(token, vocabulary.size);
    merges.push([token.slice(0, -1), token.slice(-1)]);
  }
}

function tokenizerJson(
  vocabulary: ReadonlyMap<string, number>,
  merges: [string, string][],
  added: readonly string[],
): TokenizerJson {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  const added_tokens = added.map((content) => ({
    id: vocabulary.get(content)!,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: SPECIAL_TOKENS.includes(content),
  }));
  return readTokenizerJson({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens,
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_PATTERN }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  });
}

function checkSingleTokens(json: TokenizerJson, chains: readonly string[]): void {
  const tokenizer = tokenizerFromJson(json);
  for (const chain of chains) {
    const count = tokenizer.encode(chain).length;
    if (count !== 1) {
      throw new RangeError(
        `Cannot build tokenizer: ${JSON.stringify(chain)} becomes ${count} tokens, expected a word that can be one`,
      );
    }
  }
}
