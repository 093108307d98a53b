import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lastBoxed } from './boxed.ts';

/** The definition, quadratic: try each opening from the last on, and count braces forward. */
function lastBoxedByDefinition(text: string): string | null {
  for (let from = text.lastIndexOf('\\boxed{'); from >= 0; from = text.lastIndexOf('\\boxed{', from - 1)) {
    let depth = 0;
    for (let at = from + 6; at < text.length; at++) {
      if (text[at] === '{') depth++;
      if (text[at] === '}' && --depth === 0) return text.slice(from + 7, at);
    }
    if (from === 0) break;
  }
  return null;
}

describe('lastBoxed()', () => {
  test.each([
    ['', null],
    ['no box', null],
    ['\\boxed{', null],
    ['\\boxed{}', ''],
    ['\\boxed{ 1 + 2 }', ' 1 + 2 '],
    ['\\boxed{1} then \\boxed{2}', '2'],
    ['\\boxed{1} then \\boxed{2', '1'],
    ['\\boxed{1} then \\boxed{2 {}', '1'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{a \\boxed{b} c}', 'b'],
    ['\\boxed{a \\boxed{b}', 'b'],
    ['}}} \\boxed{a} }}}', 'a'],
    ['\\boxed{a} {{{', 'a'],
    ['{\\boxed{a}', 'a'],
    ['\\boxed{a\\}b}', 'a\\'],
    ['\\boxed {a} boxed{b} \\fbox{c}', null],
    ['\\boxed{line\nbreak}\nmore text', 'line\nbreak'],
    ['\\boxed{\ud800}', '\ud800'],
  ])('reads %j as %j', (completion, content) => {
    expect(lastBoxed(completion)).toBe(content);
  });

  test('agrees with its definition on strings made of braces and boxes', () => {
    const piece = fc.constantFrom('\\boxed{', '{', '}', '}', 'x', '\\', ' ', 'boxed{', '\n', '²');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join('');
        expect(lastBoxed(text)).toBe(lastBoxedByDefinition(text));
      }),
      { seed: 1, numRuns: 5000 },
    );
  });

  test('is linear on megabytes of one thing repeated', () => {
    const million = 1_000_000;
    expect(lastBoxed('{'.repeat(million))).toBeNull();
    expect(lastBoxed('}'.repeat(million))).toBeNull();
    expect(lastBoxed('\\boxed{'.repeat(million))).toBeNull();
    expect(lastBoxed(`${'\\boxed{'.repeat(million)}1}`)).toBe('1');
    expect(lastBoxed(`\\boxed{1}${'\\boxed{'.repeat(million)}`)).toBe('1');
    expect(lastBoxed(`\\boxed{${'{'.repeat(million)}${'}'.repeat(million)}}`)).toHaveLength(2 * million);
    expect(lastBoxed(`\\boxed{${'{'.repeat(million)}${'}'.repeat(million)}`)).toBeNull();
  });
});
