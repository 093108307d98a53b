/** `generate`, `score` and `model export` on the shipped model and on a run's records, in this process. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateRecordName, writeRunRecord } from '@evenkeel/activities';
import { type ArtefactRef, ConfigError } from '@evenkeel/core';
import {
  importModel,
  loadModelDirectory,
  loadPolicy,
  policyHash,
  putPolicy,
  saveModelDirectory,
} from '@evenkeel/policy';
import { type RunConfig, resolveRunConfig } from '@evenkeel/protocol';
import { openFolderStore, type Store } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelFolder } from '../model/model-folder.ts';
import { claimRun } from '../train/run-record.ts';
import { generateCommand } from './generate.ts';
import { invoke } from './invoke.fixtures.ts';
import { modelExportCommand } from './model-export.ts';
import { scoreCommand } from './score.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-generate-'));
const tiny = modelFolder('tiny');
let config: RunConfig;
let store: Store;

/** The base with its final norm made that much larger, kept as the run's policy after a step. */
async function leaveState(step: number, base: ArtefactRef): Promise<void> {
  const { architecture, parameters } = await loadPolicy(store, base);
  for (const [index, value] of parameters.get('model.norm.weight').entries()) {
    parameters.get('model.norm.weight')[index] = value * (1 + step / 10);
  }
  const policy = await putPolicy(store, architecture, parameters.flat);
  const algorithm = await store.putJson('algorithm-state', { step });
  const state = { step, base, policy, algorithm, checkpoint: null, redo: [] };
  const record = { version: 1, step, config: await store.putJson('config', config), state };
  await writeRunRecord(home, 'mine', stateRecordName(step), record);
}

beforeAll(async () => {
  store = await openFolderStore(join(home, 'store'));
  const verifiers = ['countdown', 'arc'].map((id) => ({ id, levels: ['tiny'] }));
  config = resolveRunConfig({ run: 'mine', model: tiny, tasks: ['countdown', 'arc'], steps: 9 }, verifiers);
  await claimRun(home, config, '2026-11-22T10:00:00.000Z');
  const base = await importModel(store, tiny);
  for (const step of [0, 1, 2]) await leaveState(step, base);
  await writeRunRecord(home, 'mine', 'changes/000001.json', {
    ...{ version: 1, number: 1, step: 1, change: { kind: 'set', settings: { lambda: 0.4 } } },
  });
});
afterAll(async () => {
  await store.close();
  rmSync(home, { recursive: true, force: true });
});

