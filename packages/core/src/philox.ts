/**
 * Philox 4×32-10: the counter-based generator behind every random draw. A draw is a pure function of (seed, stream,
 * indices, position), so it is the same whatever ran before it, in whatever order, on whatever machine.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; tested on the Random123
 * known-answer vectors. It does not know what the draws are for.
 */
import { sha256Hex } from './hash.ts';

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** High 32 bits of a 32×32-bit product, as a signed word: by 16-bit limbs, in 32-bit integers throughout. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const one = Math.imul(aHigh, bLow);
  const other = Math.imul(aLow, bHigh);
  const middle = (Math.imul(aLow, bLow) >>> 16) + (one & 0xffff) + (other & 0xffff);
  return (Math.imul(aHigh, bHigh) + (one >>> 16) + (other >>> 16) + (middle >>> 16)) | 0;
}

/**
 * One block of four 32-bit words.
 *
 * @param counter four unsigned 32-bit words
 * @param key two unsigned 32-bit words
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  const block = new PhiloxBlock();
  block.fill(...counter, ...key);
  return [block.word0 >>> 0, block.word1 >>> 0, block.word2 >>> 0, block.word3 >>> 0];
}

/** Four signed words in fields of their own: to fill them again makes no array. */
class PhiloxBlock {
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;

  fill(counter0: number, counter1: number, counter2: number, counter3: number, key0: number, key1: number): void {
    let c0 = counter0 | 0;
    let c1 = counter1 | 0;
    let c2 = counter2 | 0;
    let c3 = counter3 | 0;
    let k0 = key0 | 0;
    let k1 = key1 | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = multiplyHigh(MULTIPLIER_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = multiplyHigh(MULTIPLIER_1, c2);
      const low1 = Math.imul(MULTIPLIER_1, c2);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + WEYL_0) | 0;
      k1 = (k1 + WEYL_1) | 0;
    }
    this.word0 = c0;
    this.word1 = c1;
    this.word2 = c2;
    this.word3 = c3;
  }
}

/** A sequence of draws under one key. It has a position, and nothing else that changes. */
export interface KeyedRandom {
  /** Unsigned 32-bit integer. */
  uint32(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound), without modulo bias. `bound` in 1…2^32. */
  integer(bound: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(values: readonly T[]): T[];
}

type Key = readonly [number, number];

const keys = new Map<string, Key>();
/** The key asked for last: draws come in long runs under one seed and stream. */
let lastSeed = -1;
let lastStream = '';
let lastKey: Key = [0, 0];

function keyOf(seed: number, stream: string): Key {
  if (seed === lastSeed && stream === lastStream) return lastKey;
  const name = `${seed}/${stream}`;
  let key = keys.get(name);
  if (key === undefined) {
    const digest = sha256Hex(`evenkeel-philox-1/${name}`);
    key = [Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8, 16), 16)];
    if (keys.size > 4096) keys.clear();
    keys.set(name, key);
  }
  lastSeed = seed;
  lastStream = stream;
  lastKey = key;
  return key;
}

/**
 * The generator for one draw site.
 *
 * @param seed the run's seed; a safe integer ≥ 0
 * @param stream what is drawn, for example `rollout/sample`
 * @param indices up to three unsigned 32-bit words that say which draw it is (step, prompt, rollout…)
 * @throws {RangeError} on a seed or an index out of range
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(keyedRandom(1, 'demo', 3).uint32(), keyedRandom(1, 'demo', 3).uint32());
 * ```
 */
export function keyedRandom(seed: number, stream: string, ...indices: number[]): KeyedRandom {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Cannot key a random stream: seed is ${seed}, expected a safe integer >= 0`);
  }
  if (indices.length > 3 || !areWords(indices)) {
    throw new RangeError(`Cannot key a random stream: indices are [${indices}], expected up to three 32-bit words`);
  }
  return new PhiloxSequence(keyOf(seed, stream), indices[0] ?? 0, indices[1] ?? 0, indices[2] ?? 0);
}

function areWords(values: readonly number[]): boolean {
  for (const value of values) if (value !== value >>> 0) return false;
  return true;
}

class PhiloxSequence implements KeyedRandom {
  readonly #key: Key;
  readonly #first: number;
  readonly #second: number;
  readonly #third: number;
  readonly #block = new PhiloxBlock();
  #used = 4;
  #counter = 0;

  constructor(key: Key, first: number, second: number, third: number) {
    this.#key = key;
    this.#first = first;
    this.#second = second;
    this.#third = third;
  }

  uint32(): number {
    const block = this.#block;
    switch (this.#used++) {
      case 1:
        return block.word1 >>> 0;
      case 2:
        return block.word2 >>> 0;
      case 3:
        return block.word3 >>> 0;
      default:
        block.fill(this.#counter++, this.#first, this.#second, this.#third, this.#key[0], this.#key[1]);
        this.#used = 1;
        return block.word0 >>> 0;
    }
  }

  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000) {
      throw new RangeError(`Cannot draw an integer: bound is ${bound}, expected 1 to 2^32`);
    }
    if (bound === 0x100000000) return this.uint32();
    for (;;) {
      const word = this.uint32();
      const quotient = Math.floor(word / bound);
      // The words that give this quotient must all be there: else small results would be too frequent.
      if ((quotient + 1) * bound <= 0x100000000) return (word - quotient * bound) >>> 0;
    }
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)]!;
  }

  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = values.slice();
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const value = shuffled[last]!;
      shuffled[last] = shuffled[other]!;
      shuffled[other] = value;
    }
    return shuffled;
  }
}
