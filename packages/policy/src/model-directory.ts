/**
 * A model as a Hugging Face folder: config.json, safetensors, tokenizer.json and what stands beside them. What is
 * loaded here and saved again opens in `transformers` with equal logits and equal tokens.
 *
 * Invariants: a folder is either whole or absent (it is written beside its place and renamed); texts that were loaded
 * are saved unchanged, but for the weights' type in config.json.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CHATML_TEMPLATE, type ChatTemplate } from './chat-template.ts';
import { chatTemplateOf } from './chat-template-files.ts';
import { configJson, type ModelTokens, readConfigJson, readModelTokens } from './config-json.ts';
import { PolicyError } from './errors.ts';
import type { ModelConfig } from './model-config.ts';
import { parseModelJson, readModelJson, readModelText } from './model-file.ts';
import { ParameterBuffer } from './parameter-buffer.ts';
import { type WeightType, writeSafetensors } from './safetensors.ts';
import { type Tokenizer, tokenizerFromJson } from './tokenizer.ts';
import type { TokenizerJson } from './tokenizer-json.ts';
import { readWeights, WEIGHTS_FILE } from './weights.ts';

/** The text files that belong to a model and are carried along where they are there. */
const TEXT_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
];

/** The text files of a model folder, by name. */
export type ModelFiles = ReadonlyMap<string, string>;

/** What is written into a folder: everything but the weights stands in `files`. */
export interface ModelContent {
  readonly parameters: ParameterBuffer;
  readonly files: ModelFiles;
}

/** A model folder, read and checked. */
export interface ModelDirectory extends ModelContent {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly tokens: ModelTokens;
  readonly chatTemplate: ChatTemplate | undefined;
}

/**
 * Reads a model folder and checks that its parts fit together.
 *
 * @throws {PolicyError} `model-not-found`, `model-file-missing`, `model-file-invalid`, `model-unsupported`,
 *   `model-config-invalid`, `weights-invalid`, `tokenizer-…` or `vocabulary-mismatch`; the message names the file or
 *   tensor and says what to do
 */
export async function loadModelDirectory(dir: string): Promise<ModelDirectory> {
  const { files, config, tokenizer, tokens, chatTemplate } = readModelFiles(dir);
  const parameters = new ParameterBuffer(config);
  await readWeights(dir, parameters);
  return { config, parameters, tokenizer, tokens, chatTemplate, files };
}

/**
 * As `loadModelDirectory`, without the weights: for a look at a model, or where the weights come from elsewhere.
 *
 * @throws {PolicyError} as `loadModelDirectory`
 */
export function readModelFiles(dir: string): Omit<ModelDirectory, 'parameters'> {
  const config = readConfigJson(readModelJson(dir, 'config.json'), join(dir, 'config.json'));
  const tokenizer = tokenizerFromJson(readModelJson(dir, 'tokenizer.json'), join(dir, 'tokenizer.json'));
  if (tokenizer.vocabSize > config.vocab_size) {
    throw new PolicyError(
      `Cannot load model ${dir}: tokenizer.json has ids up to ${tokenizer.vocabSize - 1}, expected less than vocab_size ${config.vocab_size} of config.json; the two belong to different models`,
      { code: 'vocabulary-mismatch' },
    );
  }
  const files = new Map<string, string>();
  for (const name of TEXT_FILES) {
    const text = readModelText(dir, name);
    if (text !== undefined) files.set(name, text);
  }
  const json = (name: string): unknown => {
    const text = files.get(name);
    return text === undefined ? {} : parseModelJson(dir, name, text);
  };
  return {
    config,
    tokenizer,
    files,
    tokens: readModelTokens(json('generation_config.json'), json('config.json')),
    chatTemplate: chatTemplateOf(files, dir),
  };
}

/**
 * The text files of a new model.
 *
 * @param tokenizer its tokenizer.json, for example of `buildTinyTokenizer`
 * @param options.endToken ends a completion and fills a batch; default `<|endoftext|>`
 * @throws {PolicyError} `vocabulary-mismatch` if the tokenizer has no such token
 */
