/**
 * The losses as graphs. Each token of a micro-batch has a weight that already holds the aggregation and the normaliser,
 * so the losses and gradients of micro-batches add up to those of the minibatch. It does not know how the weights come
 * about.
 */
import type { ObjectiveSpec } from '@evenkeel/algorithms';
import { type Graph, GraphBuilder, gradients, op, type Value } from '@evenkeel/graph';
import { type Lora, trainedShapes } from './lora.ts';
import type { ModelConfig } from './model-config.ts';
import { type BatchShape, shapeName } from './pack-sequences.ts';
import { type Continued, declareParameters, decodeSequences, logitsOf } from './transformer.ts';

/** What is minimised. */
export type TrainingObjective =
  /** Σ weight · (−log π(token)). */
  | { readonly kind: 'supervised' }
  /** Σ weight · (−gain), the gain by the form of the loss, + Σ klWeight · KL − Σ explanationWeight · log π. */
  | { readonly kind: 'policy-gradient'; readonly spec: ObjectiveSpec };

/** Name of a parameter's gradient among the outputs. */
export const gradientName = (parameter: string): string => `gradient:${parameter}`;

/** log π of each label, over B·T rows. */
function tokenLogprobs(g: GraphBuilder, config: ModelConfig, shape: BatchShape, lora?: Lora) {
  const { prefixes, prefixLength, batch, length } = shape;
  const parameters = declareParameters(g, config, lora);
  const tokens = g.input('tokens', 'int32', [batch, length]);
  const labels = g.input('labels', 'int32', [batch * length]);
  const prefixPass = (): Continued => ({
    prefixes: decodeSequences(g, config, parameters, g.input('prefixTokens', 'int32', [prefixes, prefixLength])),
    prefixOf: g.input('prefixOf', 'float32', [batch, prefixes]),
    positions: g.input('positions', 'int64', [batch, length]),
    mask: g.input('mask', 'float32', [batch, 1, length, prefixLength + length]),
  });
  const { hidden } = decodeSequences(g, config, parameters, tokens, prefixes === 0 ? undefined : prefixPass());
  const surprise = op.crossEntropy(g, logitsOf(g, config, parameters, hidden), labels);
  return { parameters, logprobs: op.neg(g, surprise) };
}

/**
 * Forward only: inputs `tokens` int32 [B, T] and `labels` int32 [B·T]; where there are prefixes also `prefixTokens` int32 [P, Tp],
 * `prefixOf` [B, P] (1 at a branch's prefix), `positions` int64 [B, T] and `mask` [B, 1, T, Tp + T] (0 where a position may be seen,
 * very negative elsewhere). Output `logprobs` [B·T]. With LoRA the adapters are inputs beside the parameters.
 */
export function scoreGraph(config: ModelConfig, shape: BatchShape, lora?: Lora): Graph {
  const g = new GraphBuilder(`score-${shapeName(shape)}`);
  g.output('logprobs', tokenLogprobs(g, config, shape, lora).logprobs);
  return g.build();
}

/**
 * Loss and gradients. Inputs besides those of `scoreGraph`, each float32 [B·T]: `weights`; for a policy gradient also
 * `advantages` and `oldLogprobs`; `shares` (1 / completion length at its tokens) for a ratio per sequence;
 * `referenceLogprobs` and `klWeights` for a KL term; `anchorWeights` for a discriminative loss; `explanationWeights` for ExPO's
 * term. Outputs: `loss`, `logprobs`, `kl` where there is one, and a gradient per parameter; with LoRA of the adapters' alone, and
 * nothing is computed for the others'.
 */
export function trainGraph(config: ModelConfig, objective: TrainingObjective, shape: BatchShape, lora?: Lora): Graph {
  const g = new GraphBuilder(`train-${shapeName(shape)}`);
  const { parameters, logprobs } = tokenLogprobs(g, config, shape, lora);
  const declared = new Map<string, Value>();
  const rows = (name: string): Value =>
    declared.getOrInsertComputed(name, () => g.input(name, 'float32', [shape.batch * shape.length]));
  const constants: Value[] = [];
  const constant = (value: Value): Value => {
    constants.push(value);
    return value;
  };
  const weights = rows('weights');
  g.output('logprobs', logprobs);

  let loss: Value;
  if (objective.kind === 'supervised') {
    loss = op.neg(g, op.reduceSum(g, op.mul(g, weights, logprobs)));
  } else {
    const { spec } = objective;
    const context: LossContext = { g, spec, shape, logprobs, rows, constant };
    const gain = gains[spec.form?.kind ?? 'clip'](context);
    loss = op.neg(g, op.reduceSum(g, op.mul(g, weights, gain)));
    const penalty = penaltyOf(context);
    if (penalty !== undefined) {
      g.output('kl', penalty);
      loss = op.add(g, loss, penalty);
    }
    if (spec.explanations !== undefined) {
      loss = op.sub(g, loss, op.reduceSum(g, op.mul(g, rows('explanationWeights'), logprobs)));
    }
  }
  g.output('loss', loss);
  const names = trainedShapes(config, lora).map(({ name }) => name);
  const trained = names.map((name) => parameters.get(name)!);
  for (const [index, gradient] of gradients(g, loss, trained, constants).entries()) {
    g.output(gradientName(names[index]!), gradient);
  }
  return g.build();
}

