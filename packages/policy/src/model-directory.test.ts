import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import { loadModelDirectory, newModelFiles, saveModelDirectory } from './model-directory.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { policyHash } from './policy-hash.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';
import { buildTinyTokenizer } from './tiny-tokenizer.ts';

const config: ModelConfig = { ...tinyModelConfig, hidden_size: 16, intermediate_size: 8, num_hidden_layers: 2 };
const tokenizerJson = buildTinyTokenizer(['from', ':'], ['make']);
const home = mkdtempSync(join(tmpdir(), 'evenkeel-model-'));
const model = join(home, 'nested', 'model');

function freshParameters(seed: number): ParameterBuffer {
  return new ParameterBuffer(config, initialiseParameters(parameterShapes(config), { seed, layers: 2 }));
}

let copies = 0;
/** A copy of the model with something changed. */
function damaged(change: (dir: string) => void): string {
  const dir = join(home, `copy-${copies++}`);
  cpSync(model, dir, { recursive: true });
  change(dir);
  return dir;
}

function editJson(dir: string, name: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(join(dir, name), 'utf8'));
  change(json);
  writeFileSync(join(dir, name), JSON.stringify(json));
}

beforeAll(() =>
  saveModelDirectory(model, { parameters: freshParameters(1), files: newModelFiles(config, tokenizerJson) }),
);
afterAll(() => rmSync(home, { recursive: true }));

