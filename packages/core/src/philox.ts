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

/** High 32 bits of a 32×32-bit product, by 16-bit limbs: exact, and without BigInt. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
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
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
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

const keys = new Map<string, readonly [number, number]>();

function keyOf(seed: number, stream: string): readonly [number, number] {
  const name = `${seed}/${stream}`;
  let key = keys.get(name);
  if (key === undefined) {
    const digest = sha256Hex(`evenkeel-philox-1/${name}`);
    key = [Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8, 16), 16)];
    if (keys.size > 4096) keys.clear();
    keys.set(name, key);
  }
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
  if (indices.length > 3 || indices.some((index) => index !== index >>> 0)) {
    throw new RangeError(`Cannot key a random stream: indices are [${indices}], expected up to three 32-bit words`);
  }
  return new PhiloxSequence(keyOf(seed, stream), [indices[0] ?? 0, indices[1] ?? 0, indices[2] ?? 0]);
}

class PhiloxSequence implements KeyedRandom {
  #block: readonly number[] = [];
  #used = 4;
  #counter = 0;
  #key: readonly [number, number];
  #indices: readonly [number, number, number];

  constructor(key: readonly [number, number], indices: readonly [number, number, number]) {
    this.#key = key;
    this.#indices = indices;
  }

  uint32(): number {
    if (this.#used === 4) {
      this.#block = philox4x32([this.#counter++, ...this.#indices], this.#key);
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
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
    const limit = 0x100000000 - (0x100000000 % bound);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % bound;
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)]!;
  }

  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
    }
    return shuffled;
  }
}
