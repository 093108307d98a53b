import { describe, expect, test } from 'vitest';
import { compileSplitPattern, GPT2_PATTERN, QWEN2_PATTERN } from './split-pattern.ts';

const split = (pattern: string, text: string) => text.match(compileSplitPattern(pattern));

describe('compileSplitPattern()', () => {
  test("translates GPT-2's pattern", () => {
    expect(split(GPT2_PATTERN, "it's  10 (ok)\n\n")).toEqual(['it', "'s", ' ', ' 10', ' (', 'ok', ')', '\n\n']);
  });

  test("translates Qwen2's pattern, case-insensitive group included", () => {
    expect(split(QWEN2_PATTERN, "IT'S 10 (ok)\n x")).toEqual(['IT', "'S", ' ', '1', '0', ' (', 'ok', ')\n', ' x']);
  });

  test('reads \\s as White_Space: with U+0085, without U+FEFF', () => {
    expect(split(String.raw`\s`, '\u0085\uFEFF')).toEqual(['\u0085']);
    expect(split(String.raw`[^\s]`, '\u0085\uFEFF')).toEqual(['\uFEFF']);
  });

  test('reads a dot as anything but a line feed, and a script by its name', () => {
    expect(split(String.raw`.\p{Han}`, '\r中')).toEqual(['\r中']);
    expect(split(String.raw`\p{^Han}`, '中a')).toEqual(['a']);
  });

  test.each([
    ['a possessive quantifier', String.raw`\p{L}++`],
    ['a possessive quantifier', '[a-z]?+'],
    ['a possessive quantifier', 'a{1,3}+'],
    ['the anchor ^', '^a'],
    ['the group (?>', '(?>a)'],
    ['an intersection of classes', '[a&&b]'],
    ['a class within a class', '[a[b]]'],
    ['the escape \\w', String.raw`\w`],
  ])('refuses %s', (part, pattern) => {
    expect(() => compileSplitPattern(pattern)).toThrow(`uses ${part}, expected a pattern without it`);
  });

  test('refuses what does not compile', () => {
    expect(() => compileSplitPattern('(a')).toThrow('does not compile, expected a regular expression');
  });
});
