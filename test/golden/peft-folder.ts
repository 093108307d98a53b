/**
 * The shipped policy with adapters that have learned something: written as PEFT opens them, for `make_peft_golden.py`, and merged.
 *
 *     node_modules/.bin/node test/golden/peft-folder.ts DIR
 */
import { fileURLToPath } from 'node:url';
import { keyedRandom } from '@evenkeel/core';
import {
  initialiseLora,
  type LoraAdapter,
  loadModelDirectory,
  type ModelDirectory,
  mergeLora,
  PEFT_WEIGHTS_FILE,
  peftContent,
  saveModelDirectory,
} from '@evenkeel/policy';

const tinyFolder = fileURLToPath(new URL('../../packages/policy/models/tiny', import.meta.url));
const lora = { rank: 3, alpha: 7, targets: ['q_proj', 'v_proj', 'o_proj', 'up_proj', 'down_proj'] };

function learnedAdapter({ config }: Pick<ModelDirectory, 'config'>): LoraAdapter {
  const adapter = initialiseLora(config, lora, 11);
  const random = keyedRandom(12, 'golden/peft');
  for (const [name, view] of adapter.parameters.views) {
    if (!name.endsWith('lora_B.weight')) continue;
    for (let index = 0; index < view.length; index++) view[index] = 0.1 * random.normal();
  }
  return adapter;
}

/** The shipped policy with the adapters merged into its weights. */
export async function mergedTiny(): Promise<ModelDirectory> {
  const model = await loadModelDirectory(tinyFolder);
  mergeLora(model.parameters, learnedAdapter(model));
  return model;
}

/** The adapters alone, as a folder that PEFT opens. */
export async function writePeftFolder(folder: string): Promise<void> {
  const content = peftContent(learnedAdapter(await loadModelDirectory(tinyFolder)), 'tiny');
  await saveModelDirectory(folder, content, { weightsFile: PEFT_WEIGHTS_FILE });
}

if (process.argv[1] === import.meta.filename) await writePeftFolder(process.argv[2]!);
