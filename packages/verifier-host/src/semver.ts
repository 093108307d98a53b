/** Exact semantic versions and their order (semver.org, items 2, 9 and 11). It knows no ranges. */

const PATTERN =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

export function isVersion(text: string): boolean {
  return text.length <= 100 && PATTERN.test(text);
}

/**
 * Which of two versions a name without one means: the first is the one to take. Releases before pre-releases, higher before lower.
 * Versions that differ in build metadata alone are ordered as texts, so that the order is total.
 */
export function byPreference(a: string, b: string): number {
  const [left, right] = [PATTERN.exec(a), PATTERN.exec(b)];
  if (left === null || right === null) return Number(left === null) - Number(right === null) || compareText(b, a);
  const released = Number(left[4] !== undefined) - Number(right[4] !== undefined);
  if (released !== 0) return released;
  for (const part of [1, 2, 3]) {
    const order = compareNumbers(right[part]!, left[part]!);
    if (order !== 0) return order;
  }
  return comparePreReleases(right[4], left[4]) || compareText(b, a);
}

function comparePreReleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = compareIdentifiers(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return compareNumbers(a, b);
  return aIsNumber === bIsNumber ? compareText(a, b) : aIsNumber ? -1 : 1;
}

/** Of any length: no number of a version is rounded. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
