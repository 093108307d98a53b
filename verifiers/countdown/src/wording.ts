/** Countdown in words: prompts, right answers and wrong ones, in both styles. */
import { keyedRandom } from '@evenkeel/core';
import type { PromptStyle, Puzzle } from '@evenkeel/verifier';
import { type CountdownData, drawTerm } from './generate.ts';
import { solutionsOf } from './solutions.ts';
import { canonicalText, combine, numberTerm, type Term } from './term.ts';

const MOST_DRAWS = 64;
const DECOY_CHOICE = 8;

/** Every word of the compact style but the numbers; each stands behind one space, except the first of a prompt. */
export const compactWords: readonly string[] = ['make', 'from', ':', '+', '-', '*', '/', '(', ')', '}'];

/** The text that the model sees. The compact style sorts the numbers, so that equal puzzles read alike. */
export function promptCountdown(puzzle: Puzzle<CountdownData>, style: PromptStyle): string {
  const { target, numbers } = puzzle.data;
  if (style === 'compact') return `make ${target} from ${[...numbers].sort((a, b) => a - b).join(' ')} :`;
  return (
    'A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks ' +
    'about the reasoning process in the mind and then provides the user with the answer.\n' +
    `User: Using the numbers [${numbers.join(', ')}], create an equation that equals ${target}. You can only use basic arithmetic ` +
    'operations (+, -, *, /) and each number should be used exactly once. Return the final answer in \\boxed{}, for example ' +
    '\\boxed{(1 + 2) / 3}.\n' +
    'Assistant: Let me solve this step by step.'
  );
}

/**
 * A right answer in canonical spelling. With three numbers, `variant` counts through all solutions, the simplest first; with more
 * it is the solution that the puzzle was made from.
 */
export function goldCountdown(puzzle: Puzzle<CountdownData>, style: PromptStyle, variant = 0): string {
  const { target, numbers, solution } = puzzle.data;
  if (numbers.length > 3) return answerIn(style, solution);
  const solutions = solutionsOf(numbers, target);
  return answerIn(style, solutions[variant % solutions.length] ?? solution);
}

/** An expression that uses each number once and misses the target: of some random ones the nearest. */
export function decoyCountdown(puzzle: Puzzle<CountdownData>, style: PromptStyle, variant: number): string {
  const { target, numbers } = puzzle.data;
  const random = keyedRandom(0, 'countdown-1/decoy', target, mix(numbers), variant);
  let nearest: Term | null = null;
  for (let draw = 0, seen = 0; draw < MOST_DRAWS && seen < DECOY_CHOICE; draw++) {
    const term = drawTerm(random, numbers);
    if (term === null) continue;
    seen++;
    const distance = Math.abs(term.numerator - target);
    if (distance > 0 && (nearest === null || distance < Math.abs(nearest.numerator - target))) nearest = term;
  }
  return answerIn(style, canonicalText(nearest ?? missingTerm(target, numbers)));
}

/** The sum, or the sum with the first number taken away instead: they differ, so one of them misses. */
function missingTerm(target: number, numbers: readonly number[]): Term {
  const [first, ...others] = numbers.map(numberTerm) as [Term, ...Term[]];
  const rest = others.reduce((sum, term) => combine('+', sum, term)!);
  const sum = combine('+', rest, first)!;
  return sum.numerator === target ? combine('-', rest, first)! : sum;
}

function answerIn(style: PromptStyle, expression: string): string {
  if (style === 'compact') return `\\boxed{ ${expression} }`;
  return ` \\boxed{${expression.replaceAll('( ', '(').replaceAll(' )', ')')}}`;
}

/** Numbers in any order into one 32-bit word, so that the order of the prompt does not matter. */
function mix(numbers: readonly number[]): number {
  let word = 0;
  for (const number of [...numbers].sort((a, b) => a - b)) word = (Math.imul(word, 101) + number) >>> 0;
  return word;
}
