/** `evenkeel model info`: what a model folder holds. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  estimateMemory,
  loadModelDirectory,
  type MemoryRole,
  type ModelConfig,
  parameterCount,
  parameterShapes,
  policyHash,
} from '@evenkeel/policy';
import { type Command, exitCodes } from '../command.ts';
import { namedModel } from '../evaluate/named-model.ts';
import { positional } from '../flag-values.ts';
import { grouped, sizeText } from '../view/terminal-text.ts';

/** @throws {PolicyError} if a file is missing, cut or of another kind */
async function modelInfo(folder: string) {
  const { config, parameters, tokenizer, tokens, chatTemplate, files } = await loadModelDirectory(folder);
  const weightFiles = await weightBytes(folder);
  const text = [...files.values()].reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  return {
    folder,
    family: config.model_type,
    parameters: parameterCount(config),
    layers: config.num_hidden_layers,
    width: config.hidden_size,
    heads: config.num_attention_heads,
    keyValueHeads: config.num_key_value_heads,
    feedForward: config.intermediate_size,
    context: config.max_position_embeddings,
    tiedEmbeddings: config.tie_word_embeddings,
    vocabulary: config.vocab_size,
    tokens: tokenizer.vocabSize,
    endTokens: tokens.eosTokenIds.map((id) => ({ id, text: tokenizer.decode([id]) })),
    chatTemplate: chatTemplate !== undefined,
    bytes: weightFiles + text,
    memory: memoryOf(config),
    sha256: policyHash(parameters.flat, config),
    tensors: parameterShapes(config).map(({ name, shape }) => ({ name, shape: [...shape] })),
  };
}

/** A middling piece of work, or as much of it as the context holds. */
function memoryOf(config: ModelConfig) {
  const half = Math.max(1, Math.floor(config.max_position_embeddings / 2));
  const work = {
    ...{ prompts: 16, samplesPerPrompt: 8 },
    ...{ promptLength: Math.min(256, half), completionLength: Math.min(256, half) },
  };
  const bytesOf = (role: MemoryRole) => Math.round(estimateMemory(config, role, work).bytes);
  return { work, score: bytesOf('score'), decode: bytesOf('decode'), train: bytesOf('train') };
}

async function weightBytes(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const modelInfoCommand: Command = {
  name: 'model info',
  summary: "show a model folder: family, shapes, parameters, vocabulary, its weights' sha256",
  usage: 'DIR',
  flags: { tensors: { type: 'boolean', help: 'every tensor with its shape' } },
  help: `
DIR is a Hugging Face model folder, "tiny", or the name of a finished run. The sha256 is over the weights in a canonical order:
the number by which two runs are compared, whatever their files look like.`,
  async run({ positionals, flags, home, json, print, printJson }) {
    const [name = ''] = positional(positionals, { least: 1, most: 1 }, 'one model: evenkeel model info DIR');
    const { folder } = await namedModel(name, home);
    const { tensors, ...info } = await modelInfo(folder);
    if (json) {
      printJson({ kind: 'model', ...info, tensors });
      return exitCodes.done;
    }
    const { memory } = info;
    const { work } = memory;
    const rows: [string, string][] = [
      ['folder', info.folder],
      ['family', info.family],
      ['parameters', grouped(info.parameters)],
      [
        'shape',
        `${info.layers} layers, width ${info.width}, ${info.heads} heads (${info.keyValueHeads} for keys and values), feed-forward ${info.feedForward}`,
      ],
      ['embeddings', info.tiedEmbeddings ? 'tied' : 'not tied'],
      ['vocabulary', `${grouped(info.vocabulary)} rows, ${grouped(info.tokens)} tokens`],
      ['context', `${grouped(info.context)} tokens`],
      ['ends with', info.endTokens.map(({ id, text }) => `${text} (${id})`).join(', ')],
      ['chat template', info.chatTemplate ? 'yes' : 'no'],
      ['size', sizeText(info.bytes)],
      [
        'memory',
        `about ${sizeText(memory.score)} to score, ${sizeText(memory.decode)} to decode, ${sizeText(memory.train)} to train (${work.prompts} prompts of ${work.promptLength} tokens, ${work.samplesPerPrompt} completions of ${work.completionLength} each)`,
      ],
      ['sha256', info.sha256],
    ];
    for (const [label, value] of rows) print(`${label.padEnd(14)} ${value}`);
    if (flags.tensors === true)
      for (const { name: tensor, shape } of tensors) print(`  ${tensor} [${shape.join(', ')}]`);
    return exitCodes.done;
  },
};
