/** Countdown's verdict. It knows the rule of the game and nothing of how puzzles are made. */
import { lastBoxed, type Submission, type Verdict } from '@evenkeel/verifier';
import { evaluateExpression, parseExpression } from './expression.ts';

const MOST_NUMBERS = 64;
const LONGEST_ANSWER = 200;

/**
 * 1 for an expression in the last box that uses each number exactly once and has the target as its exact value, 0.1 for anything
 * else in that box, 0 where there is no box or nothing in it. Never throws.
 */
export function scoreCountdown(submission: Submission): Verdict {
  const truth = readGroundTruth(submission.groundTruth);
  if (truth === null) {
    return {
      kind: 'failed',
      error: {
        code: 'ground-truth',
        message:
          'Cannot score a Countdown answer: ground truth is malformed, expected { target, numbers } with integers, numbers positive',
      },
    };
  }
  const box = lastBoxed(submission.completion);
  const content = box === null ? '' : box.trim();
  if (content === '') {
    return {
      kind: 'scored',
      reward: 0,
      correct: false,
      formatted: false,
      answer: null,
      reason: box === null ? 'no-box' : 'empty-box',
    };
  }
  const reason = judge(content, truth.target, truth.numbers);
  const correct = reason === 'correct';
  const answer = content.length > LONGEST_ANSWER ? content.slice(0, LONGEST_ANSWER) : content;
  return {
    kind: 'scored',
    reward: correct ? 1 : 0.1,
    correct,
    formatted: true,
    answer: answer.toWellFormed(),
    reason,
  };
}

function judge(content: string, target: number, numbers: readonly number[]): string {
  const expression = parseExpression(content);
  if (expression.kind === 'refused') return expression.reason;
  const misuse = misuseOf(expression.literals, numbers);
  if (misuse !== null) return misuse;
  const value = evaluateExpression(expression);
  if (value === null) return 'division-by-zero';
  return value.numerator === BigInt(target) * value.denominator ? 'correct' : 'wrong-value';
}

function misuseOf(literals: readonly number[], numbers: readonly number[]): string | null {
  const unused = [...numbers];
  let reused = false;
  for (const literal of literals) {
    const at = unused.indexOf(literal);
    if (at >= 0) unused.splice(at, 1);
    else if (numbers.includes(literal)) reused = true;
    else return 'number-not-given';
  }
  if (reused) return 'number-reused';
  return unused.length > 0 ? 'number-unused' : null;
}

function readGroundTruth(truth: unknown): { readonly target: number; readonly numbers: readonly number[] } | null {
  if (typeof truth !== 'object' || truth === null || !('target' in truth) || !('numbers' in truth)) return null;
  const { target, numbers } = truth;
  if (!Number.isSafeInteger(target) || !Array.isArray(numbers)) return null;
  if (numbers.length === 0 || numbers.length > MOST_NUMBERS) return null;
  for (const number of numbers) if (!Number.isSafeInteger(number) || number < 0) return null;
  return { target: target as number, numbers: numbers as number[] };
}
