/**
 * The policies that the benches of the engine run: random weights in two shapes, a tokenizer, prompts of about 38 tokens, and
 * batches to train on. All of it is drawn from keys, so every run works on the same tokens. It times nothing.
 */
import { grpoAdvantages, type ObjectiveSpec, objectives } from '@evenkeel/algorithms';
import { keyedRandom } from '@evenkeel/core';
import {
  buildTinyTokenizer,
  type Completion,
  initialiseParameters,
  type ModelConfig,
  newModelFiles,
  ParameterBuffer,
  parameterShapes,
  saveModelDirectory,
  type Tokenizer,
  type TrainingBatch,
  type TrainingSequence,
  tinyModelConfig,
  tokenizerFromJson,
} from '@evenkeel/policy';

/** The shapes by name: parameters as the name says, heads of 32 elements, half as many key heads, tied embeddings of 384 tokens. */
export const benchConfigs = {
  '0.99M': { ...tinyModelConfig, hidden_size: 128, intermediate_size: 480, num_hidden_layers: 4 },
  '5.9M': {
    ...tinyModelConfig,
    ...{ hidden_size: 256, intermediate_size: 1008, num_hidden_layers: 6 },
    ...{ num_attention_heads: 8, num_key_value_heads: 4 },
  },
} as const satisfies Readonly<Record<string, ModelConfig>>;

export type BenchShape = keyof typeof benchConfigs;

/** A policy with weights of its own. */
export interface BenchPolicy {
  readonly config: ModelConfig;
  readonly parameters: ParameterBuffer;
  readonly tokenizer: Tokenizer;
}

const tokenizerJson = () => buildTinyTokenizer([], []);

/** A random policy of a shape, the same at each call. */
export function benchPolicy(config: ModelConfig): BenchPolicy {
  const weights = initialiseParameters(parameterShapes(config), { seed: 1, layers: config.num_hidden_layers });
  return { config, parameters: new ParameterBuffer(config, weights), tokenizer: tokenizerFromJson(tokenizerJson()) };
}

/** Writes a policy as a Hugging Face folder, for a peer to load. */
export async function saveBenchPolicy(folder: string, { config, parameters }: BenchPolicy): Promise<void> {
  await saveModelDirectory(folder, { parameters, files: newModelFiles(config, tokenizerJson()) });
}

/** Texts of about so many tokens: two fewer to two more, or exactly so many with `spread` 0. Each number is one token. */
export function benchPrompts(count: number, tokens: number, spread = 2): string[] {
  return Array.from({ length: count }, (_, index) => {
    const random = keyedRandom(2, 'bench/prompts', index);
    const length = tokens + (index % (2 * spread + 1)) - spread;
    return Array.from({ length }, () => ` ${Math.floor(101 * random.uniform())}`).join('');
  });
}

/** A reward per completion that differs within most groups: the share of tokens that are even. */
function benchReward(tokens: Int32Array): number {
  return tokens.reduce((sum, token) => sum + (token % 2 === 0 ? 1 : 0), 0) / tokens.length;
}

/** DAPO's loss, without a KL term: what the peers minimise too. */
const benchObjective = { kind: 'policy-gradient', spec: objectives.dapo as ObjectiveSpec } as const;

/** Groups of prompt and completions as a batch; advantages as GRPO has them. */
export function batchOf(
  prompts: readonly Int32Array[],
  completions: readonly (readonly Completion[])[],
): TrainingBatch {
  const sequences = prompts.flatMap((prompt, group): TrainingSequence[] => {
    const samples = completions[group]!;
    const rewards = samples.map(({ tokens }) => benchReward(tokens));
    const advantages = grpoAdvantages(rewards, { eps: 1e-4 });
    return samples.map(({ tokens, logprobs }, sample) => {
      const whole = new Int32Array(prompt.length + tokens.length);
      whole.set(prompt);
      whole.set(tokens, prompt.length);
      return { tokens: whole, promptLength: prompt.length, advantage: advantages[sample]!, oldLogprobs: logprobs };
    });
  });
  return { objective: benchObjective, sequences };
}

/** What a batch of groups is made of. */
export interface BatchSize {
  readonly groups: number;
  readonly rollouts: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A batch of random completions, where nothing has to be sampled first. Lengths are exact. */
export function randomBatch(
  { config, tokenizer }: BenchPolicy,
  { groups, rollouts, promptTokens, completionTokens }: BatchSize,
): TrainingBatch {
  const prompts = benchPrompts(groups, promptTokens, 0).map((text) => tokenizer.encode(text));
  const completions = prompts.map((_, group) =>
    Array.from({ length: rollouts }, (_, sample): Completion => {
      const random = keyedRandom(3, 'bench/completions', group, sample);
      const tokens = Int32Array.from({ length: completionTokens }, () =>
        Math.floor(config.vocab_size * random.uniform()),
      );
      const logprobs = new Float32Array(completionTokens).fill(-Math.log(config.vocab_size));
      return { tokens, logprobs, finish: 'length' };
    }),
  );
  return batchOf(prompts, completions);
}

/** The shape of this name; a name that is none ends the process as wrong usage does. */
export function shapeNamed(bench: string, name: string): ModelConfig {
  if (Object.hasOwn(benchConfigs, name)) return benchConfigs[name as BenchShape];
  console.error(`Cannot bench ${bench}: --shape is ${name}, expected one of ${Object.keys(benchConfigs).join(', ')}`);
  process.exit(2);
}
