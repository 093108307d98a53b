/**
 * Fresh weights for a decoder: normal with standard deviation 0.02, the projections into the residual stream smaller by
 * √(2·layers), norms one, biases zero.
 *
 * Source: GPT-2 (Radford et al. 2019, section 2.3). Each tensor draws from a stream of its own name, so its values
 * depend on the seed, the name and the size, and on no other tensor.
 */
import { keyedRandom } from '@evenkeel/core';

export interface InitOptions {
  /** A safe integer ≥ 0. */
  readonly seed: number;
  /** Number of decoder layers. */
  readonly layers: number;
  /** Default 0.02. */
  readonly standardDeviation?: number;
}

const RESIDUAL = /\.(o_proj|down_proj)\.weight$/;
const NORM = /norm\.weight$/;

/**
 * All parameters, flat, in the order of `shapes` (the order of `parameterShapes(config)`).
 *
 * @returns shape [sum of the sizes]
 */
export function initialiseParameters(
  shapes: readonly { readonly name: string; readonly shape: readonly number[] }[],
  { seed, layers, standardDeviation = 0.02 }: InitOptions,
): Float32Array {
  const sizes = shapes.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const parameters = new Float32Array(sizes.reduce((total, size) => total + size, 0));
  let start = 0;
  for (const [index, { name }] of shapes.entries()) {
    const tensor = parameters.subarray(start, start + sizes[index]!);
    const scale = RESIDUAL.test(name) ? standardDeviation / Math.sqrt(2 * layers) : standardDeviation;
    fillTensor(tensor, name, seed, scale);
    start += tensor.length;
  }
  return parameters;
}

function fillTensor(tensor: Float32Array, name: string, seed: number, scale: number): void {
  if (NORM.test(name)) tensor.fill(1);
  else if (!name.endsWith('.bias')) {
    const random = keyedRandom(seed, `init/${name}`);
    for (let index = 0; index < tensor.length; index++) tensor[index] = scale * random.normal();
  }
}
