/** `model export` of a run that trains with LoRA: merged, and as PEFT's folder. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateRecordName, writeRunRecord } from '@evenkeel/activities';
import {
  importModel,
  initialiseLora,
  type LoraAdapter,
  loadArchitecture,
  loadModelDirectory,
  mergeLora,
  openSafetensors,
  policyHash,
  putAdapter,
} from '@evenkeel/policy';
import { resolveRunConfig } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modelFolder } from '../model/model-folder.ts';
import { claimRun } from '../train/run-record.ts';
import { invoke } from './invoke.fixtures.ts';
import { modelExportCommand } from './model-export.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-export-adapter-'));
const tiny = modelFolder('tiny');
const lora = { rank: 2, alpha: 4, targets: ['q_proj' as const, 'v_proj' as const] };
let adapter: LoraAdapter;

beforeAll(async () => {
  const store = await openFolderStore(join(home, 'store'));
  const base = await importModel(store, tiny);
  const architecture = await loadArchitecture(store, base);
  adapter = initialiseLora(architecture.config, lora, 1);
  for (const [name, view] of adapter.parameters.views) if (name.endsWith('lora_B.weight')) view.fill(0.01);
  const trained = await putAdapter(store, architecture, base, adapter);
  for (const [run, settings] of Object.entries({ adapted: { lora }, plain: {} })) {
    const config = resolveRunConfig({ run, model: tiny, tasks: ['arc'], steps: 9, ...settings }, [
      { id: 'arc', levels: ['tiny'] },
    ]);
    await claimRun(home, config, '2026-11-22T10:00:00.000Z');
    for (const [step, policy] of [base, run === 'adapted' ? trained : base].entries()) {
      const algorithm = await store.putJson('algorithm-state', { step });
      const state = { step, base, policy, algorithm, checkpoint: null, redo: [] };
      const record = { version: 1, step, config: await store.putJson('config', config), state };
      await writeRunRecord(home, run, stateRecordName(step), record);
    }
  }
  await store.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('a run with LoRA is exported with its adapters merged', async () => {
  const out = join(home, 'merged');
  await invoke(modelExportCommand, home, 'adapted', '--out', out);
  const expected = (await loadModelDirectory(tiny)).parameters;
  mergeLora(expected, adapter);
  expect((await loadModelDirectory(out)).parameters.flat).toEqual(expected.flat);
});

test('--adapter writes what PEFT opens: its fields, its names, the bits of the adapters, and a card', async () => {
  const out = join(home, 'adapter');
  const { json } = await invoke(modelExportCommand, home, 'adapted', '--adapter', '--out', out, '--json');
  const model = await loadModelDirectory(tiny);
  mergeLora(model.parameters, adapter);
  const sha256 = policyHash(model.parameters.flat, model.config);
  const count = adapter.parameters.flat.length;
  expect(json).toEqual([
    { kind: 'exported', path: out, run: 'adapted', step: 1, sha256, parameters: count, dtype: 'float32', lora },
  ]);
  expect(readdirSync(out).sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors']);
  expect(JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({
    ...{ base_model_name_or_path: 'tiny', r: 2, lora_alpha: 4, target_modules: ['q_proj', 'v_proj'] },
  });
  const file = await openSafetensors(join(out, 'adapter_model.safetensors'));
  expect(file.entries.size).toBe(adapter.parameters.shapes.length);
  for (const [name, view] of adapter.parameters.views) {
    const found = new Float32Array(view.length);
    await file.read(`base_model.model.${name}`, found);
    expect(found).toEqual(view);
  }
  await file.close();
  const card = readFileSync(join(out, 'README.md'), 'utf8');
  expect(card).toMatch(/^---\nlibrary_name: peft\n/);
  expect(card).toContain('rank 2, alpha 4, at q_proj, v_proj');
  expect(card).toContain(sha256);
  expect(card).not.toContain(home);
  const { lines } = await invoke(modelExportCommand, home, 'adapted', '--adapter', '--out', join(home, 'again'));
  expect(lines[0]).toContain('adapters of run "adapted" after step 1, rank 2 at q_proj, v_proj');
});

test('--adapter is refused, and nothing written, where there are no adapters', async () => {
  const out = join(home, 'none');
  const refused = (...args: string[]) =>
    expect(invoke(modelExportCommand, home, ...args, '--adapter', '--out', out)).rejects;
  await refused('plain').toThrow(
    'Cannot open the adapters of plain: the run trains the weights themselves, expected one with "lora"',
  );
  await refused('adapted@0').toThrow('Cannot open the adapters of adapted@0: the base has none, expected a later step');
  await refused(tiny).toThrow('it is a model, expected a run that trains with LoRA');
  expect(readdirSync(home)).not.toContain('none');
});
