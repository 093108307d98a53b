/** Zebra in words: prompts, right answers and wrong ones, in both styles. */
import type { PromptStyle, Puzzle } from '@evenkeel/verifier';
import { characteristicOf, nameCharacteristic, otherCharacteristics } from './characteristics.ts';
import type { ClueKind } from './clue.ts';
import type { ClueData, ZebraData } from './generate.ts';

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];

/** Every word of the compact style but the numbers; each stands behind one space, except the first of a prompt. */
export const compactWords: readonly string[] = [
  'zebra',
  ':',
  ';',
  ',',
  'is',
  'in',
  'left',
  'by',
  '}',
  ...[nameCharacteristic, ...otherCharacteristics].flatMap(({ values }) => values),
];

/**
 * The text that the model sees. The compact style puts clues, and the sides of a symmetric clue, into one fixed order, so that equal
 * puzzles read alike; there a tiny puzzle leaves out its values, as they are always the same.
 */
export function promptZebra(puzzle: Puzzle<ZebraData>, style: PromptStyle): string {
  return style === 'compact' ? compactPrompt(puzzle) : chatPrompt(puzzle.data);
}

const rankOf = (key: string): number => [...characteristicOf.keys()].indexOf(key);

const kindOrder: readonly ClueKind[] = ['in', 'same', 'left', 'by'];

function compactPrompt({ level, data }: Puzzle<ZebraData>): string {
  const characteristics = [...data.characteristics].sort((one, other) => rankOf(one.key) - rankOf(other.key));
  const words = characteristics.flatMap(({ values }) => [...values].sort());
  const clues = data.clues
    .map(([kind, subject, object]) => {
      const a = words.indexOf(subject);
      const b = kind === 'in' ? Number(object) : words.indexOf(String(object));
      const turned = (kind === 'same' || kind === 'by') && a > b;
      return { kind, a: turned ? b : a, b: turned ? a : b };
    })
    .sort(
      (one, other) => kindOrder.indexOf(one.kind) - kindOrder.indexOf(other.kind) || one.a - other.a || one.b - other.b,
    )
    .map(({ kind, a, b }) => `${words[a]} ${kind === 'same' ? 'is' : kind} ${kind === 'in' ? b : words[b]}`)
    .join(' , ');
  if (level === 'tiny') return `zebra : ${clues} :`;
  const lists = characteristics.map(({ values }) => [...values].sort().join(' '));
  return `zebra ${data.houses} : ${lists.join(' ; ')} : ${clues} :`;
}

function chatPrompt({ houses, characteristics, clues }: ZebraData): string {
  const holders = new Map(
    characteristics.flatMap(({ key, values }) =>
      values.map((value): [string, string] => [value, characteristicOf.get(key)!.holder(value)]),
    ),
  );
  const lists = characteristics.map(
    ({ key, values }) => ` - ${characteristicOf.get(key)!.heading}: ${values.join(', ')}`,
  );
  const sentences = clues.map((clue, at) => `${at + 1}. ${sentenceOf(clue, holders)}`);
  return (
    'A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks ' +
    'about the reasoning process in the mind and then provides the user with the answer.\n' +
    `User: This is a logic puzzle. There are ${houses} houses (numbered 1 on the left, ${houses} on the right), from the ` +
    'perspective of someone standing across the street from them. Each has a different person in them. They have different ' +
    `characteristics:\n${lists.join('\n')}\n\n${sentences.join('\n')}\n\n` +
    'What is Name of the person who lives in House 1? Provide only the name of the person as your final answer and put in in ' +
    '\\boxed{}, for example: \\boxed{Alice}.\n' +
    'Assistant: Let me solve this step by step.'
  );
}

function sentenceOf([kind, subject, object]: ClueData, holders: ReadonlyMap<string, string>): string {
  const holder = holders.get(subject)!;
  const who = holder.charAt(0).toUpperCase() + holder.slice(1);
  if (kind === 'in') return `${who} is in the ${ordinals[Number(object) - 1]} house.`;
  const whom = holders.get(String(object))!;
  switch (kind) {
    case 'same':
      return `${who} is ${whom}.`;
    case 'left':
      return `${who} is directly left of ${whom}.`;
    case 'by':
      return `${who} and ${whom} are next to each other.`;
  }
}

/** The right name; there is one way to write it. */
export function goldZebra(puzzle: Puzzle<ZebraData>, style: PromptStyle): string {
  return answerIn(style, targetOf(puzzle));
}

/** Another name of the puzzle; `variant` counts through them. */
export function decoyZebra(puzzle: Puzzle<ZebraData>, style: PromptStyle, variant: number): string {
  const target = targetOf(puzzle);
  const others = puzzle.data.characteristics[0]!.values.filter((name) => name !== target);
  return answerIn(style, others[variant % others.length]!);
}

function targetOf(puzzle: Puzzle<ZebraData>): string {
  return (puzzle.groundTruth as { readonly target: string }).target;
}

function answerIn(style: PromptStyle, name: string): string {
  return style === 'compact' ? `\\boxed{ ${name} }` : ` \\boxed{${nameCharacteristic.holder(name)}}`;
}
