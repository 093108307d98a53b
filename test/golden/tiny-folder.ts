/**
 * The model folder that `policy-folder.golden.json` was made from: the tiny policy's shape, smaller, with weights drawn
 * by our own generator. `node test/golden/tiny-folder.ts DIR` writes it for the Python side.
 */
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

const config: ModelConfig = { ...tinyModelConfig, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2 };

/** Writes the folder. */
export async function writeTinyFolder(dir: string): Promise<void> {
  const tokenizer = buildTinyTokenizer(['+', '-', '*', '/', '(', ')', ':', '}', 'from'], ['make']);
  const weights = initialiseParameters(parameterShapes(config), { seed: 1, layers: 2, standardDeviation: 0.2 });
  const parameters = new ParameterBuffer(config, weights);
  await saveModelDirectory(dir, { parameters, files: newModelFiles(config, tokenizer) });
}

if (import.meta.main) await writeTinyFolder(process.argv[2]!);
