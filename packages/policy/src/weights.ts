/**
 * The weights of a model folder, read into a flat buffer in canonical order: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` names. Every tensor that the configuration asks for must be there with its shape, and
 * nothing else may be.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { PolicyError } from './errors.ts';
import { readModelJson } from './model-file.ts';
import type { ParameterBuffer } from './parameter-buffer.ts';
import { openSafetensors, type SafetensorsFile, type TensorShape } from './safetensors.ts';

export const WEIGHTS_FILE = 'model.safetensors';
const WEIGHTS_INDEX_FILE = 'model.safetensors.index.json';

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)) });

/** Tensors that some files carry though the model computes without them. */
const SUPERFLUOUS = /(^lm_head\.weight|\.rotary_emb\.inv_freq)$/;

function refuse(dir: string, state: string, wish: string): never {
  throw new PolicyError(`Cannot load model ${dir}: ${state}, expected ${wish}`, { code: 'weights-invalid' });
}

/**
 * Reads all weights into `parameters`.
 *
 * @throws {PolicyError} `weights-invalid` or `model-file-missing`, naming the tensor and the file
 */
export async function readWeights(dir: string, { shapes, views }: ParameterBuffer): Promise<void> {
  const files = await openAll(dir);
  try {
    const owners = ownersOf(dir, files);
    checkShapes(dir, owners, shapes);
    for (const [name, tensor] of views) {
      await owners.get(name)!.read(name, tensor);
      checkFinite(dir, name, tensor);
    }
  } finally {
    await Promise.all(files.values().map((file) => file.close()));
  }
}

async function openAll(dir: string): Promise<Map<string, SafetensorsFile>> {
  const names = existsSync(join(dir, WEIGHTS_FILE)) ? [WEIGHTS_FILE] : shardNames(dir);
  const files = new Map<string, SafetensorsFile>();
  try {
    for (const name of names) {
      if (!existsSync(join(dir, name))) {
        throw new PolicyError(
          `Cannot load model ${dir}: file ${name} is missing, expected it as ${WEIGHTS_INDEX_FILE} names it; fetch it again`,
          { code: 'model-file-missing' },
        );
      }
      files.set(name, await openSafetensors(join(dir, name)));
    }
    return files;
  } catch (error) {
    await Promise.all(files.values().map((file) => file.close()));
    throw error;
  }
}

function shardNames(dir: string): readonly string[] {
  if (!existsSync(join(dir, WEIGHTS_INDEX_FILE))) {
    throw new PolicyError(
      `Cannot load model ${dir}: file ${WEIGHTS_FILE} is missing, expected it or ${WEIGHTS_INDEX_FILE}; other formats must be converted to safetensors first`,
      { code: 'model-file-missing' },
    );
  }
  const parsed = indexSchema.safeParse(readModelJson(dir, WEIGHTS_INDEX_FILE));
  if (!parsed.success) refuse(dir, `${WEIGHTS_INDEX_FILE} has no valid weight_map`, 'a file name per tensor');
  return [...new Set(Object.values(parsed.data.weight_map))].sort();
}

function ownersOf(dir: string, files: ReadonlyMap<string, SafetensorsFile>): Map<string, SafetensorsFile> {
  const owners = new Map<string, SafetensorsFile>();
  for (const [fileName, file] of files) {
    for (const name of file.entries.keys()) {
      if (owners.has(name)) refuse(dir, `tensor ${name} lies in ${fileName} and in another file`, 'one copy');
      owners.set(name, file);
    }
  }
  return owners;
}

function checkShapes(dir: string, owners: ReadonlyMap<string, SafetensorsFile>, shapes: readonly TensorShape[]): void {
  const expected = new Set<string>();
  for (const { name, shape } of shapes) {
    expected.add(name);
    const found = owners.get(name)?.entries.get(name)?.shape;
    if (found === undefined) refuse(dir, `tensor ${name} is missing`, `it with shape [${shape.join(', ')}]`);
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
      refuse(dir, `tensor ${name} has shape [${found.join(', ')}]`, `[${shape.join(', ')}] as config.json says`);
    }
  }
  for (const name of owners.keys()) {
    if (!expected.has(name) && !SUPERFLUOUS.test(name)) {
      refuse(dir, `tensor ${name} has no place in the model that config.json describes`, 'the tensors of that model');
    }
  }
}

function checkFinite(dir: string, name: string, tensor: Float32Array): void {
  for (let index = 0; index < tensor.length; index++) {
    if (!Number.isFinite(tensor[index]!)) {
      refuse(dir, `tensor ${name} holds ${tensor[index]} at element ${index}`, 'finite numbers');
    }
  }
}
