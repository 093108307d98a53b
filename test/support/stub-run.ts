/** A run with next to nothing in it: a policy of some thousand random weights and two tasks whose taste any policy meets at times. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildTinyTokenizer,
  initialiseParameters,
  type ModelConfig,
  newModelFiles,
  ParameterBuffer,
  parameterShapes,
  saveModelDirectory,
  tinyModelConfig,
} from '@evenkeel/policy';
import { tinyRecipe } from '../../packages/cli/src/model/tiny-recipe.ts';
import { writeOwnVerifier } from './own-verifier.ts';

const shape: ModelConfig = {
  ...tinyModelConfig,
  ...{ hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, max_position_embeddings: 32 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 448 },
};

/** The smallest steps that are still whole: sampled, verified, filtered, updated, reweighed. */
const stubSettings = {
  ...{ promptsPerStep: 4, groupSize: 4, minibatches: 1, threads: 1, checkpointEvery: 5, shardPrompts: 64 },
  sampling: { temperature: 1, maxNewTokens: 4 },
  // So gentle that a policy stays about as random as it began: no group ever runs dry.
  optimizer: { learningRate: 1e-5 },
};

/**
 * Writes model, tasks and configuration into a folder.
 *
 * @returns the configuration's path
 */
export async function writeStubRun(folder: string, settings: Readonly<Record<string, unknown>>): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const model = join(folder, 'model');
  const weights = initialiseParameters(parameterShapes(shape), { seed: 1, layers: 1 });
  const files = newModelFiles(shape, buildTinyTokenizer(tinyRecipe.words, tinyRecipe.starts));
  await saveModelDirectory(model, { parameters: new ParameterBuffer(shape, weights), files }, { replace: true });
  const tasks = ['odd', 'even'].map((id, parity) =>
    writeOwnVerifier(join(folder, id), {
      ...{ id, version: '1.0.0' },
      first: `return scored(completion.length % 2 === ${1 - parity} ? 1 : 0.1, '', completion);`,
    }),
  );
  const path = join(folder, 'run.json');
  writeFileSync(path, JSON.stringify({ ...stubSettings, model, tasks, ...settings }));
  return path;
}
