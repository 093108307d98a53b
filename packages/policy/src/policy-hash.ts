import { createHash } from 'node:crypto';
import { canonicalJson } from '@evenkeel/core';
import { type ModelConfig, parameterShapes } from './model-config.ts';
import { elementCount } from './safetensors.ts';

/** One update of a hash takes less than 2 GiB. */
const PIECE_BYTES = 1 << 26;

/**
 * The identity of a policy's weights: SHA-256 over names, shapes and little-endian float32 bytes in canonical order. It
 * does not depend on how a file lays them out; one bit of one weight changes it.
 *
 * @param parameters all weights, flat, in the order of `parameterShapes(config)`
 * @returns 64 hexadecimal digits
 * @throws {RangeError} if the number of weights does not fit the configuration
 */
export function policyHash(parameters: Float32Array, config: ModelConfig): string {
  const shapes = parameterShapes(config);
  const count = shapes.reduce((total, { shape }) => total + elementCount(shape), 0);
  if (parameters.length !== count) {
    throw new RangeError(
      `Cannot hash policy: ${parameters.length} weights, expected ${count} as the configuration says`,
    );
  }
  const header = canonicalJson(shapes.map(({ name, shape }) => [name, shape]));
  const sum = createHash('sha256').update(`evenkeel-policy-1\n${header}\n`);
  const bytes = new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) sum.update(bytes.subarray(at, at + PIECE_BYTES));
  return sum.digest('hex');
}
