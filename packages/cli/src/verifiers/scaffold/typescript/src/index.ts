/**
 * The largest of some numbers: an example to put a task of your own in place of. A task answers three questions, all of them pure:
 * which puzzle (`generate`), which words (`prompt`), which verdict (`score`); `gold` and `decoy` are answers to test them with.
 */
import {
  drawInSplit,
  type KeyedRandom,
  keyedRandom,
  lastBoxed,
  type PromptStyle,
  type TaskVerifier,
  type Verdict,
} from '@evenkeel/verifier';

/** What a prompt needs to know. A type alias, as an interface would not count as JSON. */
export type NumbersData = { readonly numbers: readonly number[] };

interface LevelRule {
  /** How many numbers. */
  readonly count: number;
  /** How large they get. */
  readonly largest: number;
}

const levels: ReadonlyMap<string, LevelRule> = new Map([
  ['tiny', { count: 2, largest: 99 }],
  ['easy', { count: 4, largest: 999 }],
  ['hard', { count: 8, largest: 99_999 }],
]);

const verifier: TaskVerifier<NumbersData> = {
  manifest: {
    id: 'template-task',
    version: '1.0.0',
    sdk: '^1',
    title: 'The largest of some numbers',
    levels: [...levels.keys()],
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },

  generate(query) {
    const rule = levels.get(query.level);
    if (rule === undefined) {
      throw new RangeError(
        `Cannot generate a puzzle: level is "${query.level}", expected one of ${[...levels.keys()].join(', ')}`,
      );
    }
    const numbers = drawInSplit(
      query,
      'template-task-1',
      (random) => differentNumbers(random, rule),
      // Two puzzles with this key are one puzzle: it decides the split, and is the id.
      identityOf,
    );
    return {
      id: identityOf(numbers),
      level: query.level,
      data: { numbers },
      groundTruth: { target: Math.max(...numbers) },
    };
  },

  prompt({ data }, style) {
    if (style === 'compact') return `from ${data.numbers.join(' ')} :`;
    return `Which of the numbers ${data.numbers.join(', ')} is the largest? Put your answer into \\boxed{}, for example \\boxed{0}.`;
  },

  gold({ data }, style) {
    return boxed(Math.max(...data.numbers), style);
  },

  decoy({ id, data }, style, variant) {
    const largest = Math.max(...data.numbers);
    const others = data.numbers.filter((number) => number !== largest);
    return boxed(keyedRandom(variant, `template-task-1/decoy/${id}`).pick(others), style);
  },

  score({ groundTruth, completion }) {
    const target = targetOf(groundTruth);
    if (target === null) {
      const message = 'Cannot score an answer: ground truth is malformed, expected { target } with a whole number';
      return { kind: 'failed', error: { code: 'ground-truth', message } };
    }
    const answer = lastBoxed(completion)?.trim() ?? '';
    if (answer === '') return verdict(0, null, 'no-answer');
    if (!/^\d{1,15}$/.test(answer)) return verdict(0.1, answer, 'not-a-number');
    return Number(answer) === target ? verdict(1, answer, 'correct') : verdict(0.1, answer, 'wrong-number');
  },
};

export default verifier;

/** @returns null where the draw gave no puzzle; it is drawn again */
function differentNumbers(random: KeyedRandom, { count, largest }: LevelRule): number[] | null {
  const numbers = Array.from({ length: count }, () => random.integer(largest + 1));
  return new Set(numbers).size === count ? numbers : null;
}

function identityOf(numbers: readonly number[]): string {
  return [...numbers].sort((a, b) => a - b).join(',');
}

function boxed(answer: number, style: PromptStyle): string {
  return style === 'compact' ? `\\boxed{ ${answer} }` : `\\boxed{${answer}}`;
}

/** @param truth of a puzzle, or of a row that somebody wrote */
function targetOf(truth: unknown): number | null {
  if (typeof truth !== 'object' || truth === null || !('target' in truth)) return null;
  const { target } = truth;
  return typeof target === 'number' && Number.isSafeInteger(target) ? target : null;
}

/**
 * @param reward right; in the form, but wrong; no answer in the form
 * @param reason stable, in a few words: people count them
 */
function verdict(reward: 1 | 0.1 | 0, answer: string | null, reason: string): Verdict {
  return {
    kind: 'scored',
    reward,
    correct: reward === 1,
    formatted: reward > 0,
    answer: answer === null ? null : answer.slice(0, 200).toWellFormed(),
    reason,
  };
}
