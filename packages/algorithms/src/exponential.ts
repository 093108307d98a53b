/**
 * exp and softmax from additions, multiplications and divisions alone. `Math.exp` may differ between engines in the last
 * bit, and task weights decide what is drawn; these do not differ.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const TERMS = 14;

/** 1/n! for n = 0 … 14. Beyond that a term is below half a unit in the last place for |r| ≤ ln 2 / 2. */
const INVERSE_FACTORIALS = (() => {
  const inverses = [1];
  let factorial = 1;
  for (let n = 1; n <= TERMS; n++) {
    factorial *= n;
    inverses.push(1 / factorial);
  }
  return inverses;
})();

/** 2^exponent by squaring: exact, and 0 or Infinity beyond the range. */
function powerOfTwo(exponent: number): number {
  let result = 1;
  let square = exponent < 0 ? 0.5 : 2;
  for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/**
 * e^x, within two units in the last place, the same bits on every engine.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(exponential(0), 1);
 * ```
 */
export function exponential(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 709.78) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  const power = Math.round(x * Math.LOG2E);
  const r = x - power * LN2_HIGH - power * LN2_LOW;
  let sum = INVERSE_FACTORIALS[TERMS]!;
  for (let n = TERMS - 1; n >= 0; n--) sum = sum * r + INVERSE_FACTORIALS[n]!;
  const half = Math.trunc(power / 2);
  return sum * powerOfTwo(half) * powerOfTwo(power - half);
}

/**
 * Softmax over tasks: z_k = exp(ξ_k) / Σ_j exp(ξ_j).
 *
 * @param xi_K finite logits; shape [K], K ≥ 1
 * @returns shape [K], values ≥ 0, sum 1 up to rounding
 */
export function softmax(xi_K: readonly number[]): number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const xi of xi_K) if (xi > largest) largest = xi;
  const z_K = xi_K.map((xi) => exponential(xi - largest));
  let sum = 0;
  for (const z of z_K) sum += z;
  return z_K.map((z) => z / sum);
}
