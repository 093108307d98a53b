/**
 * How many floating-point operations a training step needs, by the algorithm and not by what a program happens to do. Only
 * products of matrices count, a multiplication and an addition as two; norms, activations, softmax, padding and anything computed
 * again do not. It knows shapes alone.
 */
import { type ModelConfig, parameterShapes } from '@evenkeel/policy';

/** A prompt and the lengths of its completions. */
export interface GroupLengths {
  readonly promptTokens: number;
  readonly completionTokens: readonly number[];
}

/** What a pass over the groups consists of. */
export interface PassWork {
  /** Positions that go through every layer. */
  readonly positions: number;
  /** Pairs of a position and one that it may see, itself included, per layer. */
  readonly pairs: number;
  /** Positions whose logits are needed. */
  readonly rows: number;
}

/**
 * Positions, pairs and rows of the groups. The last token of a completion is predicted and never read. With shared prompts a
 * prompt's positions count once a group, and so does its last row of logits, which predicts every first token.
 */
export function passWork(groups: readonly GroupLengths[], sharedPrompts: boolean): PassWork {
  let [positions, pairs, rows] = [0, 0, 0];
  const triangle = (length: number): number => (length * (length + 1)) / 2;
  for (const { promptTokens, completionTokens } of groups) {
    const prompts = sharedPrompts ? 1 : completionTokens.length;
    positions += prompts * promptTokens;
    pairs += prompts * triangle(promptTokens);
    rows += prompts;
    for (const length of completionTokens) {
      const read = length - 1;
      positions += read;
      pairs += read * promptTokens + triangle(read);
      rows += read;
    }
  }
  return { positions, pairs, rows };
}

/**
 * Operations of one pass forward: 2 per weight of the layers' matrices and position, 4 · heads · d per pair and layer (scores and
 * mixture), 2 · V · width per row of logits. Looking an embedding up costs none.
 */
export function forwardFlops(config: ModelConfig, { positions, pairs, rows }: PassWork): number {
  const matrices = parameterShapes(config).filter(({ shape }) => shape.length === 2);
  const inLayers = matrices.filter(({ name }) => name.startsWith('model.layers.'));
  const weights = inLayers.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
  const queryWidths = inLayers
    .filter(({ name }) => name.endsWith('.q_proj.weight'))
    .reduce((sum, { shape }) => sum + shape[0]!, 0);
  return 2 * weights * positions + 4 * queryWidths * pairs + 2 * config.vocab_size * config.hidden_size * rows;
}

/**
 * Operations of a loss with its gradient: forward, and twice as much backward (each product has two operands to differentiate by).
 *
 * @param sharedPrompts whether a group's prompt is computed once, as the algorithm allows
 */
export function trainingFlops(config: ModelConfig, groups: readonly GroupLengths[], sharedPrompts = true): number {
  return 3 * forwardFlops(config, passWork(groups, sharedPrompts));
}