/** What a form of the loss is written with. */
interface LossContext {
  readonly g: GraphBuilder;
  readonly spec: ObjectiveSpec;
  readonly shape: BatchShape;
  /** log π of each label; shape [B·T]. */
  readonly logprobs: Value;
  /** An input by name; shape [B·T]. */
  readonly rows: (name: string) => Value;
  /** Takes a value as a constant: no gradient goes back through it. */
  readonly constant: (value: Value) => Value;
}

/** r = exp(log π − log π_old) per token. */
function tokenRatio({ g, logprobs, rows }: LossContext): Value {
  return op.exp(g, op.sub(g, logprobs, rows('oldLogprobs')));
}

/** The gain per token, by the form of the loss; the formulas are those of `ObjectiveForm`. Shape [B·T]. */
const gains: Readonly<Record<NonNullable<ObjectiveSpec['form']>['kind'] | 'clip', (context: LossContext) => Value>> = {
  clip: clippedGain,

  cispo: (context) => {
    const { g, spec, logprobs, rows, constant } = context;
    const weight = constant(op.clip(g, tokenRatio(context), 1 - spec.clipLow, 1 + spec.clipHigh));
    return op.mul(g, op.mul(g, weight, rows('advantages')), logprobs);
  },

  reinforce: ({ g, logprobs, rows }) => op.mul(g, rows('advantages'), logprobs),

  // Which share of its group's loss a completion has, its advantage says: whoever makes the batch has worked that out, because a
  // group lies in several micro-batches.
  discriminative: (context) => {
    const { g, spec, logprobs, rows } = context;
    const ratio = spec.form?.kind === 'discriminative' && spec.form.score === 'ratio';
    return op.mul(g, rows('advantages'), ratio ? tokenRatio(context) : logprobs);
  },
};

/** What is added to the loss: the KL term, or a discriminative loss's own constraint; undefined without either. */
function penaltyOf(context: LossContext): Value | undefined {
  const { g, spec, logprobs, rows } = context;
  if (spec.kl.kind !== 'none') return divergence(g, spec.kl.kind, logprobs, rows);
  if (spec.form?.kind !== 'discriminative') return undefined;
  // KL(π_old ‖ π) by r − log r − 1. A prompt token has weight 0 and log π_old 0, so its r is at most 1.
  const change = op.sub(g, logprobs, rows('oldLogprobs'));
  const estimate = op.sub(g, op.sub(g, op.exp(g, change), change), g.scalar(1));
  return op.reduceSum(g, op.mul(g, rows('anchorWeights'), estimate));
}

/**
 * min(r·A, clip(r, 1 − low, 1 + high)·A) per token, r = exp(log π − log π_old), or exp of its mean over the completion
 * for a ratio per sequence (GSPO). The gradient is PyTorch's: it passes the clip inside the range and on its bounds.
 */
function clippedGain({ g, spec, shape, logprobs, rows }: LossContext): Value {
  const advantages = rows('advantages');
  let change = op.sub(g, logprobs, rows('oldLogprobs'));
  if (spec.ratio === 'sequence') {
    const { batch, length } = shape;
    const shares = op.reshape(g, op.mul(g, change, rows('shares')), [batch, length]);
    change = op.reshape(g, op.expand(g, op.reduceSum(g, shares, [1], true), [batch, length]), [batch * length]);
  }
  const ratio = op.exp(g, change);
  const clipped = op.clip(g, ratio, 1 - spec.clipLow, 1 + spec.clipHigh);
  return op.min(g, op.mul(g, ratio, advantages), op.mul(g, clipped, advantages));
}

/**
 * Estimators of KL(π ‖ π_ref), weighted and summed. Source: Schulman, "Approximating KL divergence"; k3 is multiplied by
 * the importance ratio of its token, as Multi-Task GRPO prints it: r·f(π_ref/π), f(u) = u − log u − 1. Tokens without
 * weight are taken as unchanged before anything is exponentiated, since a prompt token may be as improbable as it likes.
 */
function divergence(g: GraphBuilder, kind: 'k1' | 'k2' | 'k3', logprobs: Value, rows: (name: string) => Value): Value {
  const weights = rows('klWeights');
  const counts = op.sub(g, g.scalar(1), op.cast(g, op.lessOrEqual(g, weights, g.scalar(0)), 'float32'));
  const counted = (change: Value): Value => op.mul(g, change, counts);
  const change = counted(op.sub(g, rows('referenceLogprobs'), logprobs));
  const estimate = {
    k1: () => op.neg(g, change),
    k2: () => op.mul(g, g.scalar(0.5), op.mul(g, change, change)),
    k3: () => {
      const ratio = op.exp(g, counted(op.sub(g, logprobs, rows('oldLogprobs'))));
      return op.mul(g, ratio, op.sub(g, op.sub(g, op.exp(g, change), change), g.scalar(1)));
    },
  };
  return op.reduceSum(g, op.mul(g, weights, estimate[kind]()));
}
