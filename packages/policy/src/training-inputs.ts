/**
 * Sequences of a micro-batch as the arrays that the score and train graphs take. A prompt but for its last token is a prefix, computed
 * once for all of its completions; the branch begins with that last token, so position j of a branch predicts token j of the
 * completion. Where the loss counts prompt tokens too, the branch is the whole sequence. Padded positions have weight 0.
 */
import { PolicyError } from './errors.ts';
import type { TrainingObjective } from './objective-graph.ts';
import { type Branch, NO_PREFIX, type PackedBatch } from './pack-sequences.ts';
import type { TensorData } from './session.ts';

/** A prompt with its completion. */
export interface ScoredSequence {
  readonly tokens: Int32Array;
  /** How many of the tokens are the prompt; at least 1. */
  readonly promptLength: number;
}

/** A sequence to learn from. */
export interface TrainingSequence extends ScoredSequence {
  /** Supervised: weight per token of the sequence; that of token 0, which nothing predicts, is not read. Default: 1. */
  readonly tokenWeights?: Float32Array;
  /** Policy gradient: one advantage for the completion, or one per completion token. */
  readonly advantage?: number | Float32Array;
  /** Policy gradient: log-probabilities of the completion tokens under the policy that sampled them. */
  readonly oldLogprobs?: Float32Array;
  /** KL term: log-probabilities of the completion tokens under the reference policy. */
  readonly referenceLogprobs?: Float32Array;
  /** KL term: this sequence's β where β differs per task. */
  readonly klBeta?: number;
  /** Discriminative loss: weight of each completion token's divergence from the policy that sampled it; 0 by default. */
  readonly anchorWeight?: number;
  /** ExPO's term: an explanation of the right answer, which is learned as it stands. It needs no advantage and no old log-probabilities. */
  readonly explanation?: boolean;
  /** Factor of the whole sequence's loss; 1 by default, at least 0. */
  readonly weight?: number;
}

export interface TrainingBatch {
  readonly objective: TrainingObjective;
  readonly sequences: readonly TrainingSequence[];
  /**
   * What the summed loss is divided by. Give that of the whole minibatch where it is spread over several calls; by
   * default that of this call: the sum of the token weights (supervised), the number of completion tokens (token-mean) or
   * of sequences (sequence-mean). `fixed-length` has no default: sequences × length.
   */
  readonly normaliser?: number;
}

function refuse(index: number, state: string, wish: string): never {
  throw new PolicyError(`Cannot train on sequence ${index}: ${state}, expected ${wish}`, { code: 'sequence-invalid' });
}

/** What the summed loss is divided by. */
export function normaliserOf({ objective, sequences, normaliser }: TrainingBatch): number {
  if (normaliser !== undefined && !(normaliser > 0)) {
    throw new PolicyError(`Cannot train: the normaliser is ${normaliser}, expected a number above 0`, {
      code: 'objective-invalid',
    });
  }
  if (normaliser !== undefined) return normaliser;
  if (objective.kind === 'supervised') {
    let total = 0;
    for (const { tokens, tokenWeights, weight = 1 } of sequences) {
      for (let token = 1; token < tokens.length; token++) total += weight * (tokenWeights?.[token] ?? 1);
    }
    return total > 0 ? total : 1;
  }
  const rollouts = sequences.filter(({ explanation }) => explanation !== true);
  switch (objective.spec.aggregation) {
    case 'token-mean':
      return Math.max(
        1,
        rollouts.reduce((total, { tokens, promptLength }) => total + tokens.length - promptLength, 0),
      );
    case 'sequence-mean':
      return Math.max(1, rollouts.length);
    case 'fixed-length':
      throw new PolicyError(
        'Cannot train: aggregation is fixed-length without a normaliser, expected sequences × length',
        { code: 'objective-invalid' },
      );
  }
}

/** How many tokens of a sequence are its prefix. */
export function prefixLengthOf(
  { tokenWeights, promptLength }: TrainingSequence,
  objective?: TrainingObjective,
): number {
  if (objective?.kind !== 'supervised') return promptLength - 1;
  if (tokenWeights === undefined) return 0;
  for (let token = 1; token < promptLength; token++) if (tokenWeights[token] !== 0) return 0;
  return promptLength - 1;
}

/** Sequences as the packer takes them. */
export function branchesOf(sequences: readonly TrainingSequence[], objective?: TrainingObjective): Branch[] {
  return sequences.map((sequence) => {
    const prefix = prefixLengthOf(sequence, objective);
    return { prefix: sequence.tokens.subarray(0, prefix), length: sequence.tokens.length - 1 - prefix };
  });
}

/** Added to a score that may not be seen: exp of it is exactly 0. */
export const HIDDEN = -1e30;

