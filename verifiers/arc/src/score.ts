/**
 * The verdict on a completion. It knows neither rules nor puzzles: the target is a text of cells, and so must the answer be.
 *
 * Invariants: linear time, and memory bounded by the answer's length; no regular expression repeats a group, which would run out of
 * stack on megabytes.
 */
import { lastBoxed, type Submission, type Verdict } from '@evenkeel/verifier';

const LONGEST_ANSWER = 200;

/**
 * 1 for the target in the last box, cell by cell, a run of white space as good as one space; 0.1 for anything else in that box;
 * 0 where there is no box or nothing in it. Never throws.
 *
 * @param submission its ground truth is `{ target }`: cells 0 to 9 with white space between
 */
export function score({ groundTruth, completion }: Submission): Verdict {
  const target = targetFrom(groundTruth);
  if (target === null) {
    const message = 'Cannot score an ARC answer: ground truth is malformed, expected { target } with cells 0 to 9';
    return { kind: 'failed', error: { code: 'ground-truth', message } };
  }
  const box = lastBoxed(completion);
  if (box === null) return unformatted('no-box');
  const content = box.trim();
  if (content === '') return unformatted('empty-box');
  const answer = content === target ? target : spaced(content, Math.max(target.length, LONGEST_ANSWER));
  const correct = answer === target;
  return {
    kind: 'scored',
    reward: correct ? 1 : 0.1,
    correct,
    formatted: true,
    answer: (answer.length > LONGEST_ANSWER ? answer.slice(0, LONGEST_ANSWER) : answer).toWellFormed(),
    reason: correct ? 'correct' : whyWrong(answer, target),
  };
}

/** The words of a trimmed text with one space between, up to the word with which it is longer than `limit`. */
function spaced(text: string, limit: number): string {
  if (isGridText(text) || (text.length <= limit && isSpaced(text))) return text;
  let result = '';
  for (const [word] of text.matchAll(/\S+/g)) {
    result = result === '' ? word : `${result} ${word}`;
    if (result.length > limit) break;
  }
  return result;
}

/** Whether a trimmed text is of ASCII characters, its words one space apart: most are. */
function isSpaced(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 126 || code < 32 || (code === 32 && text.charCodeAt(at + 1) === 32)) return false;
  }
  return true;
}

function whyWrong(answer: string, target: string): string {
  if (!isGridText(answer)) return 'not-a-grid';
  return answer.length === target.length ? 'wrong-cells' : 'wrong-length';
}

/** Whether a text is cells 0 to 9 with one space between. */
function isGridText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (at % 2 === 0 ? code < 48 || code > 57 : code !== 32) return false;
  }
  return text.length % 2 === 1;
}

function targetFrom(groundTruth: Submission['groundTruth']): string | null {
  if (typeof groundTruth !== 'object' || groundTruth === null || !('target' in groundTruth)) return null;
  const { target } = groundTruth;
  if (typeof target !== 'string') return null;
  if (isGridText(target)) return target;
  const cells = spaced(target.trim(), target.length);
  return isGridText(cells) ? cells : null;
}

function unformatted(reason: string): Verdict {
  return { kind: 'scored', reward: 0, correct: false, formatted: false, answer: null, reason };
}
