import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildTinyTokenizer } from './tiny-tokenizer.ts';
import { tokenizerFromJson } from './tokenizer.ts';

interface Golden {
  readonly lines: readonly string[];
  readonly cases: readonly {
    readonly name: string;
    readonly tokenizer: unknown;
    readonly ids: readonly string[];
    readonly decodedHalf: readonly string[];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/policy-tokenizer.golden.json', import.meta.url), 'utf8'),
);

describe.each(golden.cases)(
  'the tokenizer $name agrees with Hugging Face tokenizers',
  ({ tokenizer: json, ids, decodedHalf }) => {
    const tokenizer = tokenizerFromJson(json);

    test('encodes each line into the same ids', () => {
      expect(golden.lines.map((line) => tokenizer.encode(line).join(' '))).toEqual(ids);
    });

    test('decodes ids that end within a character into the same text', () => {
      const half = (row: string): number[] =>
        row
          .split(' ')
          .map(Number)
          .slice(0, Math.floor(row.split(' ').length / 2) + 1);
      expect(ids.map((row) => tokenizer.decode(half(row), { skipSpecial: true }))).toEqual(decodedHalf);
    });
  },
);

test('the golden file holds the tiny tokenizer that buildTinyTokenizer() makes today', () => {
  const built = buildTinyTokenizer(['+', '-', '*', '/', '(', ')', ':', '}', 'from'], ['make']);
  const stored = golden.cases.find(({ name }) => name === 'tiny')!.tokenizer;
  expect(stored).toMatchObject(JSON.parse(JSON.stringify(built)));
});
