/**
 * The verdict on a completion: 1.0 for the target in the last box, 0.1 for anything else in it, 0 for nothing. It knows neither
 * rules nor puzzles. Linear in the length of the completion; never throws.
 */
import { lastBoxed, type Submission, type Verdict } from '@evenkeel/verifier';

const MAX_ANSWER = 200;

/** Runs of white space as one space, none at the ends. */
function normalised(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/** @param submission its ground truth is `{ target }`: the cells with white space between */
export function score({ groundTruth, completion }: Submission): Verdict {
  const target = targetFrom(groundTruth);
  if (target === null) {
    const message =
      'Cannot score an ARC answer: the ground truth is not { target }, expected cells 0 to 9 with a space between';
    return { kind: 'failed', error: { code: 'ground-truth', message } };
  }
  const box = typeof completion === 'string' ? lastBoxed(completion) : null;
  if (box === null) return unformatted('no-box');
  const answer = box === target ? box : normalised(box);
  if (answer === '') return unformatted('empty-box');
  const correct = answer === target;
  return {
    kind: 'scored',
    reward: correct ? 1 : 0.1,
    correct,
    formatted: true,
    answer: answer.slice(0, MAX_ANSWER),
    reason: correct ? 'correct' : whyWrong(answer, target),
  };
}

/** Whether a text is cells 0 to 9 with one space between. By hand: a regular expression runs out of stack on megabytes. */
function isGridText(text: string): boolean {
  if (text.length % 2 === 0) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (at % 2 === 0 ? code < 48 || code > 57 : code !== 32) return false;
  }
  return true;
}

function targetFrom(groundTruth: Submission['groundTruth']): string | null {
  if (typeof groundTruth !== 'object' || groundTruth === null || !('target' in groundTruth)) return null;
  const { target } = groundTruth;
  if (typeof target !== 'string') return null;
  const cells = normalised(target);
  return isGridText(cells) ? cells : null;
}

function unformatted(reason: string): Verdict {
  return { kind: 'scored', reward: 0, correct: false, formatted: false, answer: null, reason };
}

function whyWrong(answer: string, target: string): string {
  if (!isGridText(answer)) return 'not-a-grid';
  return answer.length === target.length ? 'wrong-cells' : 'wrong-length';
}
