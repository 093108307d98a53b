/**
 * The discriminative loss of a minibatch as one that is linear in its completions. Its log-mean-exp couples the rollouts of a group, and
 * its constraint those of the minibatch, while a graph sees a micro-batch: so a forward pass comes first, which says how much each
 * completion's score counts at these weights. With those shares held constant, the gradient is that of the loss.
 *
 * Source: DisCO, `Optimization-AI/DisCO@bd2b078`. There the constraint is taken per micro-batch, here over the minibatch, as printed.
 */
import { exponential, type ObjectiveForm } from '@evenkeel/algorithms';
import type { PolicyEngine, TrainingSequence } from '@evenkeel/policy';

export type DiscriminativeForm = Extract<ObjectiveForm, { kind: 'discriminative' }>;

/** A rollout of one group: its share, above 0 for a right answer and below for a wrong one, and its score. */
export interface ScoredRollout {
  readonly share: number;
  readonly score: number;
}

/**
 * Σ_right A_i s_i + (Σ_wrong A_j) · τ · log mean exp(s_j / τ), or Σ_wrong A_j s_j, with the derivative by each score.
 */
export function discriminate(
  rollouts_G: readonly ScoredRollout[],
  form: Pick<DiscriminativeForm, 'negatives' | 'temperature'>,
) {
  let value = 0;
  for (const { share, score } of rollouts_G) value += share * score;
  const derivatives_G = rollouts_G.map(({ share }) => share);
  const wrong = rollouts_G.filter(({ share }) => share < 0);
  if (form.negatives === 'mean' || wrong.length === 0) return { value, derivatives_G };
  const tau = form.temperature;
  const largest = Math.max(...wrong.map(({ score }) => score));
  let [total, sum] = [0, 0];
  for (const { share, score } of wrong) {
    value -= share * score;
    total += share;
    sum += exponential((score - largest) / tau);
  }
  value += total * (largest + tau * Math.log(sum / wrong.length));
  return {
    value,
    derivatives_G: rollouts_G.map(({ share, score }) =>
      share < 0 ? (total * exponential((score - largest) / tau)) / sum : share,
    ),
  };
}

/** s: the mean over a completion of log π, or of r = π / π_old. */
export function scoreOf(
  logprobs: Float32Array,
  old: Float32Array,
  { score }: Pick<DiscriminativeForm, 'score'>,
): number {
  let sum = 0;
  for (const [token, logprob] of logprobs.entries()) {
    sum += score === 'ratio' ? exponential(logprob - old[token]!) : logprob;
  }
  return sum / logprobs.length;
}

/** A minibatch that is ready for a graph. */
export interface Discriminated {
  readonly sequences: readonly TrainingSequence[];
  /** Groups: what the sum is divided by. */
  readonly normaliser: number;
  /** The loss at these weights, its constraint included. */
  readonly loss: number;
}

/**
 * @param sequences each with its share as advantage
 * @param groups of each sequence; whole groups
 */
export async function discriminativeBatch(
  engine: PolicyEngine,
  sequences: readonly TrainingSequence[],
  groups: readonly string[],
  form: DiscriminativeForm,
): Promise<Discriminated> {
  const logprobs = await engine.score(sequences);
  const places = Map.groupBy(sequences.keys(), (index) => groups[index]!);
  const advantages = new Float64Array(sequences.length);
  let gain = 0;
  for (const members of places.values()) {
    const scored = members.map((index) => ({
      share: sequences[index]!.advantage as number,
      score: scoreOf(logprobs[index]!, sequences[index]!.oldLogprobs!, form),
    }));
    const { value, derivatives_G } = discriminate(scored, form);
    gain += value;
    for (const [i, index] of members.entries()) advantages[index] = derivatives_G[i]!;
  }
  const { divergence, tokens } = divergenceOf(sequences, logprobs);
  const price = form.klPenalty * Math.max(divergence - form.klBound, 0);
  return {
    sequences: sequences.map((sequence, index) => ({
      ...sequence,
      advantage: advantages[index]!,
      anchorWeight: price / tokens,
    })),
    normaliser: places.size,
    loss: price * divergence - gain / places.size,
  };
}

/** KL(π_old ‖ π) as the mean over all completion tokens of r − log r − 1. */
function divergenceOf(sequences: readonly TrainingSequence[], logprobs: readonly Float32Array[]) {
  let [sum, tokens] = [0, 0];
  for (const [index, { oldLogprobs }] of sequences.entries()) {
    for (const [token, logprob] of logprobs[index]!.entries()) {
      const change = logprob - oldLogprobs![token]!;
      sum += exponential(change) - change - 1;
      tokens += 1;
    }
  }
  return { divergence: sum / tokens, tokens };
}
