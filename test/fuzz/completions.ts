/**
 * Completions for the fuzzer: a pure function of a keyed generator and of what a puzzle offers. Structure-aware: most of them are
 * nearly right, as what is far from right is refused at the door. It knows no verdict.
 */
import type { KeyedRandom } from '@evenkeel/core';
import { fragments, frames, lookalikes } from './pieces.ts';

/** What a puzzle gives to be written, and to be spoilt. */
export interface FuzzSource {
  /** What stands in the box of right answers. */
  readonly gold: readonly string[];
  /** What stands in the box of wrong ones. */
  readonly decoys: readonly string[];
  readonly prompt: string;
}

type Change = (random: KeyedRandom, text: string, source: FuzzSource) => string;

/** The longest text that is made. */
const LONGEST = 10_000_000;

/** A completion; about one in 300 has 10,000 characters or more, one in 30,000 ten million. */
export function fuzzCompletion(random: KeyedRandom, source: FuzzSource): string {
  const roll = random.integer(300);
  if (roll === 0) return long(random, source);
  if (roll < 15) return nested(random, source);
  if (roll < 45) return soup(random, source);
  if (roll < 75) return changed(random, framed(random, answer(random, source)), source, 3);
  if (roll < 120) return `${excerpt(random, source.prompt)}${framed(random, spoilt(random, source))}`;
  if (roll < 165) return several(random, source);
  if (roll < 210) return framed(random, ornate(random, source));
  return framed(random, spoilt(random, source));
}

function answer(random: KeyedRandom, { gold, decoys }: FuzzSource): string {
  return random.integer(4) === 0 ? random.pick(decoys) : random.pick(gold);
}

/** In a box or nearly: half of them plain boxes. */
function framed(random: KeyedRandom, content: string): string {
  const frame = random.integer(2) === 0 ? frames[random.integer(4)]! : random.pick(frames);
  return frame.replace('□', () => content);
}

function excerpt(random: KeyedRandom, text: string): string {
  const start = random.integer(text.length + 1);
  return text.slice(start, start + random.integer(80));
}

/** An answer with none to three changes. */
function spoilt(random: KeyedRandom, source: FuzzSource): string {
  return changed(random, answer(random, source), source, random.integer(4));
}

function changed(random: KeyedRandom, text: string, source: FuzzSource, count: number): string {
  let result = text;
  for (let change = 0; change < count; change++) result = random.pick(changes)(random, result, source);
  return result;
}

const changes: readonly Change[] = [
  // A character becomes one that looks like it; then all of its kind.
  (random, text) => replaceOne(random, text, (character) => alike(random, character)),
  (random, text) => replaceOne(random, text, (character) => alike(random, character)),
  (random, text) => {
    const character = text[random.integer(Math.max(1, text.length))] ?? ' ';
    const other = alike(random, character);
    return text.replaceAll(character, () => other);
  },
  (random, text) => insert(random, text, random.pick(fragments)),
  (random, text) => insert(random, text, String.fromCharCode(random.integer(0x10000))),
  (random, text) => insert(random, text, String(random.integer(1000))),
  (random, text) => replaceOne(random, text, () => ''),
  (random, text) => replaceOne(random, text, (character) => character + character),
  (random, text) => {
    const at = random.integer(text.length + 1);
    return text.slice(at) + text.slice(0, at);
  },
  (random, text) => {
    const from = random.integer(text.length + 1);
    const to = from + random.integer(text.length - from + 1);
    return text.slice(0, from) + text.slice(to);
  },
  (random, text) => {
    const words = text.split(' ');
    return random.shuffle(words).join(' ');
  },
  (random, text, source) => insert(random, text, excerpt(random, source.prompt)),
  (random, text, source) => insert(random, text, answer(random, source)),
  (random, text) => (random.integer(2) === 0 ? text.toUpperCase() : `${text.charAt(0).toUpperCase()}${text.slice(1)}`),
  (_, text) => `(${text})`,
  (_, text) => text.replaceAll(' ', ''),
  (_, text) => text.replaceAll(' ', ', '),
  (_, text) => [...text].reverse().join(''),
  (_, text) => text.normalize('NFD'),
];

function alike(random: KeyedRandom, character: string): string {
  const others = lookalikes[character];
  return others === undefined ? String.fromCodePoint(character.codePointAt(0)! ^ 1) : random.pick(others);
}

function replaceOne(random: KeyedRandom, text: string, other: (character: string) => string): string {
  if (text === '') return other(' ');
  const at = random.integer(text.length);
  return text.slice(0, at) + other(text[at]!) + text.slice(at + 1);
}

function insert(random: KeyedRandom, text: string, piece: string): string {
  const at = random.integer(text.length + 1);
  return text.slice(0, at) + piece + text.slice(at);
}

