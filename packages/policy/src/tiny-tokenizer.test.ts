import { describe, expect, test } from 'vitest';
import { buildTinyTokenizer } from './tiny-tokenizer.ts';
import { tokenizerFromJson } from './tokenizer.ts';

const WORDS = [
  '+',
  '-',
  '*',
  '/',
  '(',
  ')',
  ',',
  ';',
  ':',
  '>',
  '}',
  '\\boxed{',
  'from',
  'is',
  'in',
  'left',
  'by',
  'names',
];
const STARTS = ['make', 'arc', 'zebra'];

describe('buildTinyTokenizer()', () => {
  const tokenizer = tokenizerFromJson(buildTinyTokenizer(WORDS, STARTS));

  test('makes one token of each number from 0 to 100', () => {
    for (let number = 0; number <= 100; number++) expect(tokenizer.encode(` ${number}`)).toHaveLength(1);
    expect(tokenizer.encode(' 101')).toHaveLength(2);
  });

  test('takes the longest of these numbers out of longer ones, and spells digits without a space', () => {
    const texts = (text: string) => Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id]));
    expect(texts(' 1000 345')).toEqual([' 100', '0', ' 34', '5']);
    expect(texts('45')).toEqual(['4', '5']);
  });

  test('makes seven tokens of a Countdown prompt', () => {
    expect(tokenizer.encode('make 85 from 3 17 20 :')).toHaveLength(7);
  });

  test('makes one token of each word after a space, and of each start', () => {
    for (const word of WORDS.filter((text) => text !== '\\boxed{'))
      expect(tokenizer.encode(` ${word}`)).toHaveLength(1);
    for (const start of STARTS) expect(tokenizer.encode(start)).toHaveLength(1);
  });

  test('makes one token of the box and of each control token', () => {
    expect(tokenizer.encode('\\boxed{<|endoftext|><|im_start|><|im_end|>')).toHaveLength(4);
  });

  test('keeps the byte symbols at the first 256 ids', () => {
    expect([...tokenizer.encode('\u0000A')]).toEqual([0, 65]);
    expect(tokenizer.vocabSize).toBeLessThanOrEqual(512);
  });

  test('refuses a word that cannot be one token', () => {
    expect(() => buildTinyTokenizer(['a1'], [])).toThrow(
      'Cannot build tokenizer: " a1" becomes 2 tokens, expected a word that can be one',
    );
  });

  test('refuses more words than the vocabulary holds', () => {
    const letter = (index: number) => String.fromCodePoint(97 + (index % 26));
    const words = Array.from({ length: 676 }, (_, index) => `${letter(Math.floor(index / 26))}${letter(index)}q`);
    expect(() => buildTinyTokenizer(words, [])).toThrow('expected at most 1024; use fewer words');
  });
});