export function newModelFiles(
  config: ModelConfig,
  tokenizer: TokenizerJson,
  { endToken = '<|endoftext|>' }: { readonly endToken?: string } = {},
): ModelFiles {
  const end = tokenizerFromJson(tokenizer).tokenId(endToken);
  if (end === undefined) {
    throw new PolicyError(
      `Cannot make model: the tokenizer has no token ${endToken}, expected the one that ends a text`,
      {
        code: 'vocabulary-mismatch',
      },
    );
  }
  const special = { eos_token: endToken, pad_token: endToken };
  const contents: Record<string, unknown> = {
    'config.json': configJson(config, { eosTokenIds: [end], padTokenId: end }),
    'generation_config.json': { eos_token_id: end, pad_token_id: end },
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      model_max_length: config.max_position_embeddings,
      clean_up_tokenization_spaces: false,
      add_prefix_space: false,
      ...special,
      chat_template: CHATML_TEMPLATE,
    },
    'special_tokens_map.json': special,
  };
  return new Map(Object.entries(contents).map(([name, content]) => [name, jsonText(content)]));
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export interface SaveOptions {
  /** Whether a folder that is there may be replaced; the old one is gone for a moment then. */
  readonly replace?: boolean;
  /** The weights' type in the file; float32 by default. */
  readonly type?: WeightType;
  /** Name of the weights' file; model.safetensors by default. */
  readonly weightsFile?: string;
}

/**
 * Writes a model folder: weights and the text files, on the disk before it appears under its name.
 *
 * @throws {PolicyError} `model-exists` if the folder is there and not empty, and `replace` is not set; `model-unwritable`
 *   (retryable) where the disk is full or the folder cannot be written
 */
export async function saveModelDirectory(
  dir: string,
  content: ModelContent,
  { replace = false, type = 'float32', weightsFile = WEIGHTS_FILE }: SaveOptions = {},
): Promise<void> {
  try {
    const occupied = existsSync(dir) && (await readdir(dir)).length > 0;
    if (occupied && !replace) {
      throw new PolicyError(
        `Cannot save model: folder ${dir} is not empty, expected a new one; name another or remove it`,
        { code: 'model-exists' },
      );
    }
    await mkdir(dirname(dir), { recursive: true });
    await putInPlace(dir, occupied, (draft) => writeContent(draft, content, { type, weightsFile }));
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError(
      `Cannot save model in ${dir}: ${error instanceof Error ? error.message : String(error)}, expected a folder with room that can be written: free space there, or name another`,
      { code: 'model-unwritable', retryable: true, cause: error },
    );
  }
}

/** Written beside, then renamed. */
async function putInPlace(dir: string, occupied: boolean, write: (draft: string) => Promise<void>): Promise<void> {
  const draft = await mkdtemp(join(dirname(dir), `.${basename(dir)}.`));
  try {
    // A temporary folder is its owner's alone; a model folder is as open as any other that is made here.
    await chmod(draft, 0o777 & ~process.umask());
    await write(draft);
    if (occupied) await rename(dir, `${draft}.old`);
    await rename(draft, dir);
    await rm(`${draft}.old`, { recursive: true, force: true });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function writeContent(
  dir: string,
  { parameters, files }: ModelContent,
  { type, weightsFile }: Required<Omit<SaveOptions, 'replace'>>,
): Promise<void> {
  for (const [name, text] of files) {
    const handle = await open(join(dir, name), 'wx');
    try {
      await handle.writeFile(name === 'config.json' ? withType(text, type) : text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  const tensors = parameters.shapes.map(({ name, shape }) => ({ name, shape, data: parameters.get(name) }));
  await writeSafetensors(join(dir, weightsFile), tensors, type);
}

/** config.json with the type that the weights are written in; transformers 5 calls the field `dtype`. */
function withType(text: string, type: WeightType): string {
  const { dtype, torch_dtype, ...config } = JSON.parse(text) as Record<string, unknown>;
  return jsonText({ ...config, [dtype === undefined ? 'torch_dtype' : 'dtype']: type });
}