const spaces = [' ', '  ', '\n', '\t', '\r\n', '\u000b', '\f'];

/**
 * A right answer in a dress that changes nothing for the most part: brackets around numbers, pairs of signs, white space. Where a
 * sign or a bracket is no part of a task's answers the dress makes a wrong answer of it.
 */
function ornate(random: KeyedRandom, { gold }: FuzzSource): string {
  const depth = random.integer(4);
  const signs = random.integer(3);
  return random
    .pick(gold)
    .replaceAll(/\d+/g, (number) => {
      const bare = signs === 1 && random.integer(2) === 0 ? `${random.pick(['+', '- -', '-(-'])}${number}` : number;
      const closed = bare.startsWith('-(-') ? `${bare})` : bare;
      const brackets = random.integer(depth + 1);
      return brackets === 0 ? closed : '('.repeat(brackets) + closed + ')'.repeat(brackets);
    })
    .replaceAll(/ /g, () => random.pick(spaces));
}

/** Two to five boxes, glued or with something between. */
function several(random: KeyedRandom, source: FuzzSource): string {
  const boxes = Array.from({ length: 2 + random.integer(4) }, () => framed(random, spoilt(random, source)));
  return boxes.join(random.pick(['', '', ' ', '\n', ' No, it is ', '}', '{', excerpt(random, source.prompt)]));
}

/** Pieces in no order. */
function soup(random: KeyedRandom, source: FuzzSource): string {
  const pieces = Array.from({ length: 1 + random.integer(24) }, () => {
    const roll = random.integer(6);
    if (roll === 0) return random.pick(random.pick([source.gold, source.decoys]));
    return roll === 1 ? excerpt(random, source.prompt) : random.pick(fragments);
  });
  return random.integer(3) === 0 ? pieces.join('') : framed(random, pieces.join(random.pick(['', ' '])));
}

const brackets: readonly (readonly [string, string])[] = [
  ['(', ')'],
  ['( ', ' )'],
  ['{', '}'],
  ['[', ']'],
  ['\\boxed{', '}'],
  ['\\frac{1}{', '}'],
  ['-(', ')'],
  ['1-(', ')'],
  ['((', '))'],
];

/** Brackets in brackets, now and then one too many or too few. */
function nested(random: KeyedRandom, source: FuzzSource): string {
  const [open, close] = random.pick(brackets);
  const depth = 1 + random.integer(random.pick([8, 300, 6000]));
  const closed = Math.max(0, depth + random.pick([0, 0, 0, 1, -1, -depth]));
  return framed(random, open.repeat(depth) + answer(random, source) + close.repeat(closed));
}

const units = [
  '0',
  '9',
  ' ',
  '\n',
  '(',
  ')',
  '{',
  '}',
  '\\',
  '\\boxed{',
  '\\boxed{}',
  '\\boxed{1}',
  '-',
  '- ',
  '1 + ',
  '0 ',
];
const otherUnits = [
  '1*',
  '{}',
  '}{',
  '\ud800',
  '😀',
  '\u0000',
  '\u00a0',
  '\u3000',
  'İ',
  'ß',
  'a',
  'alice ',
  '**',
  '//',
  '\\}',
  '{\\boxed',
];

/** One thing again and again: before a box, behind it, in it, around what is in it, or alone. */
function long(random: KeyedRandom, source: FuzzSource): string {
  const length = random.integer(100) === 0 ? LONGEST : 10_000 * random.pick([1, 1, 1, 2, 5, 10, 20]);
  const unit =
    random.integer(3) === 0 ? framed(random, spoilt(random, source)) : random.pick(random.pick([units, otherUnits]));
  const content = answer(random, source);
  const most = Math.floor((length - content.length - 64) / Math.max(1, unit.length));
  const repeated = unit.repeat(Math.max(1, most));
  switch (random.integer(8)) {
    case 0:
      return repeated;
    case 1:
      return `${repeated}${framed(random, content)}`;
    case 2:
      return `${framed(random, content)}${repeated}`;
    case 3:
      return `\\boxed{${repeated}}`;
    case 4:
      return `\\boxed{${content}${repeated}}`;
    case 5:
      return `\\boxed{${repeated}${content}}`;
    case 6: {
      const half = unit.repeat(Math.max(1, Math.floor(most / 2)));
      return `\\boxed{${half}${content}${half}}`;
    }
    default: {
      const half = Math.max(1, Math.floor((length - content.length - 64) / 2));
      const [open, close] = random.pick(['()', '{}', '[]'] as const);
      return `\\boxed{${open!.repeat(half)}${content}${close!.repeat(half)}}`;
    }
  }
}
