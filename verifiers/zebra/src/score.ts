/** Zebra's verdict: the name in the last box. It knows no puzzle, only the name that is right. */
import { lastBoxed, type Submission, type Verdict } from '@evenkeel/verifier';

const LONGEST_ANSWER = 200;

/**
 * 1 for the right name in the last box, upper and lower case and white space around it aside; 0.1 for anything else in that box;
 * 0 where there is no box or nothing in it. Never throws.
 */
export function scoreZebra(submission: Submission): Verdict {
  const target = readTarget(submission.groundTruth);
  if (target === null) {
    return {
      kind: 'failed',
      error: {
        code: 'ground-truth',
        message: 'Cannot score a Zebra answer: ground truth is malformed, expected { target } with a name',
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
  // Lower case is never shorter: megabytes are told from a name without a copy of them.
  const correct = content.length <= target.length && content.toLowerCase() === target;
  const answer = content.length > LONGEST_ANSWER ? content.slice(0, LONGEST_ANSWER) : content;
  return {
    kind: 'scored',
    reward: correct ? 1 : 0.1,
    correct,
    formatted: true,
    answer: answer.toWellFormed(),
    reason: correct ? 'correct' : 'wrong-name',
  };
}

function readTarget(truth: unknown): string | null {
  if (typeof truth !== 'object' || truth === null || !('target' in truth) || typeof truth.target !== 'string')
    return null;
  const target = truth.target.trim().toLowerCase();
  return target === '' ? null : target;
}
