/**
 * What makes two Zebra puzzles the same one: their values and clues, in whatever order. Most candidates of a rare split are thrown away
 * for their identity, so that words are compared as numbers here.
 */
import { sha256Hex } from '@evenkeel/core';
import { type Characteristic, nameCharacteristic, otherCharacteristics } from './characteristics.ts';
import { type ClueCode, type ClueKind, firstOf, IN, kindOf, LEFT, secondOf } from './clue.ts';

/** A value of a characteristic. */
export interface Word {
  readonly text: string;
  /** Its place among all words, in order of the alphabet. */
  readonly rank: number;
  /** Its place among its characteristic's words, in order of the alphabet, as a bit. */
  readonly bit: number;
}

/** A characteristic and its values, ready to be compared. */
export interface Vocabulary {
  readonly key: string;
  /** Its place among all keys, in order of the alphabet. */
  readonly rank: number;
  /** In the order of the characteristic's values. */
  readonly words: readonly Word[];
}

/** A vocabulary with the words of it that a puzzle is about. */
export interface Chosen {
  readonly of: Vocabulary;
  readonly words: readonly Word[];
}

const all = [nameCharacteristic, ...otherCharacteristics];
const keysInOrder = all.map(({ key }) => key).sort();
const wordsInOrder = all.flatMap(({ values }) => values).sort();

function vocabularyOf({ key, values }: Characteristic): Vocabulary {
  const inOrder = [...values].sort();
  return {
    key,
    rank: keysInOrder.indexOf(key),
    words: values.map((text) => ({ text, rank: wordsInOrder.indexOf(text), bit: 1 << inOrder.indexOf(text) })),
  };
}

export const nameVocabulary: Vocabulary = vocabularyOf(nameCharacteristic);
export const otherVocabularies: readonly Vocabulary[] = otherCharacteristics.map(vocabularyOf);

/** In order of the alphabet, and the place there of each kind's code. */
const kindsInOrder: readonly ClueKind[] = ['by', 'in', 'left', 'same'];
const rankOfKind: readonly number[] = (['in', 'same', 'left', 'by'] as const).map((kind) => kindsInOrder.indexOf(kind));

/**
 * 32 hexadecimal digits of a hash of the content, orders left out.
 *
 * @param words those of all characteristics, one after the other, as the clues count them
 */
export function identityOf(chosen: readonly Chosen[], words: readonly Word[], clues: readonly ClueCode[]): string {
  return sha256Hex(`zebra/${valuesText(chosen)}/${cluesText(words, clues)}`, 32);
}

/** `drink:milk,tea;name:alice,bob`, keys and values in order. */
function valuesText(chosen: readonly Chosen[]): string {
  const inOrder: (Chosen | undefined)[] = new Array(keysInOrder.length);
  for (const each of chosen) inOrder[each.of.rank] = each;
  let text = '';
  for (const each of inOrder) if (each !== undefined) text += chosenText(each);
  return text.slice(1);
}

/** By characteristic, and by set of words; each after a semicolon. */
const chosenTexts: (string | undefined)[][] = keysInOrder.map(() => []);

function chosenText({ of, words }: Chosen): string {
  let bits = 0;
  for (const word of words) bits |= word.bit;
  const texts = chosenTexts[of.rank]!;
  let text = texts[bits];
  if (text === undefined) {
    text = `;${of.key}:${words
      .map((word) => word.text)
      .sort()
      .join(',')}`;
    texts[bits] = text;
  }
  return text;
}

/**
 * `alice is tea` and so on, in order: as each word stands alone between spaces, texts stand in the order of their words' ranks. A
 * symmetric clue begins with the word that comes first.
 */
function cluesText(words: readonly Word[], clues: readonly ClueCode[]): string {
  const places: number[] = [];
  for (const clue of clues) insert(places, placeOf(words, clue));
  let text = '';
  for (const place of places) text += textOf(place);
  return text.slice(1);
}

/** Into its place in a list in order. */
function insert(inOrder: number[], value: number): void {
  let at = inOrder.length;
  inOrder.push(value);
  for (; at > 0 && inOrder[at - 1]! > value; at--) inOrder[at] = inOrder[at - 1]!;
  inOrder[at] = value;
}

/** A number for subject, kind and object that orders clues as their texts are ordered. */
function placeOf(words: readonly Word[], clue: ClueCode): number {
  const kind = kindOf(clue);
  const subject = words[firstOf(clue)]!.rank;
  const object = kind === IN ? secondOf(clue) + 1 : words[secondOf(clue)]!.rank;
  const isTurned = kind !== IN && kind !== LEFT && subject > object;
  return ((isTurned ? object : subject) << 16) | (rankOfKind[kind]! << 8) | (isTurned ? subject : object);
}

/** By place, each after a semicolon: there are some thousands of clues. */
const clueTexts = new Map<number, string>();

function textOf(place: number): string {
  let text = clueTexts.get(place);
  if (text === undefined) {
    const kind = kindsInOrder[(place >> 8) & 255]!;
    const object = place & 255;
    text = `;${wordsInOrder[place >> 16]} ${kind} ${kind === 'in' ? object : wordsInOrder[object]}`;
    clueTexts.set(place, text);
  }
  return text;
}
