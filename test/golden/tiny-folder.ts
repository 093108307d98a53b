/**
 * The model folders that `policy-folder.golden.json` and `policy-folders.golden.json` were made from: the tiny policy's shape,
 * smaller, in each family's form, with weights drawn by our own generator. `node test/golden/tiny-folder.ts DIR [SHAPE]` writes one for
 * the Python side.
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
const llama: ModelConfig = { ...config, model_type: 'llama', attention_bias: false };

/** The shapes by name. */
const shapes: Readonly<Record<string, ModelConfig>> = {
  qwen2: config,
  qwen3: {
    ...config,
    model_type: 'qwen3',
    attention_bias: false,
    qk_norm: true,
    head_dim: 16,
    tie_word_embeddings: false,
  },
  llama3: {
    ...llama,
    rope_scaling: {
      type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    },
  },
  'llama-linear': {
    ...llama,
    attention_bias: true,
    attention_output_bias: true,
    rope_scaling: { type: 'linear', factor: 2 },
  },
};

/** Writes the folder of a shape. */
export async function writeTinyFolder(dir: string, shape = 'qwen2'): Promise<void> {
  const config = shapes[shape]!;
  const tokenizer = buildTinyTokenizer(['+', '-', '*', '/', '(', ')', ':', '}', 'from'], ['make']);
  const weights = initialiseParameters(parameterShapes(config), { seed: 1, layers: 2, standardDeviation: 0.2 });
  const parameters = new ParameterBuffer(config, weights);
  await saveModelDirectory(dir, { parameters, files: newModelFiles(config, tokenizer) });
}

if (import.meta.main) await writeTinyFolder(process.argv[2]!, process.argv[3]);
