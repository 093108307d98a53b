/** What is read off the results of score and train graphs, whatever device they ran on. */
import type { TrainingObjective } from './objective-graph.ts';
import type { PackedBatch } from './pack-sequences.ts';
import { prefixLengthOf, type TrainingBatch } from './training-inputs.ts';

/** Takes the completions' log-probabilities out of a padded result. */
export function collectLogprobs(
  packed: PackedBatch,
  { sequences, objective }: Pick<TrainingBatch, 'sequences'> & { readonly objective?: TrainingObjective },
  result: Float32Array,
  logprobs: readonly Float32Array[],
): void {
  for (const [row, index] of packed.rows.entries()) {
    const { promptLength, tokens } = sequences[index]!;
    const start = row * packed.length - prefixLengthOf(sequences[index]!, objective);
    logprobs[index]!.set(result.subarray(start + promptLength - 1, start + tokens.length - 1));
  }
}

/** Share of the completion tokens whose ratio lies outside the clip range; 0 for a loss that clips nothing. */
export function clipFraction({ objective, sequences }: TrainingBatch, logprobs: readonly Float32Array[]): number {
  if (objective.kind === 'supervised') return 0;
  const { clipLow, clipHigh, ratio: level, form } = objective.spec;
  if (form !== undefined && form.kind !== 'cispo') return 0;
  let clipped = 0;
  let total = 0;
  for (const [index, { oldLogprobs, explanation }] of sequences.entries()) {
    if (explanation === true) continue;
    const changes = Array.from(logprobs[index]!, (logprob, token) => logprob - oldLogprobs![token]!);
    const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
    for (const change of changes) {
      const ratio = Math.exp(level === 'sequence' ? mean : change);
      if (ratio < 1 - clipLow || ratio > 1 + clipHigh) clipped++;
      total++;
    }
  }
  return total === 0 ? 0 : clipped / total;
}
