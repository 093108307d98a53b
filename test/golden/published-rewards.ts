/**
 * The published rule of the Multi-Task GRPO paper's code, written anew from its description, and the classes in which our verdicts
 * differ from it (`docs/verdicts.md`). It shares nothing with the verifiers; `published-rewards.py` is the same rule with Python's
 * own `eval`.
 *
 * What it leaves open: expressions whose value only Python can say. There the reward is null.
 */
import { lastBoxed } from '@evenkeel/verifier';

/** In what our verdicts differ from the published ones. */
export type Difference =
  | 'last-line'
  | 'unclosed-box'
  | 'empty-box'
  | 'other-white-space'
  | 'cells-apart'
  | 'python-operators'
  | 'decimal-point'
  | 'floating-point'
  | 'white-space-in-expression'
  | 'deep-nesting'
  | 'too-long';

export interface PublishedTruth {
  readonly target: number | string;
  readonly numbers?: readonly number[];
}

/** What a row's completion gets there; the prompt ends with the first "Assistant:". */
export function publishedReward(task: string, truth: PublishedTruth, completion: string): number | null {
  const content = publishedBox(completion.slice(completion.lastIndexOf('\n') + 1));
  if (content === null) return 0;
  if (task !== 'countdown')
    return stripped(content.toLowerCase()) === stripped(String(truth.target).toLowerCase()) ? 1 : 0.1;
  if (!usesJust(content, truth.numbers!)) return 0.1;
  const value = pythonValue(content);
  if (value === undefined) return null;
  return value !== null && isNear(value, truth.target as number) ? 1 : 0.1;
}

/** The last `\boxed` of all, if a closed pair of braces follows it at once. */
function publishedBox(line: string): string | null {
  const start = line.lastIndexOf('\\boxed');
  if (start < 0 || line[start + 6] !== '{') return null;
  let depth = 0;
  for (let at = start + 6; at < line.length; at++) {
    if (line[at] === '{') depth++;
    if (line[at] === '}' && --depth === 0) return line.slice(start + 7, at);
  }
  return null;
}

/** What Python's `strip` takes away: four separators and the next line too, and no byte order mark. */
function stripped(text: string): string {
  return text.replace(/^[\s\x1c-\x1f\x85]+/, keepMark).replace(/[\s\x1c-\x1f\x85]+$/, keepMark);
}

const keepMark = (space: string): string => (space.includes('\ufeff') ? space.replaceAll(/[^\ufeff]/g, '') : '');

function usesJust(text: string, numbers: readonly number[]): boolean {
  const written = [...text.matchAll(/\p{Nd}+/gu)].map(([digits]) => Number(digits.replaceAll(/[^0-9]/g, 'x')));
  const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b).join();
  return ascending(written) === ascending(numbers);
}

type PythonNumber = bigint | number;

const isNear = (value: PythonNumber, target: number): boolean =>
  typeof value === 'bigint' ? value === BigInt(target) : Math.abs(value - target) < 1e-5;

/** What only Python can say: nesting near its limits, integers beyond the doubles. */
class Undefined extends Error {}
/** An exception of Python's. */
class Raised extends Error {}

const DEEPEST = 200;
const SURELY_FINE = 150;
const MOST_SIGNS = 500;

/** @returns null where Python raises; undefined where this does not know */
function pythonValue(text: string): PythonNumber | null | undefined {
  if (!/^[0-9+\-*/().\s\x1c-\x1f\x85]+$/.test(text)) return null;
  const expression = text.replace(/^[ \t]+/, '').replace(/[ \t\f\r]+$/, '');
  if (/[\r]/.test(expression)) return undefined;
  if (/[^0-9+\-*/(). \t\f]/.test(expression)) return null;
  try {
    return new PythonArithmetic(expression).value();
  } catch (error) {
    if (error instanceof Undefined) return undefined;
    if (error instanceof Raised) return null;
    throw error;
  }
}

