/** The small text files of a model folder, read with errors that name the file and say what to do. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PolicyError } from './errors.ts';

const LFS_POINTER = 'version https://git-lfs.github.com/spec/';

/**
 * The text of a file in a model folder.
 *
 * @returns undefined if the folder is there but the file is not
 * @throws {PolicyError} `model-not-found` if the folder is missing, `model-file-invalid` if the file is a Git LFS pointer
 */
export function readModelText(dir: string, name: string): string | undefined {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PolicyError(
      `Cannot load model ${dir}: the folder does not exist, expected a Hugging Face model folder (config.json, model.safetensors, tokenizer.json)`,
      { code: 'model-not-found' },
    );
  }
  if (!statSync(join(dir, name), { throwIfNoEntry: false })?.isFile()) return undefined;
  const text = readFileSync(join(dir, name), 'utf8');
  if (text.startsWith(LFS_POINTER)) {
    throw new PolicyError(
      `Cannot load model ${dir}: file ${name} is a Git LFS pointer, expected its content; run "git lfs pull" in the folder`,
      { code: 'model-file-invalid' },
    );
  }
  return text;
}

/**
 * The parsed JSON of a file that must be there.
 *
 * @throws {PolicyError} `model-file-missing`, or `model-file-invalid` if it is not JSON
 */
export function readModelJson(dir: string, name: string): unknown {
  const text = readModelText(dir, name);
  if (text === undefined) {
    throw new PolicyError(
      `Cannot load model ${dir}: file ${name} is missing, expected a whole Hugging Face model folder; fetch the file again`,
      { code: 'model-file-missing' },
    );
  }
  return parseModelJson(dir, name, text);
}

/** As `readModelJson`, for a text that has been read. */
export function parseModelJson(dir: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PolicyError(
      `Cannot load model ${dir}: file ${name} is cut off or not JSON, expected the file as it was published; fetch it again`,
      { code: 'model-file-invalid', cause: error },
    );
  }
}
