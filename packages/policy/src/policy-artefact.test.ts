import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtefactRef, sha256Hex } from '@evenkeel/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initialiseParameters } from './init.ts';
import { initialiseLora, type LoraAdapter, mergeLora } from './lora.ts';
import { type ModelConfig, parameterShapes, tinyModelConfig } from './model-config.ts';
import { loadModelDirectory, newModelFiles, saveModelDirectory } from './model-directory.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import {
  type ArtefactAccess,
  exportModel,
  importModel,
  loadAdapter,
  loadArchitecture,
  loadPolicy,
  namedByPolicy,
  putAdapter,
  putPolicy,
} from './policy-artefact.ts';
import { policyHash } from './policy-hash.ts';
import { openSafetensors } from './safetensors.ts';
import { buildTinyTokenizer } from './tiny-tokenizer.ts';

const config: ModelConfig = { ...tinyModelConfig, hidden_size: 16, intermediate_size: 8, num_hidden_layers: 2 };
const home = mkdtempSync(join(tmpdir(), 'evenkeel-artefact-'));
const model = join(home, 'model');

/** Bytes by hash, and how often each was asked for. */
class Artefacts implements ArtefactAccess {
  readonly bytes = new Map<string, Uint8Array>();
  readonly asked: string[] = [];

  async put(kind: string, parts: readonly Uint8Array[]): Promise<ArtefactRef> {
    const bytes = new Uint8Array(Buffer.concat(parts));
    const sha256 = sha256Hex(bytes);
    this.bytes.set(sha256, bytes);
    return { kind, sha256, bytes: bytes.length };
  }

  async get(ref: ArtefactRef): Promise<Uint8Array> {
    this.asked.push(ref.kind);
    return this.bytes.get(ref.sha256)!;
  }

  async getInto(ref: ArtefactRef, into: readonly Uint8Array[]): Promise<void> {
    const bytes = await this.get(ref);
    let start = 0;
    for (const part of into) {
      part.set(bytes.subarray(start, start + part.length));
      start += part.length;
    }
  }

  async getStretch(ref: ArtefactRef, from: number, to: number): Promise<Uint8Array> {
    return this.bytes.get(ref.sha256)!.subarray(from, to);
  }

  /** The same artefact with something changed. */
  async changed(ref: ArtefactRef, change: (bytes: Uint8Array) => Uint8Array): Promise<ArtefactRef> {
    return await this.put(ref.kind, [change(this.bytes.get(ref.sha256)!.slice())]);
  }
}

function freshParameters(seed: number): Float32Array {
  return initialiseParameters(parameterShapes(config), { seed, layers: 2 });
}