/** Recursive descent over Python's grammar of sums, products, signs, powers and brackets. */
class PythonArithmetic {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/(?:[0-9]+\.?[0-9]*|\.[0-9]+)|\*\*|\/\/|[-+*/()]|\S/g) ?? [];
    const depth = deepest(text);
    if (depth > DEEPEST) throw new Raised('too many nested parentheses');
    if (depth > SURELY_FINE || /[-+]{500}/.test(text.replaceAll(/\s/g, ''))) throw new Undefined();
    if (this.#tokens.length > MOST_SIGNS * 4) throw new Undefined();
  }

  value(): PythonNumber {
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw new Raised('invalid syntax');
    return value;
  }

  #take(...tokens: readonly string[]): string | null {
    const token = this.#tokens[this.#at];
    if (token === undefined || !tokens.includes(token)) return null;
    this.#at++;
    return token;
  }

  #sum(): PythonNumber {
    let left = this.#product();
    for (let operator = this.#take('+', '-'); operator !== null; operator = this.#take('+', '-')) {
      left = carriedOut(operator, left, this.#product());
    }
    return left;
  }

  #product(): PythonNumber {
    let left = this.#signed();
    for (let operator = this.#take('*', '/', '//'); operator !== null; operator = this.#take('*', '/', '//')) {
      left = carriedOut(operator, left, this.#signed());
    }
    return left;
  }

  #signed(): PythonNumber {
    const sign = this.#take('+', '-');
    if (sign === null) return this.#power();
    const operand = this.#signed();
    return sign === '-' ? -operand : operand;
  }

  #power(): PythonNumber {
    const base = this.#atom();
    return this.#take('**') === null ? base : power(base, this.#signed());
  }

  #atom(): PythonNumber {
    if (this.#take('(') !== null) {
      const value = this.#sum();
      if (this.#take(')') === null) throw new Raised('invalid syntax');
      return value;
    }
    const token = this.#tokens[this.#at++] ?? '';
    if (!/[0-9]/.test(token)) throw new Raised('invalid syntax');
    if (token.includes('.')) return Number(token);
    if (/^0+[1-9]/.test(token)) throw new Raised('leading zeros');
    return BigInt(token);
  }
}

function carriedOut(operator: string, left: PythonNumber, right: PythonNumber): PythonNumber {
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    if (operator === '+') return left + right;
    if (operator === '-') return left - right;
    if (operator === '*') return left * right;
    if (right === 0n) throw new Raised('division by zero');
    if (operator === '//') return left / right - (left % right !== 0n && left < 0n !== right < 0n ? 1n : 0n);
    return double(left) / double(right);
  }
  const [a, b] = [Number(left), Number(right)];
  if (!Number.isFinite(a) || !Number.isFinite(b)) throw new Undefined();
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  if (operator === '*') return a * b;
  if (b === 0) throw new Raised('division by zero');
  return operator === '/' ? a / b : Math.floor(a / b);
}

/** Of an integer that a double holds. Python divides larger ones exactly before it rounds. */
function double(value: bigint): number {
  if (value > 2n ** 53n || value < -(2n ** 53n)) throw new Undefined();
  return Number(value);
}

function power(base: PythonNumber, exponent: PythonNumber): PythonNumber {
  if (typeof base === 'bigint' && typeof exponent === 'bigint' && exponent >= 0n) {
    if (exponent > 1000n) throw new Undefined();
    return base ** exponent;
  }
  const [a, b] = [Number(base), Number(exponent)];
  if (a === 0 && b < 0) throw new Raised('zero to a negative power');
  if (a < 0 && !Number.isInteger(b)) throw new Undefined();
  const result = a ** b;
  if (!Number.isFinite(result)) throw new Undefined();
  return result;
}

/** The class to which a difference in the rewards of a completion belongs; null where there is none for it. */
export function differenceOf(task: string, { target }: PublishedTruth, completion: string): Difference | null {
  const line = completion.slice(completion.lastIndexOf('\n') + 1);
  const [here, there] = [lastBoxed(completion), publishedBox(line)];
  if (here !== there) return lastBoxed(line) === here ? 'unclosed-box' : 'last-line';
  if (here === null) return null;
  if (here.trim() === '') return 'empty-box';
  if (task === 'zebra') return /[\ufeff\x1c-\x1f\x85]/.test(here) ? 'other-white-space' : null;
  if (task === 'arc') {
    if (/[\ufeff\x1c-\x1f\x85]/.test(here)) return 'other-white-space';
    return /\s\s|[^\S ]/.test(`${here.trim()}|${String(target).trim()}`) ? 'cells-apart' : null;
  }
  if (here.trim().length > 10_000) return 'too-long';
  if (/\*\*|\/\//.test(here)) return 'python-operators';
  if (here.includes('.')) return 'decimal-point';
  if (/[^\S \t\f]/.test(here)) return 'white-space-in-expression';
  if (deepest(here) > SURELY_FINE || /(?:[-+]\s*){500}/.test(here)) return 'deep-nesting';
  return here.includes('/') ? 'floating-point' : null;
}

function deepest(text: string): number {
  let [depth, most] = [0, 0];
  for (const character of text) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    most = Math.max(most, depth);
  }
  return most;
}