describe('saveModelDirectory() and loadModelDirectory()', () => {
  test('agree on every weight, the configuration, the tokenizer and the template', async () => {
    const loaded = await loadModelDirectory(model);
    expect(loaded.config).toEqual(config);
    expect(policyHash(loaded.parameters.flat, loaded.config)).toBe(policyHash(freshParameters(1).flat, config));
    expect(loaded.tokenizer.json).toEqual(tokenizerJson);
    expect(loaded.tokens).toEqual({
      eosTokenIds: [loaded.tokenizer.tokenId('<|endoftext|>')],
      padTokenId: loaded.tokenizer.tokenId('<|endoftext|>'),
    });
    expect(loaded.chatTemplate?.text).toContain('<|im_start|>');
  });

  test('write the same bytes again', async () => {
    const again = join(home, 'again');
    await saveModelDirectory(again, await loadModelDirectory(model));
    for (const name of readdirSync(model))
      expect(readFileSync(join(again, name))).toEqual(readFileSync(join(model, name)));
  });

  test('keep what a published folder says besides, but for the type of the weights', async () => {
    const dir = damaged((copy) => {
      editJson(copy, 'config.json', (json) => {
        delete json.torch_dtype;
        json.dtype = 'bfloat16';
        json.note = 'kept';
      });
    });
    await saveModelDirectory(`${dir}-saved`, await loadModelDirectory(dir));
    const saved = JSON.parse(readFileSync(join(`${dir}-saved`, 'config.json'), 'utf8'));
    expect(saved).toMatchObject({ dtype: 'float32', note: 'kept' });
    expect(saved).not.toHaveProperty('torch_dtype');
  });

  test('read weights that are spread over shards', async () => {
    const dir = damaged((copy) => rmSync(join(copy, 'model.safetensors')));
    const weights = freshParameters(1);
    const tensors = weights.shapes.map(({ name, shape }) => ({ name, shape, data: weights.get(name) }));
    await writeSafetensors(join(dir, 'model-1.safetensors'), tensors.slice(0, 9));
    await writeSafetensors(join(dir, 'model-2.safetensors'), tensors.slice(9));
    const weight_map = Object.fromEntries(tensors.map(({ name }, at) => [name, `model-${at < 9 ? 1 : 2}.safetensors`]));
    writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
    expect((await loadModelDirectory(dir)).parameters.flat).toEqual(weights.flat);
    rmSync(join(dir, 'model-2.safetensors'));
    await expect(loadModelDirectory(dir)).rejects.toThrow('file model-2.safetensors is missing');
  });

  test('refuse to write over a folder, unless told to replace it', async () => {
    const dir = damaged(() => {});
    const content = { parameters: freshParameters(2), files: newModelFiles(config, tokenizerJson) };
    await expect(saveModelDirectory(dir, content)).rejects.toThrow(
      `Cannot save model: folder ${dir} is not empty, expected a new one; name another or remove it`,
    );
    await saveModelDirectory(dir, content, { replace: true });
    expect((await loadModelDirectory(dir)).parameters.flat).toEqual(content.parameters.flat);
    expect(readdirSync(home).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('leave nothing behind where writing fails', async () => {
    const dir = join(home, 'never');
    const files = new Map([['missing-folder/config.json', '{}']]);
    await expect(saveModelDirectory(dir, { parameters: freshParameters(1), files })).rejects.toThrow('ENOENT');
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(home).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('loadModelDirectory() refuses', () => {
  const q_proj = 'model.layers.1.self_attn.q_proj.weight';

  async function rewriteWeights(dir: string, change: (name: string, data: Float32Array) => void) {
    const path = join(dir, 'model.safetensors');
    const file = await openSafetensors(path);
    const tensors = [];
    for (const [name, { shape }] of file.entries) {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      await file.read(name, data);
      change(name, data);
      tensors.push({ name, shape, data });
    }
    await file.close();
    rmSync(path);
    await writeSafetensors(path, tensors);
  }

  test.each<[string, (dir: string) => void]>([
    ['file config.json is missing, expected', (dir) => rmSync(join(dir, 'config.json'))],
    ['file tokenizer.json is missing, expected', (dir) => rmSync(join(dir, 'tokenizer.json'))],
    ['file model.safetensors is missing, expected it or', (dir) => rmSync(join(dir, 'model.safetensors'))],
    ['file config.json is cut off or not JSON', (dir) => truncateSync(join(dir, 'config.json'), 40)],
    ['file tokenizer.json is cut off or not JSON', (dir) => truncateSync(join(dir, 'tokenizer.json'), 999)],
    ['beyond the file', (dir) => truncateSync(join(dir, 'model.safetensors'), 9_999)],
    [
      'file config.json is a Git LFS pointer, expected its content; run "git lfs pull"',
      (dir) => writeFileSync(join(dir, 'config.json'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
    ],
    ['model_type "gpt2" is not supported', (dir) => editJson(dir, 'config.json', (json) => (json.model_type = 'gpt2'))],
    [
      'rope type yarn is not supported',
      (dir) => editJson(dir, 'config.json', (json) => (json.rope_scaling = { type: 'yarn', factor: 4 })),
    ],
    ['hidden_act gelu is not', (dir) => editJson(dir, 'config.json', (json) => (json.hidden_act = 'gelu'))],
    ['use_sliding_window is not', (dir) => editJson(dir, 'config.json', (json) => (json.use_sliding_window = true))],
    [
      'tensor model.layers.0.self_attn.q_proj.weight has shape [16, 16], expected [256, 16] as config.json says',
      (dir) => editJson(dir, 'config.json', (json) => (json.head_dim = 64)),
    ],
    ['field hidden_size is wrong', (dir) => editJson(dir, 'config.json', (json) => (json.hidden_size = '16'))],
    [
      'tensor model.embed_tokens.weight has shape [384, 16], expected [416, 16] as config.json says',
      (dir) => editJson(dir, 'config.json', (json) => (json.vocab_size = 416)),
    ],
    [
      'tensor model.layers.2.input_layernorm.weight is missing, expected it with shape [16]',
      (dir) => editJson(dir, 'config.json', (json) => (json.num_hidden_layers = 3)),
    ],
    ['expected less than vocab_size 100', (dir) => editJson(dir, 'config.json', (json) => (json.vocab_size = 100))],
  ])('%s', async (message, change) => {
    const dir = damaged(change);
    await expect(loadModelDirectory(dir)).rejects.toThrow(message);
    await expect(loadModelDirectory(dir)).rejects.toThrow(dir);
  });

  test('a folder that is not there', async () => {
    await expect(loadModelDirectory(join(home, 'no'))).rejects.toMatchObject({ code: 'model-not-found' });
  });

  test('weights that are not numbers', async () => {
    const dir = damaged(() => {});
    await rewriteWeights(dir, (name, data) => {
      if (name === q_proj) data[3] = Number.NaN;
    });
    await expect(loadModelDirectory(dir)).rejects.toThrow(
      `tensor ${q_proj} holds NaN at element 3, expected finite numbers`,
    );
  });

  test('a tensor that the model has no place for', async () => {
    const dir = damaged((copy) => editJson(copy, 'config.json', (json) => (json.num_hidden_layers = 1)));
    await expect(loadModelDirectory(dir)).rejects.toThrow(/tensor model\.layers\.1\.\S+ has no place in the model/);
  });
});
