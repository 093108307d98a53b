/** Changes to an answer, for the conformance kit: small ones, as a model's slips are. They know no task. */
import type { KeyedRandom } from '@evenkeel/core';

/** What a change needs besides the answer. */
export interface MutationSource {
  /** Answers to other puzzles of the level. */
  readonly others: readonly string[];
}

type Change = (random: KeyedRandom, answer: string, source: MutationSource) => string;

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyz';
const TOKEN = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;

interface Token {
  readonly text: string;
  readonly at: number;
}

function tokensOf(answer: string): Token[] {
  return [...answer.matchAll(TOKEN)].map((match) => ({ text: match[0], at: match.index }));
}

function replace(answer: string, { at, text }: Token, by: string): string {
  return answer.slice(0, at) + by + answer.slice(at + text.length);
}

/** A place of a character that is no white space. */
function placeIn(random: KeyedRandom, answer: string): Token | null {
  const places = [...answer].flatMap((text, index) => (text.trim() === '' ? [] : [index]));
  if (places.length === 0 || /[\ud800-\udfff]/.test(answer)) return null;
  const at = random.pick(places);
  return { text: answer[at]!, at };
}

const onCharacter =
  (by: (random: KeyedRandom, character: string) => string): Change =>
  (random, answer) => {
    const place = placeIn(random, answer);
    return place === null ? answer : replace(answer, place, by(random, place.text));
  };

const onToken =
  (by: (random: KeyedRandom, token: string, source: MutationSource) => string): Change =>
  (random, answer, source) => {
    const tokens = tokensOf(answer);
    if (tokens.length === 0) return answer;
    const token = random.pick(tokens);
    return replace(answer, token, by(random, token.text, source));
  };

function otherOfItsKind(random: KeyedRandom, character: string): string {
  const lower = character.toLowerCase();
  if (digits.includes(character)) return random.pick([...digits]);
  return letters.includes(lower) ? random.pick([...letters]) : random.pick([...'+-*/=?#']);
}

/** Each kind of change; the answer itself where there is nothing to change. */
export const mutations = {
  'a character dropped': onCharacter(() => ''),
  'a character doubled': onCharacter((_, character) => character + character),
  'a character altered': onCharacter(otherOfItsKind),
  'two characters swapped': (random, answer) => {
    const place = placeIn(random, answer.slice(0, -1));
    if (place === null) return answer;
    return answer.slice(0, place.at) + answer[place.at + 1] + answer[place.at] + answer.slice(place.at + 2);
  },
  'a token dropped': onToken(() => ''),
  'a token doubled': onToken((_, token) => `${token} ${token}`),
  'a token altered': onToken((random, token, { others }) => {
    const candidates = tokensOf(others.length === 0 ? '' : random.pick(others)).filter(({ text }) => text !== token);
    return candidates.length === 0 ? token : random.pick(candidates).text;
  }),
  'two tokens swapped': (random, answer) => {
    const tokens = tokensOf(answer);
    if (tokens.length < 2) return answer;
    const [one, other] = random
      .shuffle(tokens)
      .slice(0, 2)
      .sort((a, b) => a.at - b.at) as [Token, Token];
    return replace(replace(answer, other, one.text), one, other.text);
  },
  'a token put behind': (random, answer, { others }) => {
    const token = others.length === 0 ? undefined : tokensOf(random.pick(others)).at(0);
    return token === undefined ? answer : `${answer.trimEnd()} ${token.text}`;
  },
  "another puzzle's answer": (random, answer, { others }) => (others.length === 0 ? answer : random.pick(others)),
} as const satisfies Record<string, Change>;

export type MutationKind = keyof typeof mutations;

/** Whether two answers are the same but for white space and capitals, which a verifier may overlook. */
export function readAlike(one: string, other: string): boolean {
  const squeezed = (text: string): string => text.replaceAll(/\s+/g, '').toLowerCase();
  return squeezed(one) === squeezed(other);
}
