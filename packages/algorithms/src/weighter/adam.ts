/** Adam on the task logits ξ, with torch's formulas and defaults. */

export type XiOptimizerOptions = {
  /** `adamw`: decay apart from the gradient (the paper). `adam-l2`: decay inside it (the public code). `sgd`: no moments. */
  readonly optimizer: 'adamw' | 'adam-l2' | 'sgd';
  readonly learningRate: number;
  readonly weightDecay: number;
};

export const xiOptimizers = ['adamw', 'adam-l2', 'sgd'] as const;

/** What is wrong with the options, or undefined. */
export function checkXiOptimizer({ learningRate, weightDecay }: XiOptimizerOptions): string | undefined {
  if (!(learningRate > 0)) return `option "learningRate" is ${learningRate}, expected above 0`;
  return weightDecay >= 0 ? undefined : `option "weightDecay" is ${weightDecay}, expected 0 or more`;
}

/** ξ and the optimizer's moments; arrays of shape [K]. */
export interface XiState {
  /** Updates done. */
  readonly updates: number;
  readonly xi: readonly number[];
  /** First and second moment. */
  readonly m: readonly number[];
  readonly v: readonly number[];
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPS = 1e-8;

/** base^exponent by multiplication alone: the same bits on every engine. */
function power(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** One update ξ ← ξ − β g. */
export function updateXi(state: XiState, g_K: readonly number[], options: XiOptimizerOptions): XiState {
  const { optimizer, learningRate, weightDecay } = options;
  const updates = state.updates + 1;
  const shrink = optimizer === 'adam-l2' ? 1 : 1 - learningRate * weightDecay;
  if (optimizer === 'sgd') {
    const xi = state.xi.map((value, k) => value * shrink - learningRate * g_K[k]!);
    return { ...state, updates, xi };
  }
  const correction1 = 1 - power(BETA_1, updates);
  const correction2 = Math.sqrt(1 - power(BETA_2, updates));
  const [xi, m, v]: [number[], number[], number[]] = [[], [], []];
  for (let k = 0; k < g_K.length; k++) {
    const g = optimizer === 'adam-l2' ? g_K[k]! + weightDecay * state.xi[k]! : g_K[k]!;
    m.push(BETA_1 * state.m[k]! + (1 - BETA_1) * g);
    v.push(BETA_2 * state.v[k]! + (1 - BETA_2) * g * g);
    const denominator = Math.sqrt(v[k]!) / correction2 + EPS;
    xi.push(state.xi[k]! * shrink - (learningRate / correction1) * (m[k]! / denominator));
  }
  return { updates, xi, m, v };
}
