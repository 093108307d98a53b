/**
 * Writes a random policy of a shape as a Hugging Face folder, in a process of its own, so that whoever asks for one does not hold it.
 *
 *     large-model.ts FOLDER '{"model_type": "qwen2", …}'
 */
import {
  buildTinyTokenizer,
  initialiseParameters,
  type ModelConfig,
  newModelFiles,
  ParameterBuffer,
  parameterShapes,
  saveModelDirectory,
} from '@evenkeel/policy';

const [folder, text] = process.argv.slice(2) as [string, string];
const config = JSON.parse(text) as ModelConfig;
const weights = initialiseParameters(parameterShapes(config), { seed: 1, layers: config.num_hidden_layers });
const parameters = new ParameterBuffer(config, weights);
await saveModelDirectory(folder, { parameters, files: newModelFiles(config, buildTinyTokenizer([], [])) });
