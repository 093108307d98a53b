/**
 * The two graphs of decoding: one pass over the prompts, and one step for the slots in which their completions are written. Both
 * give the next token's probabilities at a temperature; drawing is the caller's.
 */
import { type Graph, GraphBuilder, op, type Value } from '@evenkeel/graph';
import { headSize, type ModelConfig } from './model-config.ts';
import { declareParameters, decodeSequences, decodeStep, logitsOf, type ParameterValues } from './transformer.ts';

/** Names of a layer's keys and values: the new rows among the outputs, the caches among the inputs. */
export const layerNames = (layer: number) => ({
  keys: `keys.${layer}`,
  values: `values.${layer}`,
  promptKeys: `prompt.keys.${layer}`,
  promptValues: `prompt.values.${layer}`,
  ownKeys: `own.keys.${layer}`,
  ownValues: `own.values.${layer}`,
});

/**
 * How the next token is drawn: `plain`, at temperature 1, by `probabilities`; `tempered` by probabilities at another temperature,
 * with the `logprobs` at temperature 1 beside them; `greedy` by the logprobs alone.
 */
export type Draw = 'plain' | 'tempered' | 'greedy';

/** The draw at a temperature. */
export function drawAt(temperature: number): Draw {
  if (temperature === 0) return 'greedy';
  return temperature === 1 ? 'plain' : 'tempered';
}

function putDistribution(g: GraphBuilder, logits: Value, draw: Draw): void {
  if (draw !== 'plain') g.output('logprobs', op.logSoftmax(g, logits));
  if (draw === 'plain') g.output('probabilities', op.softmax(g, logits));
  if (draw === 'tempered') {
    const sharpness = g.input('inverseTemperature', 'float32', [1]);
    g.output('probabilities', op.softmax(g, op.mul(g, logits, sharpness)));
  }
}

/**
 * Inputs: `tokens` int32 [B, T], `last` int32 [B] (row b·T + length − 1 of each prompt), `inverseTemperature` [1] for a tempered
 * draw. Outputs: `logprobs` and `probabilities` [B, V] as the draw has them; per layer keys and values [B, K, T, d].
 */
export function prefillGraph(
  config: ModelConfig,
  draw: Draw,
  { batch, length }: { readonly batch: number; readonly length: number },
): Graph {
  const g = new GraphBuilder(`prefill-${draw}-${batch}x${length}`);
  const parameters = declareParameters(g, config);
  const pass = decodeSequences(g, config, parameters, g.input('tokens', 'int32', [batch, length]));
  const last = op.gather(g, pass.hidden, g.input('last', 'int32', [batch]));
  putDistribution(g, logitsOf(g, config, parameters, last), draw);
  putRows(g, pass);
  return g.build();
}

/** The static shape of a step: P prompts of S positions at most, G slots each, C positions of a completion cached. */
export interface StepShape {
  readonly prompts: number;
  readonly promptLength: number;
  readonly slots: number;
  readonly cached: number;
}

/**
 * Inputs: `tokens` int32 [P·G], `positions` int64 [P·G, 1], `mask` [P, 1, G, 1, S + C + 1], `inverseTemperature` [1] for a tempered
 * draw, and per layer the caches (see `CachedLayer`). Outputs: `logprobs` and `probabilities` [P·G, V] as the draw has them; per
 * layer the new rows [P, K, G, d].
 */
export function stepGraph(config: ModelConfig, draw: Draw, shape: StepShape): Graph {
  const { prompts, promptLength, slots, cached } = shape;
  const g = new GraphBuilder(`step-${draw}-${stepName(shape)}`);
  const parameters: ParameterValues = declareParameters(g, config);
  const [heads, size] = [config.num_key_value_heads, headSize(config)];
  const pass = decodeStep(g, config, parameters, {
    tokens: g.input('tokens', 'int32', [prompts * slots]),
    positions: g.input('positions', 'int64', [prompts * slots, 1]),
    mask: g.input('mask', 'float32', [prompts, 1, slots, 1, promptLength + cached + 1]),
    cache: Array.from({ length: config.num_hidden_layers }, (_, layer) => {
      const names = layerNames(layer);
      return {
        promptKeys: g.input(names.promptKeys, 'float32', [prompts, heads, promptLength, size]),
        promptValues: g.input(names.promptValues, 'float32', [prompts, heads, promptLength, size]),
        ownKeys: g.input(names.ownKeys, 'float32', [prompts, heads, slots, size, cached]),
        ownValues: g.input(names.ownValues, 'float32', [prompts, heads, slots, cached, size]),
      };
    }),
  });
  putDistribution(g, logitsOf(g, config, parameters, pass.hidden), draw);
  putRows(g, pass);
  return g.build();
}

/** A shape as the name of its graph. */
export function stepName({ prompts, promptLength, slots, cached }: StepShape): string {
  return `${prompts}x${promptLength}+${slots}x${cached}`;
}

function putRows(g: GraphBuilder, pass: { readonly keys: readonly Value[]; readonly values: readonly Value[] }): void {
  for (const [layer, keys] of pass.keys.entries()) {
    g.output(layerNames(layer).keys, keys);
    g.output(layerNames(layer).values, pass.values[layer]!);
  }
}