function learnedAdapter(): LoraAdapter {
  const adapter = initialiseLora(config, { rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'] }, 3);
  const { flat } = adapter.parameters;
  for (let index = 0; index < flat.length; index++) flat[index]! += 0.01 * (index % 7);
  return adapter;
}

async function saveModel(folder: string, files = newModelFiles(config, buildTinyTokenizer(['from'], ['make']))) {
  await saveModelDirectory(folder, { parameters: new ParameterBuffer(config, freshParameters(1)), files });
}

beforeAll(() => saveModel(model));
afterAll(() => rmSync(home, { recursive: true }));

describe('a policy as artefacts', () => {
  test('says from its first bytes alone where its architecture lies', async () => {
    const store = new Artefacts();
    const ref = await importModel(store, model);
    const bytes = store.bytes.get(ref.sha256)!;
    let most = 0;
    const { architecture, base } = await namedByPolicy(async (from, to) => {
      most = Math.max(most, to);
      return bytes.subarray(from, to);
    });
    expect(architecture).toEqual((await loadArchitecture(store, ref)).ref);
    expect(base).toBeNull();
    expect(most).toBeLessThan(bytes.length / 2);
    await expect(namedByPolicy(async () => new Uint8Array(3))).rejects.toMatchObject({ code: 'policy-invalid' });
  });

  test('has the bits, the configuration and the tokenizer of the folder it was taken from', async () => {
    const store = new Artefacts();
    const { architecture, parameters } = await loadPolicy(store, await importModel(store, model));
    const folder = await loadModelDirectory(model);
    expect(parameters.flat).toEqual(freshParameters(1));
    expect(architecture.config).toEqual(folder.config);
    expect(architecture.tokens).toEqual(folder.tokens);
    expect(architecture.files).toEqual(folder.files);
    expect(architecture.tokenizer.encode('make 7 from 3')).toEqual(folder.tokenizer.encode('make 7 from 3'));
  });

  test('keeps every bit of a weight: −0, the smallest number, and what is none', async () => {
    const store = new Artefacts();
    const architecture = await loadArchitecture(store, await importModel(store, model));
    const weights = freshParameters(1);
    const words = new Uint32Array(weights.buffer);
    words.set([0x80000000, 0x00000001, 0x7f7fffff, 0x7fc00001, 0xff800000]);
    const { parameters } = await loadPolicy(store, await putPolicy(store, architecture, weights));
    expect(new Uint32Array(parameters.flat.buffer)).toEqual(words);
  });

  test('is the same artefact for the same weights, another for one other bit', async () => {
    const store = new Artefacts();
    const policy = await importModel(store, model);
    expect(await importModel(store, model)).toEqual(policy);
    const architecture = await loadArchitecture(store, policy);
    expect(await putPolicy(store, architecture, freshParameters(1))).toEqual(policy);
    const padded = new Float32Array(freshParameters(1).length + 7);
    padded.set(freshParameters(1), 7);
    expect(await putPolicy(store, architecture, padded.subarray(7))).toEqual(policy);
    const weights = freshParameters(1);
    new Uint32Array(weights.buffer)[5]! ^= 1;
    expect((await putPolicy(store, architecture, weights)).sha256).not.toBe(policy.sha256);
  });

  test('that LoRA trains is its adapters and the name of its base: merged where it is loaded, apart where it is trained', async () => {
    const store = new Artefacts();
    const base = await importModel(store, model);
    const architecture = await loadArchitecture(store, base);
    const adapter = learnedAdapter();
    const ref = await putAdapter(store, architecture, base, adapter);
    expect(ref.kind).toBe('policy');
    const { parameters, adapter: apart, base: named } = await loadAdapter(store, ref);
    expect(parameters.flat).toEqual(freshParameters(1));
    expect(apart.lora).toEqual(adapter.lora);
    expect(apart.parameters.flat).toEqual(adapter.parameters.flat);
    expect(named).toEqual(base);
    const merged = new ParameterBuffer(config, freshParameters(1));
    mergeLora(merged, adapter);
    expect((await loadPolicy(store, ref)).parameters.flat).toEqual(merged.flat);
    expect(merged.flat).not.toEqual(freshParameters(1));
    expect((await loadArchitecture(store, ref)).ref).toEqual(architecture.ref);
    const bytes = store.bytes.get(ref.sha256)!;
    expect(await namedByPolicy(async (from, to) => bytes.subarray(from, to))).toEqual({
      architecture: architecture.ref,
      base,
    });
    await expect(loadAdapter(store, base)).rejects.toThrow(
      'Cannot read policy artefact: it has no adapters, expected one that LoRA trained',
    );
  });

  test('that LoRA trains is refused where its adapters are cut off, or its base is of another architecture', async () => {
    const store = new Artefacts();
    const base = await importModel(store, model);
    const architecture = await loadArchitecture(store, base);
    const ref = await putAdapter(store, architecture, base, learnedAdapter());
    const cut = await store.changed(ref, (bytes) => bytes.subarray(0, bytes.length - 4));
    await expect(loadPolicy(store, cut)).rejects.toMatchObject({ code: 'policy-invalid' });
    const folder = join(home, 'other-base');
    await saveModel(folder, newModelFiles(config, buildTinyTokenizer(['and'], ['or'])));
    const other = await importModel(store, folder);
    const foreign = await putAdapter(store, architecture, other, learnedAdapter());
    await expect(loadPolicy(store, foreign)).rejects.toThrow('its base is of another architecture, expected the same');
  });

  test('of one architecture keeps its texts once; another tokenizer is another architecture', async () => {
    const store = new Artefacts();
    const policy = await importModel(store, model);
    const architecture = await loadArchitecture(store, policy);
    await putPolicy(store, architecture, freshParameters(2));
    expect(store.bytes.size).toBe(3);
    const other = join(home, 'other-tokenizer');
    await saveModel(other, newModelFiles(config, buildTinyTokenizer(['to'], ['make'])));
    const changed = await loadArchitecture(store, await importModel(store, other));
    expect(changed.ref.sha256).not.toBe(architecture.ref.sha256);
  });

  test('is a safetensors file: a header of its length, the tensors in canonical order, then their bytes', async () => {
    const store = new Artefacts();
    const bytes = await store.get(await importModel(store, model));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect((8 + length) % 8).toBe(0);
    const { __metadata__: metadata, ...tensors } = header;
    expect(Object.values(metadata).every((value) => typeof value === 'string')).toBe(true);
    expect(metadata.format).toBe('pt');
    expect(Object.keys(tensors)).toEqual(parameterShapes(config).map(({ name }) => name));
    const weights = freshParameters(1);
    let start = 0;
    for (const { name, shape } of parameterShapes(config)) {
      const end = start + 4 * shape.reduce((size, dimension) => size * dimension, 1);
      expect(tensors[name]).toEqual({ dtype: 'F32', shape, data_offsets: [start, end] });
      start = end;
    }
    expect(bytes.length).toBe(8 + length + start);
    for (const index of [0, 1, weights.length - 1]) {
      expect(view.getFloat32(8 + length + 4 * index, true)).toBe(weights[index]);
    }
  });

  test('reads its architecture once per process, its weights each time', async () => {
    const store = new Artefacts();
    const once = join(home, 'read-once');
    await saveModel(once, newModelFiles(config, buildTinyTokenizer(['once'], ['make'])));
    const policy = await importModel(store, once);
    store.asked.length = 0;
    await loadPolicy(store, policy);
    await loadPolicy(store, policy);
    await loadArchitecture(store, policy);
    // For the architecture alone a look at the beginning is enough.
    expect(store.asked).toEqual(['architecture', 'policy', 'policy']);
  });
});

describe('exportModel()', () => {
  test('writes a folder that is the policy again, and says its hash', async () => {
    const store = new Artefacts();
    const policy = await importModel(store, model);
    const folder = join(home, 'exported');
    expect(await exportModel(store, policy, folder)).toBe(policyHash(freshParameters(1), config));
    expect(await importModel(store, folder)).toEqual(policy);
    for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(model, name)));
    }
  });

  test('takes the place of an older export', async () => {
    const store = new Artefacts();
    const folder = join(home, 'twice');
    const first = await importModel(store, model);
    await exportModel(store, first, folder);
    const second = await putPolicy(store, await loadArchitecture(store, first), freshParameters(2));
    await exportModel(store, second, folder);
    expect((await loadModelDirectory(folder)).parameters.flat).toEqual(freshParameters(2));
    const file = await openSafetensors(join(folder, 'model.safetensors'));
    await file.close();
  });
});

