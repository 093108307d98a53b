/**
 * Adapters as PEFT has them: what `peft.PeftModel.from_pretrained(base, folder)` opens. Tensors are the same, their names are PEFT's, and
 * adapter_config.json says what they mean. It writes nothing itself.
 */
import type { LoraAdapter } from './lora.ts';
import type { ModelContent } from './model-directory.ts';
import { ParameterBuffer } from './parameter-buffer.ts';

/** The file that PEFT looks for the tensors in. */
export const PEFT_WEIGHTS_FILE = 'adapter_model.safetensors';

/** PEFT wraps the model twice. */
const PREFIX = 'base_model.model.';

/**
 * The content of an adapter's folder; `saveModelDirectory(…, { weightsFile: PEFT_WEIGHTS_FILE })` writes it.
 *
 * @param base the model that the adapters belong to: a folder or a name, as PEFT writes it down
 */
export function peftContent({ lora, parameters }: LoraAdapter, base: string): ModelContent {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    target_modules: lora.targets,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    inference_mode: true,
    use_rslora: false,
    use_dora: false,
  };
  const shapes = parameters.shapes.map(({ name, shape }) => ({ name: `${PREFIX}${name}`, shape }));
  return {
    parameters: new ParameterBuffer(shapes, parameters.flat),
    files: new Map([['adapter_config.json', `${JSON.stringify(config, null, 2)}\n`]]),
  };
}
