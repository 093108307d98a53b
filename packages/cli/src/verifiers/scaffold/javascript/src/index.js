// @ts-check
/**
 * The largest of some numbers: an example to put a task of your own in place of. A task answers three questions, all of them pure:
 * which puzzle (`generate`), which words (`prompt`), which verdict (`score`); `gold` and `decoy` are answers to test them with.
 */
import { drawInSplit, keyedRandom, lastBoxed } from '../sdk/verifier.js';

/**
 * @typedef {import('../sdk/verifier.js').Verdict} Verdict
 * @typedef {import('../sdk/verifier.js').TaskVerifier<NumbersData>} NumbersVerifier
 * @typedef {{ readonly numbers: readonly number[] }} NumbersData what a prompt needs to know
 */

/** Of each level: how many numbers, and how large they get. @type {Readonly<Record<string, { count: number, largest: number }>>} */
const levels = {
  tiny: { count: 2, largest: 99 },
  easy: { count: 4, largest: 999 },
  hard: { count: 8, largest: 99_999 },
};

/** @type {NumbersVerifier} */
const verifier = {
  manifest: {
    id: 'template-task',
    version: '1.0.0',
    sdk: '^1',
    title: 'The largest of some numbers',
    levels: Object.keys(levels),
    limits: { timeMs: 1000, memoryMb: 64 },
    permissions: { net: [], read: [], env: [] },
  },

  generate(query) {
    const rule = Object.hasOwn(levels, query.level) ? levels[query.level] : undefined;
    if (rule === undefined) {
      throw new RangeError(
        `Cannot generate a puzzle: level is "${query.level}", expected one of ${Object.keys(levels)}`,
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

/**
 * @param {import('../sdk/verifier.js').KeyedRandom} random the only source of chance there is
 * @param {{ count: number, largest: number }} rule
 * @returns {number[] | null} null where the draw gave no puzzle; it is drawn again
 */
function differentNumbers(random, { count, largest }) {
  const numbers = Array.from({ length: count }, () => random.integer(largest + 1));
  return new Set(numbers).size === count ? numbers : null;
}

/** @param {readonly number[]} numbers */
function identityOf(numbers) {
  return [...numbers].sort((a, b) => a - b).join(',');
}

/**
 * @param {number} answer
 * @param {import('../sdk/verifier.js').PromptStyle} style
 */
function boxed(answer, style) {
  return style === 'compact' ? `\\boxed{ ${answer} }` : `\\boxed{${answer}}`;
}

/** @param {unknown} truth of a puzzle, or of a row that somebody wrote */
function targetOf(truth) {
  if (typeof truth !== 'object' || truth === null || !('target' in truth)) return null;
  const { target } = truth;
  return typeof target === 'number' && Number.isSafeInteger(target) ? target : null;
}

/**
 * @param {1 | 0.1 | 0} reward right; in the form, but wrong; no answer in the form
 * @param {string | null} answer
 * @param {string} reason stable, in a few words: people count them
 * @returns {Verdict}
 */
function verdict(reward, answer, reason) {
  return {
    kind: 'scored',
    reward,
    correct: reward === 1,
    formatted: reward > 0,
    answer: answer === null ? null : answer.slice(0, 200).toWellFormed(),
    reason,
  };
}
