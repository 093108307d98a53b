/** Letters to add, leave out or replace to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, place) => place);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * The name that was most likely meant, or null where none is near.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(nearestName('lamda', ['lambda', 'steps']), 'lambda');
 * equal(nearestName('colour', ['lambda', 'steps']), null);
 * ```
 */
export function nearestName(typed: string, names: readonly string[]): string | null {
  const word = typed.toLowerCase();
  const near = names
    .map((name) => ({ name, far: distance(word, name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(1, Math.floor(Math.min(word.length, name.length) / 3)))
    .sort((a, b) => a.far - b.far);
  if (near[0] !== undefined) return near[0].name;
  const begun = word.length < 3 ? [] : names.filter((name) => name.toLowerCase().includes(word));
  return begun.length === 1 ? begun[0]! : null;
}
