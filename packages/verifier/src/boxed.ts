/**
 * Finds the answer in a completion. It knows braces and nothing of what stands between them.
 *
 * Invariants: linear time and constant memory on any string, whatever is repeated in it.
 */
const OPENING = '\\boxed{';
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/**
 * The content of the last complete `\boxed{…}`: the one that begins last among those whose braces balance. A box that is never
 * closed is none, so the last complete one before it counts; of nested boxes the inner one begins last. Every brace counts, an
 * escaped one too, as in the published scorers. The whole completion is searched, not its last line alone.
 *
 * @returns what stands between the braces, untrimmed; null where there is no complete box
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(lastBoxed('first \\boxed{1}, no: \\boxed{ \\frac{3}{4} }.'), ' \\frac{3}{4} ');
 * equal(lastBoxed('\\boxed{1} and then \\boxed{2'), '1');
 * ```
 */
export function lastBoxed(completion: string): string | null {
  const last = completion.lastIndexOf(OPENING);
  if (last < 0) return null;
  const start = last + OPENING.length;
  const end = closingBrace(completion, start);
  return end < 0 ? lastClosedBox(completion) : completion.slice(start, end);
}

/** Where the brace is that closes what was opened just before `start`; -1 where there is none. */
function closingBrace(text: string, start: number): number {
  const first = text.indexOf('}', start);
  if (first < 0) return -1;
  const inner = text.indexOf('{', start);
  if (inner < 0 || inner > first) return first;
  let depth = 1;
  for (let at = inner; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACE) depth++;
    else if (code === CLOSE_BRACE && --depth === 0) return at;
  }
  return -1;
}

/** The last box of those that are closed, for where the last one of all is not. */
function lastClosedBox(completion: string): string | null {
  // Backwards: `unmatched` closing braces lie to the right. The first box met that has one of them is the last complete box.
  let unmatched = 0;
  for (let at = completion.length - 1; at >= OPENING.length - 1; at--) {
    const code = completion.charCodeAt(at);
    if (code === CLOSE_BRACE) unmatched++;
    else if (code === OPEN_BRACE && unmatched > 0) {
      if (completion.startsWith(OPENING, at + 1 - OPENING.length)) {
        return completion.slice(at + 1, closingBrace(completion, at + 1));
      }
      unmatched--;
    }
  }
  return null;
}
