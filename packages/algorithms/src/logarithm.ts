/**
 * log, log Γ and the Beta density from additions, multiplications, divisions and `exponential` alone: advantages are weights in
 * the end, and `Math.log` may differ between engines in the last bit.
 */
import { exponential } from './exponential.ts';

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const TERMS = 12;

/**
 * ln x, within a few units in the last place, the same bits on every engine.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * equal(logarithm(1), 0);
 * ```
 */
export function logarithm(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  // x = m · 2^e with m in [√½, √2); halving and doubling are exact.
  let exponent = 0;
  let m = x;
  for (; m >= 2 * Math.SQRT1_2; m /= 2) exponent += 1;
  for (; m < Math.SQRT1_2; m *= 2) exponent -= 1;
  // ln m = 2 artanh((m − 1) / (m + 1)); |s| < 0.172, so that the terms left out are below half a unit in the last place.
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let n = TERMS; n >= 1; n--) sum = sum * square + 1 / (2 * n + 1);
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * (s + s * square * sum));
}

const HALF_LN_2PI = 0.9189385332046727;
/** Of Stirling's series: B_2n / (2n (2n − 1)). */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];
const STIRLING_FROM = 10;

/** ln Γ(x) for x > 0, within about 1e-14. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < STIRLING_FROM; z += 1) shift += logarithm(z);
  let series = 0;
  for (let n = STIRLING.length - 1; n >= 0; n--) series = series / (z * z) + STIRLING[n]!;
  return (z - 0.5) * logarithm(z) - z + HALF_LN_2PI + series / z - shift;
}

/**
 * The density of Beta(α, β) at p.
 *
 * @param p in [0, 1]
 * @param alpha above 0, and `beta` likewise
 */
export function betaDensity(p: number, alpha: number, beta: number): number {
  // 0 · ln 0 is 0 here: a factor whose exponent is 0 is 1.
  const power = (base: number, exponent: number) => (exponent === 0 ? 0 : exponent * logarithm(base));
  const logBeta = logGamma(alpha) + logGamma(beta) - logGamma(alpha + beta);
  return exponential(power(p, alpha - 1) + power(1 - p, beta - 1) - logBeta);
}
