import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTinyFolder } from '../../../test/golden/tiny-folder.ts';
import { type ChatMessage, renderChat } from './chat-template.ts';
import { loadModelDirectory, type ModelDirectory } from './model-directory.ts';
import { PolicyEngine } from './policy-engine.ts';

interface Golden {
  readonly tolerance: { readonly logprobs: number };
  readonly lines: readonly string[];
  readonly ids: readonly string[];
  readonly logprobs: readonly number[];
  readonly messages: readonly ChatMessage[];
  readonly chat: string;
  readonly eos: readonly number[];
  readonly decoded: string;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/policy-folder.golden.json', import.meta.url), 'utf8'),
);

interface FolderGolden {
  readonly tolerance: { readonly logprobs: number };
  readonly tokens: readonly number[];
  readonly folders: Readonly<Record<string, { readonly class: string; readonly logprobs: readonly number[] }>>;
}

const folderGolden: FolderGolden = JSON.parse(
  readFileSync(new URL('../../../test/golden/policy-folders.golden.json', import.meta.url), 'utf8'),
);

test.each(Object.entries(folderGolden.folders))(
  'a %s folder written here gives the same log-probabilities by AutoModelForCausalLM',
  async (shape, { class: architecture, logprobs }) => {
    const home = mkdtempSync(join(tmpdir(), 'evenkeel-folder-'));
    try {
      await writeTinyFolder(join(home, 'model'), shape);
      const { config, parameters, files } = await loadModelDirectory(join(home, 'model'));
      expect(JSON.parse(files.get('config.json')!).architectures).toEqual([architecture]);
      const engine = new PolicyEngine(config);
      engine.setParameters(parameters.views);
      const [scores] = await engine.score([{ tokens: Int32Array.from(folderGolden.tokens), promptLength: 1 }]);
      await engine.dispose();
      expect(scores).toHaveLength(logprobs.length);
      for (const [index, logprob] of logprobs.entries()) {
        expect(Math.abs(scores![index]! / logprob - 1)).toBeLessThan(folderGolden.tolerance.logprobs);
      }
    } finally {
      rmSync(home, { recursive: true });
    }
  },
);

describe('a folder written here gives in transformers', () => {
  const home = mkdtempSync(join(tmpdir(), 'evenkeel-folder-'));
  let model: ModelDirectory;

  beforeAll(async () => {
    await writeTinyFolder(join(home, 'model'));
    model = await loadModelDirectory(join(home, 'model'));
  });
  afterAll(() => rmSync(home, { recursive: true }));

  test('the same tokens by AutoTokenizer, and the same text back', () => {
    expect(golden.lines.map((line) => model.tokenizer.encode(line).join(' '))).toEqual(golden.ids);
    expect(model.tokenizer.decode(golden.ids.at(-1)!.split(' ').map(Number))).toBe(golden.decoded);
  });

  test('the same log-probabilities by AutoModelForCausalLM', async () => {
    const engine = new PolicyEngine(model.config);
    engine.setParameters(model.parameters.views);
    const [scores] = await engine.score([{ tokens: model.tokenizer.encode(golden.lines.at(-1)!), promptLength: 1 }]);
    await engine.dispose();
    expect(scores).toHaveLength(golden.logprobs.length);
    for (const [index, logprob] of golden.logprobs.entries()) {
      expect(Math.abs(scores![index]! / logprob - 1)).toBeLessThan(golden.tolerance.logprobs);
    }
  });

  test('the same chat text and the same end token', () => {
    expect(renderChat(model.chatTemplate, golden.messages)).toBe(golden.chat);
    expect(golden.eos).toEqual([...model.tokens.eosTokenIds, ...model.tokens.eosTokenIds]);
  });
});