describe('an artefact that is no policy', () => {
  const headerEnd = (bytes: Uint8Array) => 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const edited = (bytes: Uint8Array, from: string, to: string) => {
    const end = headerEnd(bytes);
    const text = new TextDecoder().decode(bytes.subarray(8, end));
    if (!text.includes(from)) throw new Error(`the header has no ${from}`);
    bytes.set(
      new TextEncoder().encode(
        text
          .replace(from, to)
          .padEnd(end - 8, ' ')
          .slice(0, end - 8),
      ),
      8,
    );
    return bytes;
  };
  const notValid = 'Cannot read policy artefact: its header is not valid, expected one that this store wrote';
  const notIts =
    'Cannot read policy artefact: its tensors are not those of its architecture, expected equal names and shapes';
  const damages: readonly [string, (bytes: Uint8Array) => Uint8Array, string | RegExp][] = [
    [
      'empty',
      () => new Uint8Array(0),
      'Cannot read policy artefact: it has 0 bytes, expected one that this store wrote',
    ],
    ['cut within its length', (bytes) => bytes.slice(0, 5), /it has 5 bytes/],
    ['cut within its header', (bytes) => bytes.slice(0, 40), /its header is cut off/],
    ['without an end to its header', (bytes) => bytes.fill(0xff, 0, 8), /its header is cut off/],
    ['with a header that is no JSON', (bytes) => bytes.fill(0x7b, 8, 16), notValid],
    [
      'without the name of its architecture',
      (bytes) => edited(bytes, 'evenkeel.architecture', 'evenkeel.architektur'),
      notValid,
    ],
    ['with a tensor of another name', (bytes) => edited(bytes, 'embed_tokens', 'embed_tokenz'), notIts],
    ['with a tensor of another shape', (bytes) => edited(bytes, '[384,16]', '[16,384]'), notIts],
    [
      'with weights cut off',
      (bytes) => bytes.slice(0, -4),
      /^Cannot read policy artefact: \d+ bytes of weights, expected \d+$/,
    ],
    ['with weights too many', (bytes) => Uint8Array.from([...bytes, 0, 0, 0, 0]), /bytes of weights, expected/],
    ['of another kind', () => new TextEncoder().encode('{"version":1,"method":{}}'), /its header is cut off/],
  ];

  test.each(damages)('%s is refused', async (_name, damage, message) => {
    const store = new Artefacts();
    const ref = await store.changed(await importModel(store, model), damage);
    const failure = await loadPolicy(store, ref).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'PolicyError', code: 'policy-invalid', retryable: false });
    if (typeof message === 'string') expect((failure as Error).message).toBe(message);
    else expect((failure as Error).message).toMatch(message);
  });

  test('whose architecture is none is refused, and asked for again the next time', async () => {
    const store = new Artefacts();
    const policy = await importModel(store, model);
    const { config: same } = await loadArchitecture(store, policy);
    const broken = await store.put('architecture', [new TextEncoder().encode('{"config.json":7}')]);
    const ref = await putPolicy(store, { ref: broken, config: same }, freshParameters(1));
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(loadPolicy(store, ref)).rejects.toMatchObject({
        code: 'policy-invalid',
        message: 'Cannot read architecture artefact: it is not valid, expected the texts of a model folder',
      });
    }
    expect(store.asked.filter((kind) => kind === 'architecture').length).toBeGreaterThan(1);
  });
});
