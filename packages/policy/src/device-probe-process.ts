/**
 * Tries one device in a process of its own, because a provider without its device or libraries may take the process with it: builds a
 * very small policy, scores a text, and exits with 0. It prints one JSON line: the log-probabilities, or the error.
 */
import { listSupportedBackends } from 'onnxruntime-node';
import { expectDevice } from './device.ts';
import { initialiseParameters } from './init.ts';
import { parameterShapes, tinyModelConfig } from './model-config.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { PolicyEngine } from './policy-engine.ts';

const config = {
  ...tinyModelConfig,
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};

try {
  const engine = new PolicyEngine(config, { device: expectDevice(process.argv[2] ?? 'cpu') });
  const parameters = initialiseParameters(parameterShapes(config), { seed: 0, layers: config.num_hidden_layers });
  engine.setParameters(new ParameterBuffer(config, parameters).views);
  const [logprobs] = await engine.score([{ tokens: Int32Array.of(1, 2, 3), promptLength: 1 }]);
  await engine.dispose();
  console.log(JSON.stringify({ logprobs: [...logprobs!], backends: listSupportedBackends() }));
} catch (error) {
  const cause = (error as Error).cause;
  console.log(JSON.stringify({ error: cause instanceof Error ? cause.message : String(error) }));
  process.exitCode = 1;
}
