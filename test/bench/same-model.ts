/** The check that both sides of a comparison run the same model: log-probabilities of the same sequences. */
import { keyedRandom } from '@evenkeel/core';
import type { ScoredSequence } from '@evenkeel/policy';
import type { BenchPolicy } from './bench-policy.ts';

/** Above this the two models are not the same; float32 on both sides gives some 1e-6. */
const TOLERANCE = 1e-4;

/** A few random sequences. */
export function probeSequences({ config }: BenchPolicy): ScoredSequence[] {
  return [24, 37, 60].map((length, index) => {
    const random = keyedRandom(4, 'bench/probe', index);
    const tokens = Int32Array.from({ length }, () => Math.floor(config.vocab_size * random.uniform()));
    return { tokens, promptLength: 5 };
  });
}

/**
 * The largest difference of any log-probability.
 *
 * @throws {Error} where it is so large that the models cannot be the same
 */
export function agreementOf(ours: readonly ArrayLike<number>[], theirs: readonly (readonly number[])[]): number {
  let largest = 0;
  for (const [index, logprobs] of ours.entries()) {
    const other = theirs[index] ?? [];
    if (other.length !== logprobs.length) {
      throw new Error(
        `Cannot compare: sequence ${index} has ${other.length} log-probabilities there, ${logprobs.length} here`,
      );
    }
    for (const [token, logprob] of other.entries()) largest = Math.max(largest, Math.abs(logprob - logprobs[token]!));
  }
  if (largest <= TOLERANCE) return largest;
  throw new Error(
    `Cannot compare: log-probabilities differ by ${largest}, expected at most ${TOLERANCE}; the models are not the same`,
  );
}
