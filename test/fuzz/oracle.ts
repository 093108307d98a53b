/**
 * What a completion deserves, found in other ways than the verifiers find it, from the rules that their READMEs state. Slow, and
 * small enough to be read: the fuzzer compares every verdict with it.
 *
 * Shared with the verifiers: nothing. The box is found forwards with a stack; white space is a table; numbers are compared as sorted
 * texts; an expression is reduced from its innermost brackets outwards, in lowest terms.
 */

/** The reward that a rule gives. */
export type Deserved = 1 | 0.1 | 0;

/** What `String.prototype.trim` takes for white space, by the standard's list. */
const whiteSpace = new Set([
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680],
  ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff],
]);

const isSpace = (text: string, at: number): boolean => whiteSpace.has(text.charCodeAt(at));

function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text, start)) start++;
  while (end > start && isSpace(text, end - 1)) end--;
  return text.substring(start, end);
}

/** Of the boxes whose braces are closed the one that begins last. */
function boxIn(text: string): string | null {
  const open: number[] = [];
  let begin = -1;
  let end = -1;
  for (const { 0: brace, index } of text.matchAll(/[{}]/g)) {
    if (brace === '{') {
      open.push(index);
      continue;
    }
    const start = open.pop();
    if (start === undefined || start <= begin || text.substring(start - 6, start) !== '\\boxed') continue;
    begin = start;
    end = index;
  }
  return begin < 0 ? null : text.substring(begin + 1, end);
}

/** By the box alone: null where its content decides. */
function withoutAnswer(content: string | null): Deserved | null {
  return content === null || trimmed(content) === '' ? 0 : null;
}

export function deservedCountdown(completion: string, target: number, numbers: readonly number[]): Deserved {
  const box = boxIn(completion);
  return withoutAnswer(box) ?? (reaches(trimmed(box!), target, numbers) ? 1 : 0.1);
}

/** For targets of ASCII characters: the only other character whose lower case is one of these is the Kelvin sign. */
export function deservedZebra(completion: string, target: string): Deserved {
  const box = boxIn(completion);
  const none = withoutAnswer(box);
  if (none !== null) return none;
  const name = trimmed(box!);
  const wanted = trimmed(target);
  if (name.length !== wanted.length) return 0.1;
  for (let at = 0; at < name.length; at++) {
    if (lowerCase(name.charCodeAt(at)) !== lowerCase(wanted.charCodeAt(at))) return 0.1;
  }
  return 1;
}

function lowerCase(code: number): number {
  if (code === 0x212a) return 107;
  return code >= 65 && code <= 90 ? code + 32 : code;
}

export function deservedArc(completion: string, target: string): Deserved {
  const box = boxIn(completion);
  const none = withoutAnswer(box);
  if (none !== null) return none;
  const cells = target.match(/[0-9]/g) ?? [];
  let cell = 0;
  for (let at = 0; at < box!.length; at++) {
    if (isSpace(box!, at)) continue;
    if (box![at] !== cells[cell++]) return 0.1;
    if (at + 1 < box!.length && !isSpace(box!, at + 1)) return 0.1;
  }
  return cell === cells.length ? 1 : 0.1;
}

// Countdown's arithmetic. A value in lowest terms with a positive denominator, or what stands between values.
type Value = { readonly top: bigint; readonly bottom: bigint };
type Token = Value | '+' | '-' | '*' | '/' | '(';

function reaches(text: string, target: number, numbers: readonly number[]): boolean {
  if (text.length > 10_000) return false;
  if (!/^[-+*/()0-9 \t\n\v\f\r]*$/.test(text) || text.includes('**') || text.includes('//')) return false;
  const written = text.match(/[0-9]+/g) ?? [];
  if ([...written].sort().join() !== numbers.map(String).sort().join()) return false;
  const value = exactValue(text);
  return value !== null && value.bottom === 1n && value.top === BigInt(target);
}

/** Null where the text is no expression, or divides by zero. */
function exactValue(text: string): Value | null {
  const tokens: Token[] = [];
  for (const [piece] of `(${text})`.matchAll(/[0-9]+|[-+*/()]/g)) {
    if (piece !== ')') {
      tokens.push(/[0-9]/.test(piece) ? { top: BigInt(piece), bottom: 1n } : (piece as Token));
      continue;
    }
    const open = tokens.lastIndexOf('(');
    if (open < 0) return null;
    const inner = flatValue(tokens.splice(open).slice(1));
    if (inner === null) return null;
    tokens.push(inner);
  }
  return tokens.length === 1 && isValue(tokens[0]) ? tokens[0] : null;
}

const isValue = (token: Token | undefined): token is Value => typeof token === 'object';

/** Without brackets: signs first, from the right; then points, then dashes, each from the left. */
function flatValue(tokens: readonly Token[]): Value | null {
  if (tokens.some((token, at) => isValue(token) && isValue(tokens[at + 1]))) return null;
  const signed = [...tokens];
  for (let at = signed.length - 2; at >= 0; at--) {
    const sign = signed[at];
    if ((sign !== '+' && sign !== '-') || isValue(signed[at - 1]) || !isValue(signed[at + 1])) continue;
    const { top, bottom } = signed[at + 1] as Value;
    signed.splice(at, 2, { top: sign === '-' ? -top : top, bottom });
  }
  return (folded(folded(signed, '*', '/'), '+', '-')?.[0] as Value | undefined) ?? null;
}

/** With the two operators carried out from the left; null where one has no value at a side or divides by zero. */
function folded(tokens: readonly Token[] | null, one: Token, other: Token): Token[] | null {
  if (tokens === null || !isValue(tokens[0])) return null;
  const result: Token[] = [tokens[0]];
  for (let at = 1; at < tokens.length; at += 2) {
    const operator = tokens[at]!;
    const right = tokens[at + 1];
    if (isValue(operator) || !isValue(right)) return null;
    const left = result[result.length - 1] as Value;
    if (operator !== one && operator !== other) result.push(operator, right);
    else {
      const next = carriedOut(left, operator, right);
      if (next === null) return null;
      result[result.length - 1] = next;
    }
  }
  return result;
}

function carriedOut(left: Value, operator: Token, right: Value): Value | null {
  if (operator === '*') return value(left.top * right.top, left.bottom * right.bottom);
  if (operator === '/') return value(left.top * right.bottom, left.bottom * right.top);
  const cross = right.top * left.bottom;
  return value(left.top * right.bottom + (operator === '-' ? -cross : cross), left.bottom * right.bottom);
}

/** In lowest terms; null over zero. */
function value(top: bigint, bottom: bigint): Value | null {
  if (bottom === 0n) return null;
  let [a, b] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = bottom < 0n ? -a : a;
  return { top: top / divisor, bottom: bottom / divisor };
}
