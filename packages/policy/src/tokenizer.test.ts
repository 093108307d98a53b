import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildTinyTokenizer } from './tiny-tokenizer.ts';
import { tokenizerFromJson } from './tokenizer.ts';
import type { TokenizerJson } from './tokenizer-json.ts';

const tiny = (): TokenizerJson => structuredClone(buildTinyTokenizer(['from', 'or', ':'], ['make']));
const template = (single: readonly object[]) => ({
  type: 'TemplateProcessing',
  single,
  special_tokens: { '<|endoftext|>': { id: '<|endoftext|>', ids: [7], tokens: ['<|endoftext|>'] } },
});
const changed = (change: (json: TokenizerJson) => void): (() => unknown) => {
  const json = tiny();
  change(json);
  return () => tokenizerFromJson(json, 'models/x/tokenizer.json');
};

describe('encode() and decode()', () => {
  const tokenizer = tokenizerFromJson(tiny());
  const box = tokenizer.tokenId('\\boxed{')!;
  const end = tokenizer.tokenId('<|endoftext|>')!;

  test('cut added tokens out of text before anything else', () => {
    expect([...tokenizer.encode('\\boxed{<|endoftext|>')]).toEqual([box, end]);
    expect(tokenizer.encode('x\\boxed{y')[1]).toBe(box);
  });

  test('leave special tokens out of the text where asked to, and others in', () => {
    const ids = [box, tokenizer.tokenId(' 7')!, end];
    expect(tokenizer.decode(ids)).toBe('\\boxed{ 7<|endoftext|>');
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe('\\boxed{ 7');
  });

  test('leave out ids that the vocabulary has not', () => {
    expect(tokenizer.decode([box, tokenizer.vocabSize, 100_000])).toBe('\\boxed{');
  });

  test('show bytes that are not UTF-8 as U+FFFD', () => {
    expect(tokenizer.decode([...tokenizer.encode('é')].slice(0, 1))).toBe('\uFFFD');
  });

  test('agree on any text, in its composed form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text.toWellFormed().normalize('NFC'));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('keep an added token whose letters are symbols of bytes too', () => {
    const json = tiny();
    json.added_tokens.push({ ...json.added_tokens[0]!, id: 600, content: 'naïve' });
    const extended = tokenizerFromJson(json);
    expect([...extended.encode('naïve')]).toEqual([600]);
    expect(extended.decode([600])).toBe('naïve');
  });

  test('keep a byte order mark', () => {
    expect(tokenizer.decode(tokenizer.encode('\uFEFFa'))).toBe('\uFEFFa');
  });

  test('merge the pair of lowest rank first, the leftmost of equals', () => {
    const json = tiny();
    const vocab = { ...json.model.vocab, aa: 600, aab: 601 };
    const merging = tokenizerFromJson({ ...json, model: { ...json.model, vocab, merges: ['a a', ['aa', 'b']] } });
    const [a, b] = [merging.tokenId('a')!, merging.tokenId('b')!];
    expect([...merging.encode('aaaaa')]).toEqual([600, 600, a]);
    expect([...merging.encode('aaab')]).toEqual([600, a, b]);
    expect([...merging.encode('aab')]).toEqual([601]);
  });

  test('merge a long text without a space', () => {
    const text = 'from'.repeat(50_000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

describe('encodePrompt()', () => {
  const end = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } };
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const withTemplate = (post_processor: TokenizerJson['post_processor']) => {
    const json = tiny();
    const id = json.added_tokens.find(({ content }) => content === '<|endoftext|>')!.id;
    return tokenizerFromJson(JSON.parse(JSON.stringify({ ...json, post_processor }).replaceAll('[7]', `[${id}]`)));
  };

  test('puts what the file puts before every text, once, and nothing after it', () => {
    const tokenizer = withTemplate({
      type: 'Sequence',
      processors: [{ type: 'ByteLevel' }, template([end, text, end])],
    });
    const start = tokenizer.tokenId('<|endoftext|>')!;
    expect([...tokenizer.encodePrompt('make')]).toEqual([start, ...tokenizer.encode('make')]);
    expect([...tokenizer.encodePrompt('')]).toEqual([start]);
    expect([...tokenizer.encodePrompt('<|endoftext|>make')]).toEqual([start, ...tokenizer.encode('make')]);
  });

  test('is encode() where the file puts nothing', () => {
    for (const part of [null, { type: 'ByteLevel' }, template([text])])
      expect(withTemplate(part).encodePrompt('make 7')).toEqual(withTemplate(part).encode('make 7'));
  });
});

describe('added tokens', () => {
  const cutting = (fields: Partial<TokenizerJson['added_tokens'][number]>) => {
    const json = tiny();
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
    return tokenizerFromJson({ ...json, added_tokens: [{ ...plain, id: 600, content: 'cat', ...fields }] });
  };
  const marked = (tokenizer: ReturnType<typeof cutting>, text: string): string =>
    Array.from(tokenizer.encode(text), (id) => (id === 600 ? '#' : tokenizer.decode([id]))).join('');

  test('take white space with them on the side that they say', () => {
    expect(marked(cutting({ lstrip: true }), 'a \u3000\ncat b cat')).toBe('a# b#');
    expect(marked(cutting({ rstrip: true }), 'a cat \tcat\u0085 b')).toBe('a ##b');
    // What a match before has taken is not taken again.
    expect(marked(cutting({ lstrip: true, rstrip: true }), 'cat  cat')).toBe('##');
  });

  test('are left in words where they stand for single words, whatever script the word is of', () => {
    const tokenizer = cutting({ single_word: true });
    expect(marked(tokenizer, 'cat, cat-cat')).toBe('#, #-#');
    for (const word of ['cats', 'concat', 'cat_', 'cat\u0301', '\u{1d54f}cat', 'cat\u{20000}', '\u200dcat'])
      expect(tokenizer.encode(word), word).not.toContain(600);
    for (const text of ['\u{1f600}cat', 'cat\u{1f600}', '\u00a0cat\u2028'])
      expect(tokenizer.encode(text), text).toContain(600);
  });
});

describe('tokenizerFromJson() refuses by name', () => {
  test.each<[string, () => unknown]>([
    ['model Unigram is not supported', changed((json) => (json.model.type = 'Unigram'))],
    ['model.unk_token is not supported', changed((json) => (json.model.unk_token = '<unk>'))],
    ['normalizer Lowercase is not supported', changed((json) => (json.normalizer = { type: 'Lowercase' }))],
    ['pre_tokenizer Metaspace is not supported', changed((json) => (json.pre_tokenizer = { type: 'Metaspace' }))],
    ['pre_tokenizer null is not supported', changed((json) => (json.pre_tokenizer = null))],
    ['decoder WordPiece is not supported', changed((json) => (json.decoder = { type: 'WordPiece' }))],
    [
      'ByteLevel.add_prefix_space is not',
      changed((json) => (json.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: true })),
    ],
    [
      'post_processor RobertaProcessing is not supported, expected ByteLevel, TemplateProcessing or none',
      changed((json) => (json.post_processor = { type: 'RobertaProcessing' })),
    ],
    [
      'post_processor TemplateProcessing has a wrong field single',
      changed((json) => (json.post_processor = { type: 'TemplateProcessing' })),
    ],
    [
      'post_processor TemplateProcessing uses "<s>", expected tokens of its special_tokens',
      changed((json) => (json.post_processor = template([{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }]))),
    ],
    [
      'post_processor TemplateProcessing has no place for the text',
      changed((json) => (json.post_processor = template([{ SpecialToken: { id: '<|endoftext|>' } }]))),
    ],
    ['added token " 0" has id 5, but 256 in model.vocab', changed((json) => (json.added_tokens[0]!.id = 5))],
    [
      'tokens "ą" and "new" share id 5',
      changed((json) => json.added_tokens.push({ ...json.added_tokens[0]!, content: 'new', id: 5 })),
    ],
    ['model.merges[0] uses "zz"', changed((json) => (json.model.merges = [['zz', 'a']]))],
    ['model.merges[0] is "a b c"', changed((json) => (json.model.merges = ['a b c']))],
    ['field model.merges is wrong', changed((json) => (json.model.merges = [1] as never))],
    ['field model.vocab is wrong', changed((json) => (json.model.vocab = { a: -1 }))],
    ['field model is wrong', () => tokenizerFromJson({}, 'models/x/tokenizer.json')],
  ])('%s', (message, read) => {
    expect(read).toThrow(message);
    expect(read).toThrow('Cannot read models/x/tokenizer.json: ');
  });

  test('a vocabulary without a byte', () => {
    const json = tiny();
    const vocab = Object.fromEntries(Object.entries(json.model.vocab).filter(([token]) => token !== 'a'));
    expect(() => tokenizerFromJson({ ...json, model: { ...json.model, vocab, merges: [] } })).toThrow(
      'Cannot read tokenizer.json: model.vocab has no symbol for byte 97, expected all 256 of the byte-level alphabet',
    );
  });
});