let files = 0;
function file(...rows: unknown[]): string {
  const path = join(home, `rows-${files++}.jsonl`);
  writeFileSync(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return path;
}

const prompt = 'make 6 from 4 5 5 :';

interface Answer {
  readonly completions: readonly {
    readonly text: string;
    readonly tokens: number[];
    readonly logprobs: number[];
    readonly finish: string;
  }[];
}

async function answers(...args: string[]): Promise<readonly Answer[]> {
  return (await invoke(generateCommand, home, ...args)).json as unknown as readonly Answer[];
}

describe('generate', () => {
  test('answers row for row; the same seed gives the same text, whatever decodes together', async () => {
    const rows = file(
      { prompt },
      { prompt: 'make 28 from 4 6 18 :' },
      { messages: [{ role: 'user', content: prompt }] },
    );
    const args = ['tiny', rows, '--samples', '3', '--temperature', '1.5', '--max-tokens', '12'];
    const first = await answers(...args, '--seed', '7');
    expect(first.map(({ completions }) => completions.length)).toEqual([3, 3, 3]);
    for (const { tokens, logprobs, finish } of first.flatMap(({ completions }) => completions)) {
      expect(logprobs).toHaveLength(tokens.length);
      expect(finish).toBe(tokens.at(-1) === 432 ? 'stop' : 'length');
    }
    const textOf = (all: readonly Answer[]) => all.map(({ completions }) => completions.map(({ text }) => text));
    expect(textOf(await answers(...args, '--seed', '7', '--batch', '2', '--threads', '1'))).toEqual(textOf(first));
    expect(textOf(await answers(...args, '--seed', '8'))).not.toEqual(textOf(first));
  });

  test('gives tokens that score gives the same log-probabilities', async () => {
    const [{ completions } = { completions: [] }] = await answers('tiny', file({ prompt }), '--samples', '4');
    const rows = completions.map(({ tokens }) => ({ prompt, completion: tokens }));
    const { json } = await invoke(scoreCommand, home, 'tiny', file(...rows));
    for (const [place, { logprobs, sum, mean, perplexity }] of (json as unknown as Scored[]).entries()) {
      for (const [token, logprob] of logprobs.entries()) {
        expect(logprob).toBeCloseTo(completions[place]!.logprobs[token]!, 4);
      }
      expect(sum).toBeCloseTo(
        logprobs.reduce((total, logprob) => total + logprob, 0),
        10,
      );
      expect([mean, perplexity]).toEqual([sum / logprobs.length, Math.exp(-sum / logprobs.length)]);
    }
  });

  test('answers a typed prompt by text alone, each line of a text file, and a chat by the template', async () => {
    const greedy = ['--temperature', '0'];
    const typed = await invoke(generateCommand, home, 'tiny', '--prompt', prompt, '--prompt', prompt, ...greedy);
    expect(typed.lines).toEqual(['\\boxed{ 5 + 5 - 4 }', '\\boxed{ 5 + 5 - 4 }']);
    const lines = await answers('tiny', file(prompt, '', prompt), '--text', ...greedy);
    expect(lines.map(({ completions }) => completions[0]!.text)).toEqual(typed.lines);
    const content = { role: 'user', content: prompt };
    const chat = await answers(
      'tiny',
      file({ prompt }, { messages: [content] }),
      '--chat',
      ...greedy,
      '--max-tokens',
      '9',
    );
    expect(chat[0]).toEqual(chat[1]);
    await expect(invoke(generateCommand, home, 'tiny', file({ prompt }), '--prompt', prompt)).rejects.toThrow(
      'Cannot read prompts: --prompt and rows are both given, expected one of the two',
    );
  });

  test('says of each row that cannot be answered why, in its place, and ends with 1', async () => {
    const rows = file(
      { prompt: '' },
      { prompt },
      'no',
      { text: prompt },
      { prompt: '7 '.repeat(200) },
      { prompt: [448] },
    );
    const { status, json, notes } = await invoke(generateCommand, home, 'tiny', rows, '--max-tokens', '4');
    expect(status).toBe(1);
    expect(json[1]).toHaveProperty('completions');
    expect(json.map(({ error }) => (error as { message: string } | undefined)?.message)).toEqual([
      "Cannot answer row 1: the prompt is empty, expected 1 to 127 tokens (the model's context has 128)",
      undefined,
      'Cannot answer row 3: it is not JSON, expected { "prompt" } or { "messages" }',
      'Cannot answer row 4: it is no such row, expected { "prompt" } or { "messages" }',
      expect.stringMatching(/^Cannot answer row 5: the prompt has \d+ tokens, expected 1 to 127 tokens/),
      'Cannot answer row 6: the prompt has token 448, expected 0 to 447',
    ]);
    expect(notes.at(-1)).toMatch(/^6 rows, 5 of them could not be answered, 4 tokens in/);
  });
});

interface Scored {
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly sum: number;
  readonly mean: number;
  readonly perplexity: number;
}

describe('score', () => {
  test('says of each row that cannot be scored why, in its place, and ends with 1', async () => {
    const rows = [
      { prompt, completion: '' },
      { prompt },
      { prompt, completion: '1' },
      { prompt, completion: '1 '.repeat(200) },
    ];
    const { status, json } = await invoke(scoreCommand, home, 'tiny', file(...rows));
    expect(status).toBe(1);
    expect((json[2] as unknown as Scored).logprobs).toHaveLength(1);
    expect(json.map(({ error }) => (error as { message: string } | undefined)?.message)).toEqual([
      "Cannot score row 1: the completion is empty, expected 1 to 128 tokens (the model's context has 128)",
      'Cannot score row 2: its field "completion" is missing or of another kind, expected { "prompt" or "messages", "completion" }',
      undefined,
      expect.stringMatching(
        /^Cannot score row 4: the (completion|prompt with its completion) has \d+ tokens, expected/,
      ),
    ]);
  });

  test('refuses weights that give no probabilities, and messages for a model without a template', async () => {
    const model = await loadModelDirectory(tiny);
    model.parameters.get('model.norm.weight').fill(3e38);
    const wild = join(home, 'wild');
    await saveModelDirectory(wild, model);
    await expect(invoke(scoreCommand, home, wild, file({ prompt, completion: '1' }))).rejects.toMatchObject({
      code: 'policy-diverged',
    });
    await expect(invoke(generateCommand, home, wild, file({ prompt }))).rejects.toMatchObject({
      code: 'policy-diverged',
    });
    const texts = new Map(model.files);
    texts.set('tokenizer_config.json', '{}');
    const mute = join(home, 'mute');
    await saveModelDirectory(mute, { ...(await loadModelDirectory(tiny)), files: texts });
    await expect(invoke(generateCommand, home, mute, '--prompt', prompt, '--chat')).rejects.toMatchObject({
      code: 'chat-template-unsupported',
    });
  });
});

describe("a run's policy", () => {
  const meanOf = async (model: string) => {
    const { json, notes } = await invoke(scoreCommand, home, model, file({ prompt, completion: ' 5' }));
    return { mean: (json[0] as unknown as Scored).mean, note: notes[0] };
  };

  test('is the newest that is kept while the run goes on, or that of a step', async () => {
    const [newest, second, base] = [await meanOf('mine'), await meanOf('mine@2'), await meanOf('mine@0')];
    expect(newest).toEqual(second);
    expect(newest.note).toBe('Policy of run "mine" after step 2');
    expect(base.mean).not.toBe(second.mean);
    expect(base.mean).toBe((await meanOf('tiny')).mean);
    await expect(meanOf('mine@7')).rejects.toThrow(
      'Cannot open the policy of run "mine" after step 7: only 2 steps are done, expected one of 0 to 2',
    );
  });

  test('is exported with a card that says which it is and how it was made', async () => {
    const out = join(home, 'exported');
    const { json } = await invoke(modelExportCommand, home, 'mine', '--step', '2', '--out', out, '--json');
    const exported = await loadModelDirectory(out);
    const sha256 = policyHash(exported.parameters.flat, exported.config);
    expect(json).toEqual([
      { kind: 'exported', path: out, run: 'mine', step: 2, sha256, parameters: 845_952, dtype: 'float32' },
    ]);
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
      expect(readFileSync(join(out, name), 'utf8')).toBe(readFileSync(join(tiny, name), 'utf8'));
    }
    const card = readFileSync(join(out, 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(card).toContain('# mine, after step 2\n');
    expect(card).toContain(sha256);
    expect(card).toContain('- after step 1: set lambda 0.4\n');
    const written = JSON.parse(/```json\n(.*?)\n```/s.exec(card)![1]!) as RunConfig;
    expect(written).toMatchObject({ run: 'mine', model: 'tiny', method: { weighter: { lambda: 0.4 } } });
    expect(card).not.toContain(home);
    // It is a model like any other.
    expect((await meanOf(out)).mean).toBe((await meanOf('mine')).mean);
    const base = await invoke(modelExportCommand, home, 'mine@1', '--out', join(home, 'one'), '--dtype', 'float16');
    expect(base.lines[0]).toMatch(/: run "mine" after step 1, 845,952 parameters as float16, sha256 [0-9a-f]{64}$/);
    expect(readFileSync(join(home, 'one', 'README.md'), 'utf8')).not.toContain('set lambda');
  });

  test('is not exported into a folder that is there, nor in part', async () => {
    const out = join(home, 'there');
    await saveModelDirectory(out, await loadModelDirectory(tiny));
    const before = readdirSync(out);
    await expect(invoke(modelExportCommand, home, 'mine', '--out', out)).rejects.toThrow(
      `Cannot export into ${out}: the folder is not empty, expected a new one: --out DIR`,
    );
    expect(readdirSync(out)).toEqual(before);
    const large = await loadModelDirectory(tiny);
    large.parameters.get('model.norm.weight').fill(1e5);
    await saveModelDirectory(join(home, 'large'), large);
    const half = join(home, 'half');
    const exporting = invoke(modelExportCommand, home, join(home, 'large'), '--out', half, '--dtype', 'float16');
    await expect(exporting).rejects.toThrow(/Cannot write tensor model\.norm\.weight as float16: element 0 is 100000/);
    expect(existsSync(half)).toBe(false);
    expect(readdirSync(home).filter((name) => name.startsWith('.half'))).toEqual([]);
    await expect(invoke(modelExportCommand, home, 'nobody')).rejects.toBeInstanceOf(ConfigError);
  });
});
