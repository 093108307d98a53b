/**
 * Draws a puzzle: a rule, three examples of it, and an input to apply it to. What it promises: the answer is the rule's output, and
 * no other rule of the level explains the examples and gives another answer.
 */
import { type KeyedRandom, sha256Hex } from '@evenkeel/core';
import { drawInSplit, type Puzzle, type PuzzleQuery } from '@evenkeel/verifier';
import { type Grid, sameGrid } from './grid.ts';
import { invariantsOf } from './invariant.ts';
import { type Level, levels } from './levels.ts';
import type { Rule } from './rule.ts';

const EXAMPLES = 3;
/** Draws for one grid, and choices of grids for one rule, before another rule is drawn. */
const MAX_GRID_DRAWS = 400;
const MAX_CHOICES = 40;

export type Example = { readonly input: Grid; readonly output: Grid };

export type ArcData = {
  /** The rule's name; not shown. */
  readonly rule: string;
  readonly examples: readonly Example[];
  /** The test input. */
  readonly input: Grid;
};

export type ArcPuzzle = Puzzle<ArcData>;

interface Candidate {
  readonly rule: Rule;
  readonly examples: readonly Example[];
  readonly test: Example;
}

/** A grid in words: its cells with a space between. */
export function gridText(grid: Grid): string {
  return grid.join(' ');
}

/** @throws {RangeError} on an unknown level */
export function generate(query: PuzzleQuery): ArcPuzzle {
  const level = Object.hasOwn(levels, query.level) ? levels[query.level] : undefined;
  if (level === undefined) {
    const known = Object.keys(levels).join(', ');
    throw new RangeError(`Cannot generate an ARC puzzle: level is "${query.level}", expected one of ${known}`);
  }
  const { rule, examples, test } = drawInSplit(query, 'arc/1', (random) => drawCandidate(random, level), keyOf);
  return {
    id: sha256Hex(`arc/${keyOf({ rule, examples, test })}`).slice(0, 32),
    level: query.level,
    data: { rule: rule.name, examples, input: test.input },
    groundTruth: { target: gridText(test.output) },
  };
}

/** Character codes. */
const ZERO = 48;
const SEMICOLON = 59;
const ARROW = 62;
/** Of a key's characters; filled anew for each key. */
const codes: number[] = [];

/** What makes two puzzles the same: all that is shown, the order of the examples aside. */
function keyOf({ examples, test }: Candidate): string {
  codes.length = 0;
  for (const { input, output } of examples.toSorted(compareExamples)) {
    pushDigits(input);
    codes.push(ARROW);
    pushDigits(output);
    codes.push(SEMICOLON);
  }
  pushDigits(test.input);
  return String.fromCharCode(...codes);
}

function pushDigits(grid: Grid): void {
  for (const cell of grid) codes.push(ZERO + cell);
}

/** The order of their texts. */
function compareExamples(one: Example, other: Example): number {
  return compareGrids(one.input, other.input) || compareGrids(one.output, other.output);
}

function compareGrids(one: Grid, other: Grid): number {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return one[at]! - other[at]!;
  return 0;
}

function drawCandidate(random: KeyedRandom, level: Level): Candidate | null {
  const rule = random.pick(level.rules);
  for (let choice = 0; choice < MAX_CHOICES; choice++) {
    const candidate = drawExamples(random, rule, level);
    if (candidate === null) return null;
    if (isDetermined(candidate, level.rules)) return candidate;
  }
  return null;
}

/** Four different inputs of one rule, with their outputs; null where the rule gives none of this length. */
function drawExamples(random: KeyedRandom, rule: Rule, level: Level): Candidate | null {
  const drawn: Example[] = [];
  let changed = 0;
  for (let attempt = 0; attempt < MAX_GRID_DRAWS && drawn.length <= EXAMPLES; attempt++) {
    const input = rule.draw(random, level.length);
    const output = input === null ? null : rule.apply(input);
    if (input === null || output === null || drawn.some((other) => sameGrid(other.input, input))) continue;
    const changes = !sameGrid(input, output);
    if (!changes && level.everyExampleChanges) continue;
    if (changes && drawn.length < EXAMPLES) changed++;
    drawn.push({ input, output });
  }
  if (drawn.length <= EXAMPLES || changed === 0) return null;
  return { rule, examples: drawn.slice(0, EXAMPLES), test: drawn[EXAMPLES]! };
}

/** Whether every rule that explains the examples, and speaks of the test input, gives the same answer. */
function isDetermined({ rule, examples, test }: Candidate, rules: readonly Rule[]): boolean {
  let shared = ~0;
  for (const { input, output } of examples) shared &= invariantsOf(input, output);
  return rules.every((other) => {
    if ((other.invariants & ~shared) !== 0 || other === rule || !explains(other, examples)) return true;
    const answer = other.apply(test.input);
    return answer === null || sameGrid(answer, test.output);
  });
}

/** Whether a rule gives every example's output. */
export function explains(rule: Rule, examples: readonly Example[]): boolean {
  return examples.every(({ input, output }) => {
    const answer = rule.apply(input);
    return answer !== null && sameGrid(answer, output);
  });
}
