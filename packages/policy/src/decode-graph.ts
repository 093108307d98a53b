/**
 * The two graphs of decoding: one pass over the prompts, and one step for a batch of sequences. Both give the next
 * token's log-probabilities under the model and its probabilities at a temperature; drawing is the caller's.
 */
import { type Graph, GraphBuilder, op, type Value } from '@evenkeel/graph';
import { headSize, type ModelConfig } from './model-config.ts';
import { declareParameters, decodeSequences, decodeStep, logitsOf, type ParameterValues } from './transformer.ts';

/** Names of a layer's keys and values: the new rows among the outputs, the caches among the inputs. */
export const layerNames = (
  layer: number,
): { keys: string; values: string; cachedKeys: string; cachedValues: string } => ({
  keys: `keys.${layer}`,
  values: `values.${layer}`,
  cachedKeys: `cached.keys.${layer}`,
  cachedValues: `cached.values.${layer}`,
});

function putDistribution(g: GraphBuilder, config: ModelConfig, parameters: ParameterValues, hidden: Value): void {
  const logits = logitsOf(g, config, parameters, hidden);
  const sharpness = g.input('inverseTemperature', 'float32', [1]);
  g.output('logprobs', op.logSoftmax(g, logits));
  g.output('probabilities', op.softmax(g, op.mul(g, logits, sharpness)));
}

/**
 * Inputs: `tokens` int32 [B, T], `last` int32 [B] (row b·T + length − 1 of each prompt), `inverseTemperature` [1].
 * Outputs: `logprobs` and `probabilities` [B, V]; per layer keys and values [B, K, T, d].
 */
export function prefillGraph(config: ModelConfig, { batch, length }: { batch: number; length: number }): Graph {
  const g = new GraphBuilder(`prefill-${batch}x${length}`);
  const parameters = declareParameters(g, config);
  const pass = decodeSequences(g, config, parameters, g.input('tokens', 'int32', [batch, length]));
  putDistribution(g, config, parameters, op.gather(g, pass.hidden, g.input('last', 'int32', [batch])));
  putRows(g, pass);
  return g.build();
}

/**
 * Inputs: `tokens` int32 [B], `positions` int64 [B, 1], `mask` [B, 1, 1, S + 1], `inverseTemperature` [1], and per layer
 * the caches [B, K, S, d]. Outputs: `logprobs` and `probabilities` [B, V]; per layer the new rows [B, K, 1, d].
 */
export function stepGraph(config: ModelConfig, { batch, cached }: { batch: number; cached: number }): Graph {
  const g = new GraphBuilder(`step-${batch}x${cached}`);
  const parameters = declareParameters(g, config);
  const shape = [batch, config.num_key_value_heads, cached, headSize(config)];
  const pass = decodeStep(g, config, parameters, {
    tokens: g.input('tokens', 'int32', [batch]),
    positions: g.input('positions', 'int64', [batch, 1]),
    mask: g.input('mask', 'float32', [batch, 1, 1, cached + 1]),
    cache: Array.from({ length: config.num_hidden_layers }, (_, layer) => ({
      keys: g.input(layerNames(layer).cachedKeys, 'float32', shape),
      values: g.input(layerNames(layer).cachedValues, 'float32', shape),
    })),
  });
  putDistribution(g, config, parameters, pass.hidden);
  putRows(g, pass);
  return g.build();
}

function putRows(g: GraphBuilder, pass: { readonly keys: readonly Value[]; readonly values: readonly Value[] }): void {
  for (const [layer, keys] of pass.keys.entries()) {
    g.output(layerNames(layer).keys, keys);
    g.output(layerNames(layer).values, pass.values[layer]!);
  }
}
