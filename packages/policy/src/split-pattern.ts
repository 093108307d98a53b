/**
 * A pre-tokenizer's pattern as a JavaScript regular expression. Tokenizer files are written for Oniguruma, whose
 * classes differ: there `\s` is Unicode's White_Space (with U+0085, without U+FEFF), `\d` any decimal digit, `.` all
 * but a line feed. What has no faithful counterpart is refused by name, never guessed.
 *
 * Known rest: both engines look at the Unicode version that they were built with, so a letter that a later version
 * assigned may be split differently.
 */
import { PolicyError } from './errors.ts';

/** GPT-2's pattern, which `ByteLevel` with `use_regex` stands for. */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Qwen2's pattern: digits one by one, line breaks kept with the signs before them. */
export const QWEN2_PATTERN =
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|` +
  String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;

const CLASS_ESCAPES: Readonly<Record<string, string>> = {
  s: String.raw`\p{White_Space}`,
  S: String.raw`\P{White_Space}`,
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
};
const CONTROL_ESCAPES = new Set(['n', 'r', 't', 'f', 'v']);
const GROUP_OPENINGS = ['(?i:', '(?:', '(?=', '(?!', '(?<=', '(?<!'];
const SCRIPTS = new Set(['Han', 'Hiragana', 'Katakana', 'Hangul', 'Latin', 'Greek', 'Cyrillic', 'Arabic', 'Thai']);

function refuse(pattern: string, part: string): never {
  throw new PolicyError(
    `Cannot read tokenizer: pre_tokenizer pattern ${JSON.stringify(pattern)} uses ${part}, expected a pattern without it`,
    { code: 'tokenizer-unsupported' },
  );
}

/**
 * Translates a pattern in Oniguruma's syntax, flags `gu`.
 *
 * @throws {PolicyError} on a construct that JavaScript has not, or means differently
 */
export function compileSplitPattern(pattern: string): RegExp {
  try {
    return new RegExp(translate(pattern), 'gu');
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError(
      `Cannot read tokenizer: pre_tokenizer pattern ${JSON.stringify(pattern)} does not compile, expected a regular expression`,
      { code: 'tokenizer-unsupported', cause: error },
    );
  }
}

function translate(pattern: string): string {
  let out = '';
  let inClass = false;
  let previous = '';
  for (let at = 0; at < pattern.length; ) {
    const [text, length] = inClass ? classPart(pattern, at) : plainPart(pattern, at);
    // A property's closing brace is part of it, so a part that is a brace alone closes a repetition count.
    if (text === '+' && !inClass && /^[?*+}]$/.test(previous)) refuse(pattern, 'a possessive quantifier');
    previous = inClass ? '' : text;
    if (pattern[at] === '[') inClass = true;
    else if (pattern[at] === ']') inClass = false;
    out += text;
    at += length;
  }
  return out;
}

/** What stands at `at` outside a class: its translation and the length of its source. */
function plainPart(pattern: string, at: number): [string, number] {
  const char = pattern[at]!;
  if (char === '\\') return escapePart(pattern, at, false);
  if (char === '.') return [String.raw`[^\n]`, 1];
  if (char === '^' || char === '$') refuse(pattern, `the anchor ${char}`);
  if (char === '(') return groupPart(pattern, at);
  return [char, 1];
}

function groupPart(pattern: string, at: number): [string, number] {
  if (pattern[at + 1] !== '?') return ['(?:', 1];
  const opening = GROUP_OPENINGS.find((candidate) => pattern.startsWith(candidate, at));
  if (opening === undefined) refuse(pattern, `the group ${pattern.slice(at, at + 3)}`);
  return [opening, opening.length];
}

function classPart(pattern: string, at: number): [string, number] {
  if (pattern[at] === '\\') return escapePart(pattern, at, true);
  if (pattern[at] === '[') refuse(pattern, 'a class within a class');
  if (pattern.startsWith('&&', at)) refuse(pattern, 'an intersection of classes');
  return [pattern[at]!, 1];
}

function escapePart(pattern: string, at: number, inClass: boolean): [string, number] {
  const char = pattern[at + 1];
  if (char === undefined) refuse(pattern, 'a backslash at its end');
  const known = CLASS_ESCAPES[char];
  if (known !== undefined) return [known, 2];
  if (CONTROL_ESCAPES.has(char)) return [`\\${char}`, 2];
  if (char === 'p' || char === 'P') return propertyPart(pattern, at, char);
  if (/[A-Za-z0-9]/.test(char)) refuse(pattern, `the escape \\${char}`);
  if (/[\^$\\.*+?()[\]{}|/]/.test(char) || (inClass && char === '-')) return [`\\${char}`, 2];
  return [char, 2];
}

function propertyPart(pattern: string, at: number, letter: string): [string, number] {
  const match = /^\\[pP]\{(\^?)([A-Za-z_]+)\}/.exec(pattern.slice(at));
  if (match === null) refuse(pattern, `the property at ${JSON.stringify(pattern.slice(at, at + 6))}`);
  const [source, negation, name] = match as unknown as [string, string, string];
  const negated = (letter === 'P') !== (negation === '^');
  return [`\\${negated ? 'P' : 'p'}{${SCRIPTS.has(name) ? `Script=${name}` : name}}`, source.length];
}
