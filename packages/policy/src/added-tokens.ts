/**
 * Added tokens, cut out of a text before anything else: the leftmost first, the longest of those that begin there. It knows neither
 * words nor merges.
 *
 * Source: the rules of Hugging Face's tokenizers for `single_word`, `lstrip` and `rstrip`, by their effect: a match that is part of a
 * longer word is passed over as a whole, and white space beside a match goes with it as far as no match before it has taken it.
 */
import type { AddedToken } from './tokenizer-json.ts';

/** A piece of text that is still to be cut, or the id of an added token. */
export type Piece = string | number;

const SPACE = /^\p{White_Space}$/u;
/** Anchored at the beginning only: in Node 26.9, a class before `$` does not match a character of two units (`/[^a]$/u`, '𝕏'). */
const BEGINS_WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
/** A character takes at most so many units. */
const UNITS = 2;

/** Cuts these tokens out of text. */
export function addedTokenCutter(tokens: readonly AddedToken[]): (text: string) => Piece[] {
  const byContent = new Map(tokens.filter(({ content }) => content !== '').map((token) => [token.content, token]));
  if (byContent.size === 0) return (text) => (text === '' ? [] : [text]);
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  // The flag u keeps a match from beginning or ending within a surrogate pair.
  const pattern = new RegExp(longestFirst.map((content) => RegExp.escape(content)).join('|'), 'gu');
  return (text) => {
    const pieces: Piece[] = [];
    let end = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const token = byContent.get(match[0])!;
      const { index } = match;
      const after = index + match[0].length;
      if (token.single_word && isWithinWord(text, index, after)) continue;
      const start = token.lstrip ? Math.max(end, withoutSpaceBefore(text, index)) : index;
      if (end < start) pieces.push(text.slice(end, start));
      pieces.push(token.id);
      end = token.rstrip ? withoutSpaceAfter(text, after) : after;
    }
    if (end < text.length) pieces.push(text.slice(end));
    return pieces;
  };
}

function isWithinWord(text: string, from: number, to: number): boolean {
  const before = [...text.slice(Math.max(0, from - UNITS), from)].at(-1) ?? '';
  return BEGINS_WORD.test(before) || BEGINS_WORD.test(text.slice(to, to + UNITS));
}

function withoutSpaceBefore(text: string, at: number): number {
  let start = at;
  while (start > 0 && SPACE.test(text[start - 1]!)) start--;
  return start;
}

function withoutSpaceAfter(text: string, at: number): number {
  let end = at;
  while (end < text.length && SPACE.test(text[end]!)) end++;
  return end;
}
