/** What the conformance kit says: findings as data, like a linter's. It knows no check's inner working and prints nothing. */
import type { PromptStyle, PuzzleQuery } from '../contract.ts';

export type Severity = 'error' | 'warning';

interface CheckText {
  readonly severity: Severity;
  /** What is checked, in a few words. */
  readonly title: string;
  /** What to do, in one line. */
  readonly mend: string;
}

/** Every check by its stable id. */
export const conformanceChecks = {
  manifest: {
    severity: 'error',
    title: 'the manifest has the fields of the contract',
    mend: 'mend the field in the manifest',
  },
  'generate-throws': {
    severity: 'error',
    title: 'generate() and prompt() give a puzzle for each level, split, seed and index',
    mend: 'mend generate() or prompt() for this query; draw with drawInSplit()',
  },
  'puzzle-shape': {
    severity: 'error',
    title: 'a puzzle is plain JSON with an id and its level',
    mend: 'give { id, level, data, groundTruth } with JSON values only, an id of 1 to 64 characters',
  },
  'generate-repeatable': {
    severity: 'error',
    title: 'the same query gives the same puzzle, whatever was asked before, in any process',
    mend: 'draw only from the random generator that drawInSplit() hands over; keep no state, read no clock',
  },
  'unknown-level': {
    severity: 'error',
    title: 'generate() refuses an unknown level',
    mend: "throw a RangeError where query.level is none of the manifest's levels",
  },
  'splits-apart': {
    severity: 'error',
    title: 'no puzzle is in two splits',
    mend: 'draw with drawInSplit(), with a key that is the same for puzzles that are the same; make the id from that key',
  },
  'puzzles-vary': {
    severity: 'warning',
    title: 'other seeds and indices give other puzzles',
    mend: 'use the random generator for what makes the puzzle; make the space of puzzles larger',
  },
  'levels-differ': {
    severity: 'error',
    title: 'no level generates the puzzles of another',
    mend: 'let query.level change what is drawn, or take the level out of the manifest',
  },
  'levels-alike': {
    severity: 'warning',
    title: 'levels can be told apart by what they generate',
    mend: 'let the levels differ in size, range or number of parts, or take one of them out of the manifest',
  },
  'golden-missing': {
    severity: 'error',
    title: 'what this version generates is recorded',
    mend: 'run: evenkeel verifier test PATH --update-golden',
  },
  'golden-changed': {
    severity: 'error',
    title: 'generation is stable under its version',
    mend: 'raise the version in the manifest and package.json, then: evenkeel verifier test PATH --update-golden; or undo the change',
  },
  'prompt-empty': {
    severity: 'error',
    title: 'a prompt says something, in both styles',
    mend: 'return a text for both styles, chat and compact',
  },
  'prompt-ambiguous': {
    severity: 'error',
    title: 'a prompt has one question: the same text is not asked with other answers',
    mend: 'put into the prompt whatever the answer depends on',
  },
  'prompt-tells-answer': {
    severity: 'error',
    title: 'the prompt does not hold the gold answer',
    mend: 'take the answer out of the prompt',
  },
  'answer-throws': {
    severity: 'error',
    title: 'gold() and decoy() give a text for each puzzle, style and variant',
    mend: 'mend gold() or decoy() for this puzzle; any whole number is a variant',
  },
  'gold-is-right': {
    severity: 'error',
    title: 'a gold answer scores the largest reward',
    mend: 'mend gold() or score(): one of them has the wrong answer',
  },
  'decoy-is-wrong': {
    severity: 'error',
    title: 'a decoy is in the form, but wrong',
    mend: 'let decoy() give another answer than the right one, in the form of gold(), for every variant',
  },
  'cut-gold-is-none': {
    severity: 'error',
    title: 'a gold answer that is cut off is no answer',
    mend: 'take an answer only from a complete \\boxed{…}: lastBoxed(completion) gives it',
  },
  'last-box-counts': {
    severity: 'error',
    title: 'the last complete box is the answer',
    mend: 'read the answer with lastBoxed(completion)',
  },
  'mutations-are-wrong': {
    severity: 'error',
    title: 'gold answers with a change in them are wrong',
    mend: 'compare the whole answer with the right one, not a part of it',
  },
  'never-throws': {
    severity: 'error',
    title: 'score() gives a verdict on any text',
    mend: 'mend score() for this text; whatever a model writes is data',
  },
  'verdict-shape': {
    severity: 'error',
    title: 'a verdict has the fields of the contract',
    mend: 'return { kind: "scored", reward, correct, formatted, answer, reason }, answer at most 200 characters or null',
  },
  'reward-scale': {
    severity: 'error',
    title: "rewards come from the manifest's scale",
    mend: "give one of the scale's rewards, the largest if and only if correct; or declare another scale: manifest.rewards",
  },
  components: {
    severity: 'error',
    title: 'each verdict has the components that the manifest names, and no others',
    mend: 'give every name of manifest.components a finite number in each scored verdict',
  },
  'ground-truth': {
    severity: 'error',
    title: 'a malformed ground truth fails and is no zero',
    mend: 'return { kind: "failed", error: { code: "ground-truth", message } } where the ground truth is not what generate() makes',
  },
  'ground-truth-lax': {
    severity: 'warning',
    title: 'a ground truth with a field missing or of another type fails',
    mend: 'check every field of the ground truth that score() uses before scoring',
  },
  'same-verdict': {
    severity: 'error',
    title: 'the same input gives the same verdict, in any order, in any process',
    mend: 'keep no state between calls; read no clock; a regular expression with the flag g keeps its lastIndex',
  },
  'within-limits': {
    severity: 'error',
    title: "a call keeps within the manifest's limits of time and memory",
    mend: "make score() linear in the text's length (mind regular expressions that backtrack), or raise manifest.limits",
  },
  slow: {
    severity: 'warning',
    title: 'a call takes at most half of its time limit',
    mend: 'make this call faster, or raise manifest.limits.timeMs: a slower machine would make it a failure',
  },
} as const satisfies Record<string, CheckText>;

