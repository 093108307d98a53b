/** The commands that need no server, on the real verifiers, the real engine and the shipped model. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveRunConfig } from '@evenkeel/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimRun } from '../train/run-record.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { invoke } from './invoke.fixtures.ts';
import { modelInfoCommand } from './model-info.ts';
import { modelMakeCommand } from './model-make.ts';
import { verifierGenerateCommand } from './verifier-generate.ts';
import { verifyCommand } from './verify.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-offline-'));
beforeAll(async () => {
  const config = resolveRunConfig(
    { run: 'half-done' },
    ['countdown', 'zebra', 'arc'].map((id) => ({ id, levels: ['tiny'] })),
  );
  await claimRun(home, config, '2026-11-21T10:00:00.000Z');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function file(name: string, rows: readonly unknown[]): string {
  const path = join(home, name);
  writeFileSync(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return path;
}

describe('verifier generate', () => {
  test('writes rows that its own gold answers solve, the same for the same flags', async () => {
    const args = ['zebra', '--level', 'easy', '--seed', '7', '--count', '3', '--gold'];
    const { json } = await invoke(verifierGenerateCommand, home, ...args);
    expect(json).toHaveLength(3);
    expect(Object.keys(json[0]!)).toEqual(['id', 'task', 'level', 'prompt', 'groundTruth', 'gold']);
    expect(json[0]).toMatchObject({ task: 'zebra', level: 'easy' });
    expect((await invoke(verifierGenerateCommand, home, ...args)).json).toEqual(json);
    const later = await invoke(
      verifierGenerateCommand,
      home,
      ...args.slice(0, 5),
      '--from',
      '2',
      '--count',
      '1',
      '--gold',
    );
    expect(later.json).toEqual(json.slice(2));

    const rows = json.map(({ groundTruth, gold }) => ({ groundTruth, completion: gold }));
    const verdicts = await invoke(verifyCommand, home, 'zebra', file('gold.jsonl', rows));
    expect(verdicts.json.map((verdict) => verdict.reward)).toEqual([1, 1, 1]);
  });

  test('an unknown task, level or split is refused with those that there are', async () => {
    await expect(invoke(verifierGenerateCommand, home, 'chess')).rejects.toThrow(
      /expected one of: arc, countdown, zebra/,
    );
    await expect(invoke(verifierGenerateCommand, home, 'arc', '--level', 'huge')).rejects.toThrow(
      /"arc" has no level "huge", expected one of: tiny, easy/,
    );
    await expect(invoke(verifierGenerateCommand, home, 'arc', '--split', 'all')).rejects.toThrow(
      'Cannot read --split: it is "all", expected one of train, tune, heldout',
    );
    await expect(invoke(verifierGenerateCommand, home, 'arc', '--count', '-1')).rejects.toThrow(/--count/);
  });
});

describe('verify', () => {
  test('gives a verdict a row, in order; a row that is not one fails, and the rest go on', async () => {
    const groundTruth = { target: 6, numbers: [2, 4] };
    const rows = [
      { groundTruth, completion: '\\boxed{2+4}', id: 'a', level: 'easy' },
      'not JSON',
      { groundTruth, completion: '\\boxed{2*4}' },
      { completion: '\\boxed{2+4}' },
      { groundTruth, completion: 'six' },
    ];
    const { json, notes, status } = await invoke(verifyCommand, home, 'countdown', file('rows.jsonl', rows));
    expect(json.map(({ kind, reward }) => reward ?? kind)).toEqual([1, 'failed', 0.1, 'failed', 0]);
    expect(status).toBe(0);
    expect(notes).toEqual(['5 rows: 1 correct, 1 in the form but wrong, 1 without an answer, 0 abstained, 2 failed']);
  });

  test('a file that is not there is refused before anything is started', async () => {
    await expect(invoke(verifyCommand, home, 'countdown', join(home, 'none.jsonl'))).rejects.toThrow(
      /^Cannot read rows .*none\.jsonl: .*, expected a file of JSON lines, or -$/,
    );
  });
});

describe('evaluate', () => {
  test('prints accuracies with intervals; rows of a file get the counts that the same drawn puzzles get', async () => {
    const drawn = await invoke(
      evaluateCommand,
      home,
      'tiny',
      '--tasks',
      'countdown',
      '--prompts-per-task',
      '40',
      '--json',
    );
    expect(drawn.json).toMatchObject([
      { kind: 'task', task: 'countdown', total: 40, abstained: 0, failed: 0 },
      { kind: 'evaluation', model: 'tiny', settings: { split: 'heldout', seed: 1, promptsPerTask: 40 } },
    ]);
    const [{ correct, accuracy, low, high }] = drawn.json as [Record<string, number>];
    expect(accuracy).toBe(correct! / 40);
    expect(low! < accuracy! && accuracy! < high!).toBe(true);

    const generate = ['countdown', '--split', 'heldout', '--seed', '1', '--count', '40'];
    const rows = (await invoke(verifierGenerateCommand, home, ...generate)).json;
    const fromFile = await invoke(evaluateCommand, home, 'tiny', '--prompts', file('puzzles.jsonl', rows), '--json');
    expect(fromFile.json[0]).toEqual(drawn.json[0]);
  });

  test('what cannot be evaluated is refused with what could be', async () => {
    const refusal = async (...args: string[]) =>
      await invoke(evaluateCommand, home, ...args).then(
        () => '',
        (error) => error.message,
      );
    expect(await refusal('half-done')).toContain('the run is not finished');
    expect(await refusal('nowhere')).toContain(
      'expected "tiny", a finished run\'s name, or a Hugging Face model folder',
    );
    expect(await refusal('tiny', '--tasks', 'chess')).toContain('expected one of arc, countdown, zebra');
    expect(await refusal('tiny', '--tasks', 'arc:huge')).toContain(
      'it has no level "huge", expected one of tiny, easy',
    );
    expect(await refusal('tiny', '--temperature', 'hot')).toContain('Cannot read --temperature: it is "hot"');
    const row = { prompt: 'make 3 from 1 2 :', groundTruth: { target: 3, numbers: [1, 2] } };
    expect(await refusal('tiny', '--prompts', file('bad.jsonl', [{ ...row, task: 'countdown' }, row]))).toMatch(
      /bad\.jsonl:2: it names no task/,
    );
    expect(await refusal('tiny', '--prompts', file('chess.jsonl', [{ ...row, task: 'chess' }]))).toContain(
      'expected one of arc, countdown, zebra',
    );
    const long = { ...row, prompt: 'make '.repeat(300), task: 'countdown' };
    expect(await refusal('tiny', '--prompts', file('long.jsonl', [long]))).toMatch(
      /^Cannot evaluate: 1 of 1 prompts are too long for the model's context of 128 tokens .*, expected at most 127 each/,
    );
    mkdirSync(join(home, 'cut'));
    writeFileSync(join(home, 'cut', 'config.json'), '{"model_type":"qwen2"');
    expect(await refusal(join(home, 'cut'))).toMatch(/config\.json/);
  });
});

describe('model info and model make', () => {
  test('info shows what the shipped model is', async () => {
    const { json } = await invoke(modelInfoCommand, home, 'tiny', '--json');
    expect(json).toMatchObject([{ kind: 'model', family: 'qwen2', layers: 4, width: 128, context: 128 }]);
    const [{ parameters, bytes, sha256, endTokens }] = json as [Record<string, unknown>];
    expect(parameters).toBeLessThan(1_000_000);
    expect(bytes).toBeLessThan(5_000_000);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(endTokens).toMatchObject([{ text: '<|endoftext|>' }]);
  });

  test('make writes a model that opens, with its curve, and does not write over one', async () => {
    const made = await invoke(modelMakeCommand, home, 'tiny', '--quick', '--json');
    const { path, sha256 } = made.json.at(-1) as { path: string; sha256: string };
    expect(made.json.map(({ kind }) => kind)).toEqual(['progress', 'progress', 'made']);
    expect(made.json[1]).toMatchObject({ stage: 'mixed-quality', secondsLeft: 0 });
    expect((await invoke(modelInfoCommand, home, path, '--json')).json).toMatchObject([{ sha256 }]);
    const curve = readFileSync(join(path, 'curve.jsonl'), 'utf8').trim().split('\n');
    expect(curve.map((line) => JSON.parse(line).stage)).toEqual(['knowledge', 'mixed-quality']);
    await expect(invoke(modelMakeCommand, home, 'tiny', '--quick')).rejects.toThrow(
      /is not empty, expected a new one \(--out\), or --replace/,
    );
    const again = await invoke(modelMakeCommand, home, 'tiny', '--quick', '--replace', '--json');
    expect(again.json).toMatchObject([{ kind: 'made', sha256 }]);
    await expect(invoke(modelMakeCommand, home, 'huge')).rejects.toThrow(
      'there is no such preset, expected one of tiny, nine',
    );
  });
});

describe('doctor', () => {
  test('looks at everything, says what to do about what is missing, and changes nothing', async () => {
    const fresh = join(home, 'fresh');
    const { json, status } = await invoke(doctorCommand, fresh, '--json');
    const found = new Map(json.map((finding) => [finding.name, finding]));
    for (const name of ['Node', 'onnxruntime, CPU', 'sandbox', 'shipped model', 'home', 'cores']) {
      expect(found.get(name), name).toMatchObject({ state: 'ok' });
    }
    for (const { kind, state, wish } of json)
      expect(kind !== 'check' || state === 'ok' || typeof wish === 'string').toBe(true);
    const missing = json.filter(({ state }) => state === 'missing').length;
    expect(json.at(-1)).toEqual({ kind: 'doctor', missing });
    expect(status).toBe(missing === 0 ? 0 : 1);
    expect(found.get('home')).toMatchObject({ found: `${fresh} (not there yet, can be made)` });
  });
});
