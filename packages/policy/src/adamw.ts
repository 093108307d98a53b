/**
 * AdamW over one flat array of parameters.
 *
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, Algorithm 2, as `torch.optim.AdamW`
 * computes it; clipping as `torch.nn.utils.clip_grad_norm_`. Deviation: each element is computed in float64 and rounded
 * to float32 once per stored value (parameter, m, v), where torch rounds after each operation; the two differ in the
 * last bits. Every sum runs in index order, so the result does not depend on threads or on the machine.
 */
import { PolicyError } from './errors.ts';

/** The optimizer's memory: the first and second moment of each parameter's gradient, and the steps made. */
export interface AdamWState {
  step: number;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** A stretch [start, end) of the flat array that weight decay applies to. */
export interface DecayRange {
  readonly start: number;
  readonly end: number;
}

export interface AdamWOptions {
  /** Greater than 0; 0 leaves the parameters as they are. */
  readonly learningRate: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled, per step `learningRate · weightDecay`. Default 0. */
  readonly weightDecay?: number;
  /** Where decay applies, in rising order; default everywhere. `decayRanges` leaves out norms and biases. */
  readonly decayRanges?: readonly DecayRange[];
  /** The gradient is scaled down to this global norm where it is greater. Default: no clipping. */
  readonly maxGradientNorm?: number;
}

/** What one step did. */
export interface AdamWStep {
  /** The gradient's global norm before clipping. */
  readonly gradientNorm: number;
  /** The factor that clipping applied; 1 where it did not. */
  readonly gradientScale: number;
}

/** A fresh optimizer state for so many parameters. */
export function createAdamWState(size: number): AdamWState {
  return { step: 0, m: new Float32Array(size), v: new Float32Array(size) };
}

/** The stretches of a flat array that decay: matrices, not vectors (norms and biases). */
export function decayRanges(shapes: readonly { readonly shape: readonly number[] }[]): DecayRange[] {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  for (const { shape } of shapes) {
    const end = start + shape.reduce((product, size) => product * size, 1);
    const last = ranges.at(-1);
    if (shape.length >= 2) {
      if (last?.end === start) last.end = end;
      else ranges.push({ start, end });
    }
    start = end;
  }
  return ranges;
}

/** The Euclidean norm of all gradients together: summed in float64, in index order. */
export function gradientNorm(gradients: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < gradients.length; index++) sum += gradients[index]! * gradients[index]!;
  return Math.sqrt(sum);
}

/**
 * One step, in place: `parameters` and `state` change, `gradients` do not.
 *
 * @param parameters shape [N]
 * @param gradients shape [N], of the loss (what is to fall)
 * @throws {RangeError} if the lengths differ
 * @throws {PolicyError} `gradient-not-finite` if a gradient is NaN or infinite; nothing has changed then
 */
export function adamwStep(
  parameters: Float32Array,
  gradients: Float32Array,
  state: AdamWState,
  options: AdamWOptions,
): AdamWStep {
  checkLengths(parameters.length, gradients.length, state);
  const norm = gradientNorm(gradients);
  if (!Number.isFinite(norm)) {
    throw new PolicyError(`Cannot update policy: the gradient's norm is ${norm}, expected a finite number`, {
      code: 'gradient-not-finite',
    });
  }
  const { maxGradientNorm = Number.POSITIVE_INFINITY } = options;
  const gradientScale = Math.min(1, maxGradientNorm / (norm + 1e-6));
  state.step += 1;
  decay(parameters, options);
  moveByMoments(parameters, gradients, gradientScale, state, options);
  return { gradientNorm: norm, gradientScale };
}

function checkLengths(parameters: number, gradients: number, { m, v }: AdamWState): void {
  if (gradients !== parameters || m.length !== parameters || v.length !== parameters) {
    throw new RangeError(
      `Cannot update policy: ${parameters} parameters, ${gradients} gradients, moments of ${m.length} and ${v.length}, expected equal lengths`,
    );
  }
}

function decay(parameters: Float32Array, { learningRate, weightDecay = 0, decayRanges: ranges }: AdamWOptions): void {
  if (weightDecay === 0) return;
  const factor = 1 - learningRate * weightDecay;
  for (const { start, end } of ranges ?? [{ start: 0, end: parameters.length }]) {
    for (let index = start; index < end; index++) parameters[index]! *= factor;
  }
}

function moveByMoments(
  parameters: Float32Array,
  gradients: Float32Array,
  gradientScale: number,
  { step, m, v }: AdamWState,
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions,
): void {
  const stepSize = learningRate / (1 - beta1 ** step);
  const rootCorrection = Math.sqrt(1 - beta2 ** step);
  for (let index = 0; index < parameters.length; index++) {
    const gradient = gradients[index]! * gradientScale;
    const first = beta1 * m[index]! + (1 - beta1) * gradient;
    const second = beta2 * v[index]! + (1 - beta2) * gradient * gradient;
    m[index] = first;
    v[index] = second;
    parameters[index] = parameters[index]! - (stepSize * first) / (Math.sqrt(second) / rootCorrection + epsilon);
  }
}