/** What was checked; stable. */
export type ConformanceCheck = keyof typeof conformanceChecks;

/** Where it was seen, as far as there is such a place. */
export interface FindingPlace {
  readonly query?: PuzzleQuery;
  readonly style?: PromptStyle;
  /** What was scored, shortened. */
  readonly completion?: string;
}

export interface ConformanceFinding extends FindingPlace {
  readonly check: ConformanceCheck;
  readonly severity: Severity;
  /** What was seen. */
  readonly message: string;
  readonly expected: string;
  /** What to do about it, in one line. */
  readonly mend: string;
}

/** Collects findings; of each check the first few, and how many more there were. */
export class Findings {
  readonly list: ConformanceFinding[] = [];
  /** How many were left out, by check. */
  readonly omitted = new Map<ConformanceCheck, number>();
  readonly #counts = new Map<ConformanceCheck, number>();
  readonly #mostPerCheck: number;

  constructor(mostPerCheck: number) {
    this.#mostPerCheck = mostPerCheck;
  }

  add(check: ConformanceCheck, message: string, expected: string, place: FindingPlace = {}): void {
    const count = (this.#counts.get(check) ?? 0) + 1;
    this.#counts.set(check, count);
    if (count > this.#mostPerCheck) {
      this.omitted.set(check, count - this.#mostPerCheck);
      return;
    }
    const { severity, mend } = conformanceChecks[check];
    const { completion } = place;
    const shown = completion === undefined ? place : { ...place, completion: excerpt(completion) };
    this.list.push({ check, severity, message, expected, mend, ...shown });
  }
}

const EXCERPT_CHARS = 80;

/** A text that fits into a line: quoted, its beginning, and how much there is of it. */
export function excerpt(text: string): string {
  if (text.length <= EXCERPT_CHARS) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, EXCERPT_CHARS))} and ${text.length - EXCERPT_CHARS} more characters`;
}