/** All inputs of a score graph besides the parameters: see `scoreGraph`. */
export function tokenInputs(
  packed: PackedBatch,
  sequences: readonly TrainingSequence[],
  objective?: TrainingObjective,
): Map<string, TensorData> {
  const { prefixes, prefixLength, batch, length } = packed;
  const tokens = new Int32Array(batch * length);
  const labels = new Int32Array(batch * length);
  const inputs = new Map<string, TensorData>([
    ['tokens', tokens],
    ['labels', labels],
  ]);
  for (const [row, index] of packed.rows.entries()) {
    const own = sequences[index]!.tokens.subarray(prefixLengthOf(sequences[index]!, objective));
    tokens.set(own.subarray(0, -1), row * length);
    labels.set(own.subarray(1), row * length);
  }
  if (prefixes === 0) return inputs;

  const prefixTokens = new Int32Array(prefixes * prefixLength);
  const prefixLengths = packed.heads.map((index) => prefixLengthOf(sequences[index]!, objective));
  for (const [slot, index] of packed.heads.entries()) {
    prefixTokens.set(sequences[index]!.tokens.subarray(0, prefixLengths[slot]), slot * prefixLength);
  }
  const prefixOf = new Float32Array(batch * prefixes);
  const positions = new BigInt64Array(batch * length);
  const mask = new Float32Array(batch * length * (prefixLength + length)).fill(HIDDEN);
  for (let row = 0; row < batch; row++) {
    const slot = packed.prefixOf[row] ?? NO_PREFIX;
    const seen = slot === NO_PREFIX ? 0 : prefixLengths[slot]!;
    if (slot !== NO_PREFIX) prefixOf[row * prefixes + slot] = 1;
    for (let position = 0; position < length; position++) {
      positions[row * length + position] = BigInt(seen + position);
      const start = (row * length + position) * (prefixLength + length);
      mask.fill(0, start, start + seen);
      mask.fill(0, start + prefixLength, start + prefixLength + position + 1);
    }
  }
  return inputs
    .set('prefixTokens', prefixTokens)
    .set('prefixOf', prefixOf)
    .set('positions', positions)
    .set('mask', mask);
}

/** All inputs of a train graph besides the parameters. */
export function trainingInputs(packed: PackedBatch, batch: TrainingBatch, normaliser: number): Map<string, TensorData> {
  const { objective, sequences } = batch;
  const inputs = tokenInputs(packed, sequences, objective);
  const rows = (name: string): Float32Array => {
    const data = new Float32Array(packed.batch * packed.length);
    inputs.set(name, data);
    return data;
  };
  const weights = rows('weights');
  if (objective.kind === 'supervised') {
    for (const [row, index] of packed.rows.entries()) {
      const { tokens, tokenWeights, weight = 1 } = sequences[index]!;
      if (tokenWeights !== undefined && tokenWeights.length !== tokens.length) {
        refuse(index, `it has ${tokenWeights.length} token weights`, `${tokens.length}`);
      }
      const prefix = prefixLengthOf(sequences[index]!, objective);
      for (let token = prefix + 1; token < tokens.length; token++) {
        weights[row * packed.length + token - 1 - prefix] = (weight * (tokenWeights?.[token] ?? 1)) / normaliser;
      }
    }
    return inputs;
  }

  const { spec } = objective;
  const advantages = rows('advantages');
  const oldLogprobs = rows('oldLogprobs');
  const shares = spec.ratio === 'sequence' ? rows('shares') : undefined;
  const reference =
    spec.kl.kind === 'none' ? undefined : { logprobs: rows('referenceLogprobs'), weights: rows('klWeights') };
  const anchorWeights = spec.form?.kind === 'discriminative' ? rows('anchorWeights') : undefined;
  const explanations =
    spec.explanations === undefined
      ? undefined
      : { weights: rows('explanationWeights'), count: sequences.filter(({ explanation }) => explanation).length };
  for (const [row, index] of packed.rows.entries()) {
    const sequence = sequences[index]!;
    const { tokens, promptLength, advantage, weight = 1 } = sequence;
    const count = tokens.length - promptLength;
    const start = row * packed.length;
    const perToken = (name: 'oldLogprobs' | 'referenceLogprobs', target: Float32Array): void => {
      const given = sequence[name];
      if (given?.length !== count) refuse(index, `it has ${given?.length ?? 'no'} ${name}`, `${count}`);
      target.set(given!, start);
    };
    if (!(weight >= 0)) refuse(index, `its weight is ${weight}`, '0 or more');
    if (sequence.explanation === true) {
      if (explanations === undefined) refuse(index, 'it is an explanation', 'a loss with a term for explanations');
      const { weights: explanationWeights, count: all } = explanations!;
      explanationWeights.fill((weight * spec.explanations!) / (count * all), start, start + count);
      continue;
    }
    if (advantage === undefined) refuse(index, 'it has no advantage', 'a number or one per completion token');
    if (typeof advantage !== 'number' && advantage!.length !== count)
      refuse(index, `it has ${advantage!.length} advantages`, `${count}`);
    const share = weight / (spec.aggregation === 'sequence-mean' ? count * normaliser : normaliser);
    perToken('oldLogprobs', oldLogprobs);
    weights.fill(share, start, start + count);
    if (typeof advantage === 'number') advantages.fill(advantage, start, start + count);
    else advantages.set(advantage!, start);
    shares?.fill(1 / count, start, start + count);
    anchorWeights?.fill(sequence.anchorWeight ?? 0, start, start + count);
    if (reference !== undefined && spec.kl.kind !== 'none') {
      const beta = sequence.klBeta ?? spec.kl.beta;
      if (typeof beta !== 'number') refuse(index, 'it has no klBeta', 'one, because β differs per task');
      perToken('referenceLogprobs', reference.logprobs);
      reference.weights.fill(share * (beta as number), start, start + count);
    }
  }
  return inputs;
}
