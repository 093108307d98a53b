/** What `train` finds out before anything runs: on real verifiers in sandboxes, a home of its own, and the shipped model. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRunRecord } from '@evenkeel/activities';
import { sha256Hex } from '@evenkeel/core';
import { buildTinyTokenizer, newModelFiles, readModelFiles } from '@evenkeel/policy';
import { keptScriptKey, keptScriptSchema, type RunConfig, type RunFile, type TaskEntry } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { installVerifier, removeVerifier } from '@evenkeel/verifier-host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeOwnVerifier } from '../../../../test/support/own-verifier.ts';
import type { Invocation } from '../command.ts';
import { dataImportCommand } from '../commands/data-import.ts';
import { invoke } from '../commands/invoke.fixtures.ts';
import { modelFolder } from '../model/model-folder.ts';
import { type ConfigureOptions, configureRun, goOnWith } from './configure.ts';
import { keepScripts } from './keep-scripts.ts';
import { claimRun, readRunRecord } from './run-record.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-configure-'));
const home = join(folder, 'home');
const sums = join(folder, 'sums');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => void writeOwnVerifier(sums, { id: 'sums', version: '1.0.0' }));

const invocation: Invocation = {
  ...{ positionals: [], flags: {}, json: true, home },
  ...{ print() {}, printJson() {}, note() {} },
};

const notes: string[] = [];
async function configure(file: RunFile, options: Partial<ConfigureOptions> = {}): Promise<RunConfig> {
  const given = { invocation, file, keepInputs: false, note: (line: string) => void notes.push(line) };
  return (await configureRun({ ...given, ...options })).config;
}

/** A run that was begun, as `train` does it. */
async function begin(file: RunFile): Promise<RunConfig> {
  const config = await configure(file);
  await claimRun(home, config, '2026-11-21T10:00:00.000Z');
  const store = await openFolderStore(join(home, 'store'));
  await keepScripts(store, config.inputs.verifiers, home);
  await store.close();
  return config;
}

async function refusal(act: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  return await act.then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  );
}

async function importSet(name: string, prompts: readonly string[], ...flags: string[]): Promise<void> {
  const path = join(folder, `${name}.jsonl`);
  const rows = prompts.map((prompt) => ({ prompt, task: 'countdown', groundTruth: { target: 3, numbers: [1, 2] } }));
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await invoke(dataImportCommand, home, path, '--name', name, ...flags);
}

const puzzles = Array.from({ length: 40 }, (_, index) => `make 3 from 1 ${index} :`);

describe('a new run', () => {
  test('of a model that the machine cannot hold is refused before weights are read, unless it is accepted', async () => {
    const model = join(folder, 'too-large');
    // A shape of 6·10¹² parameters: its folder holds no weights, and nobody asks for them.
    const shape = { hidden_size: 65_536, num_attention_heads: 512, intermediate_size: 262_144, num_hidden_layers: 100 };
    const { config } = readModelFiles(modelFolder('tiny'));
    mkdirSync(model);
    for (const [name, text] of newModelFiles({ ...config, ...shape, head_dim: 128 }, buildTinyTokenizer([], []))) {
      writeFileSync(join(model, name), text);
    }
    const file = { run: 'too-large', model, tasks: ['countdown'] };
    const refused = await refusal(configure(file));
    expect(refused).toMatchObject({ code: 'memory-short' });
    expect(refused.message).toMatch(
      /^Cannot train "too-large": it takes about [\d.]+ TB of memory \(the trainer up to/,
    );
    const accepting = { ...invocation, flags: { 'accept-memory': true } };
    // Then it is the weights that are missing, or no room for them.
    const { message } = await refusal(configure(file, { invocation: accepting }));
    expect(message).toMatch(/model.safetensors is missing|allocation failed/);
  });

  test('names a verifier of a folder by id and version, and keeps its code under the hash that its jobs ask for', async () => {
    const { tasks, inputs } = await begin({ run: 'new', tasks: [sums, 'countdown'] });
    expect(tasks.map(({ name, verifier }) => [name, verifier])).toEqual([
      ['sums@1.0.0', 'sums@1.0.0'],
      ['countdown', 'countdown'],
    ]);
    const { version, sha256 } = inputs.verifiers['sums@1.0.0']!;
    expect(version).toBe('1.0.0');
    const store = await openFolderStore(join(home, 'store'));
    const commit = await store.lookup(keptScriptKey(sha256));
    const { script, ...kept } = keptScriptSchema.parse(commit?.result);
    const text = new TextDecoder().decode(await store.get(script));
    await store.close();
    expect(kept).toEqual({ id: 'sums', version: '1.0.0' });
    expect(sha256Hex(text)).toBe(sha256);
    expect(text).toContain('Sums');
  });

  test('may not weigh a component that no task has', async () => {
    const weigh = (name: string): RunFile => ({
      ...{ run: 'weighed', tasks: ['sums', 'countdown'] },
      method: { name: 'grpo', reward: { kind: 'weighted', weights: { verdict: 1, [name]: 0.2 } } },
    });
    expect((await configure(weigh('brevity'))).method.reward).toMatchObject({ weights: { verdict: 1, brevity: 0.2 } });
    expect(await refusal(configure(weigh('length')))).toMatchObject({
      code: 'component-unknown',
      message: expect.stringMatching(
        /expected one of verdict, correct, formatted, format, brevity \(sums: format, brevity\)$/,
      ),
    });
  });

  test('asks for what a verifier was not granted; with --yes it is granted', async () => {
    const asking = join(folder, 'asking');
    writeOwnVerifier(asking, { id: 'asking', version: '1.0.0' });
    const path = join(asking, 'index.js');
    const denied = '"permissions":{"net":[],"read":[],"env":[]}';
    const source = readFileSync(path, 'utf8');
    expect(source).toContain(denied);
    writeFileSync(path, source.replace(denied, '"permissions":{"net":[],"read":["package.json"],"env":[]}'));
    const file = { run: 'asking', tasks: [asking] };
    expect(await refusal(configure(file))).toMatchObject({
      code: 'verifier-permission',
      message: expect.stringContaining('evenkeel verifier grant asking'),
    });
    const yes = { invocation: { ...invocation, flags: { yes: true } } };
    expect((await configure(file, yes)).inputs.verifiers).toHaveProperty(['asking@1.0.0']);
    expect((await configure(file)).inputs.verifiers).toHaveProperty(['asking@1.0.0']);
  });

  test('is refused prompts that its model cannot hold, and a set with nothing to train on', async () => {
    await importSet('mine', [...puzzles, `make ${'3 '.repeat(130)}`]);
    expect(await refusal(configure({ run: 'long', tasks: ['countdown=mine'] }))).toMatchObject({
      code: 'prompts-too-long',
      message: expect.stringMatching(
        /^Cannot train "long": 1 of \d+ prompts are too long for the model's context of 128/,
      ),
    });
    expect(await refusal(configure({ run: 'wordy', tasks: ['zebra', 'countdown:easy'] }))).toMatchObject({
      code: 'prompts-too-long',
      message: expect.stringMatching(
        /^Cannot train "wordy": 8 of 16 prompts are too long .* first is of task "countdown-easy"\), expected at most 127 each: choose another level/,
      ),
    });
    await importSet('few', ['make 3 from 1 2 :']);
    expect(await refusal(configure({ run: 'few', tasks: ['countdown=few'] }))).toMatchObject({
      code: 'prompts-empty',
      message: expect.stringMatching(/prompt set "few" has no rows of it in split "\w+", expected at least one/),
    });
    await importSet('cramped', [...puzzles, ...puzzles.map((prompt) => `${prompt} ${'3 '.repeat(108)}`)]);
    notes.length = 0;
    await configure({ run: 'cramped', tasks: ['countdown=cramped'] });
    expect(notes).toEqual([
      expect.stringMatching(/^\d+ prompts leave no room for 16 tokens: their completions end with the context$/),
    ]);
  });
});

describe('a run that goes on', () => {
  const file = (run: string, more: RunFile = {}): RunFile => ({
    run,
    tasks: ['sums@1.0.0', 'countdown=stay'],
    ...more,
  });
  const keepInputs = { keepInputs: true };
  let begun: RunConfig;
  beforeAll(async () => {
    await importSet('stay', puzzles);
    await installVerifier(sums, { home });
    begun = await begin(file('kept'));
  });

  test('is the same where nothing changed', async () => {
    expect(await configure(file('kept'))).toEqual(begun);
    expect(await configure(file('kept'), keepInputs)).toEqual(begun);
  });

  test('does not change over in silence to other code of its verifier; on request it goes on under its own', async () => {
    writeOwnVerifier(sums, { id: 'sums', version: '1.0.0', first: 'completion = completion.trim();' });
    await installVerifier(sums, { home });
    const { sha256 } = begun.inputs.verifiers['sums@1.0.0']!;
    const refused = await refusal(configure(file('kept')));
    expect(refused.code).toBe('run-inputs-changed');
    expect(refused.message).toMatch(
      /^Cannot go on with run "kept": verifier "sums@1\.0\.0" changed: it was version 1\.0\.0, sha256 \w{12}, and is version 1\.0\.0, sha256 \w{12}, expected what the run began with: restore it; or let the run go on under what it keeps of its beginning: --keep-inputs; or begin anew: --run NAME$/,
    );
    expect(refused.message).toContain(`it was version 1.0.0, sha256 ${sha256.slice(0, 12)}`);
    expect(await configure(file('kept'), keepInputs)).toEqual(begun);
    expect((await configure(file('fresh'))).inputs.verifiers['sums@1.0.0']!.sha256).not.toBe(sha256);
  });

  test('goes on by its name alone as it was recorded, under the same conditions', async () => {
    const record = await readRunRecord(home, 'kept');
    const alone = { invocation, record, current: begun, threads: undefined };
    expect(await refusal(goOnWith({ ...alone, keepInputs: false }))).toMatchObject({ code: 'run-inputs-changed' });
    expect(await goOnWith({ ...alone, ...keepInputs, threads: 1 })).toEqual({
      config: { ...begun, threads: 1 },
      verifiers: {},
    });
    const fresh = await begin(file('alone'));
    const freshRecord = await readRunRecord(home, 'alone');
    expect(await goOnWith({ ...alone, record: freshRecord, current: fresh, keepInputs: false })).toEqual({
      config: fresh,
      verifiers: fresh.inputs.verifiers,
    });
    const otherBase = { ...freshRecord, config: { ...fresh, inputs: { ...fresh.inputs, model: 'ab'.repeat(32) } } };
    const refused = await refusal(goOnWith({ ...alone, record: otherBase, current: fresh, keepInputs: false }));
    expect(refused.message).toMatch(/^Cannot go on with run "alone": the base "tiny" changed: it was abababababab, /);
  });

  test('nor to other prompts under the name of its set, nor without a verifier that is gone', async () => {
    await importSet('stay', [...puzzles, 'make 4 from 2 2 :'], '--replace');
    const changed = await refusal(configure(file('kept')));
    expect(changed.message).toMatch(/prompt set "stay" changed: it was sha256 \w{12}, and is sha256 \w{12}, expected/);
    await removeVerifier(home, 'sums@1.0.0');
    expect(await refusal(configure(file('kept')))).toMatchObject({
      code: 'run-inputs-changed',
      message: expect.stringMatching(
        /verifier "sums@1\.0\.0" is gone: it was version 1\.0\.0, sha256 \w{12}, expected/,
      ),
    });
    expect(await configure(file('kept'), keepInputs)).toEqual(begun);
  });

  test('keeps its inputs only: another setting is another run, and there must be one', async () => {
    const other = await configure(file('kept', { seed: 8 }), keepInputs);
    expect(await refusal(claimRun(home, other, '2026-11-21T11:00:00.000Z'))).toMatchObject({ code: 'run-differs' });
    const more: TaskEntry[] = [
      { verifier: 'sums@1.0.0' },
      { verifier: 'countdown', prompts: 'stay' },
      { verifier: 'arc' },
    ];
    expect(await refusal(configure({ run: 'kept', tasks: more }, keepInputs))).toMatchObject({ code: 'task-unknown' });
    expect(await refusal(configure(file('nobody'), keepInputs))).toMatchObject({
      code: 'run-unknown',
      message: expect.stringMatching(
        /^Cannot keep the inputs of run "nobody": there is no such run in .*leave --keep-inputs out$/,
      ),
    });
  });

  test('goes on where its record is from before verifiers had versions, if the code is the same', async () => {
    const config = await configure({ run: 'old', tasks: ['countdown'] });
    const { sha256 } = config.inputs.verifiers.countdown!;
    const old = { ...config, inputs: { ...config.inputs, verifiers: { countdown: sha256 } } };
    const record = { version: 1, run: 'old', configHash: 'of old', config: old, createdAt: '2026-11-01T10:00:00.000Z' };
    await writeRunRecord(home, 'old', 'run.json', record);
    const again = await configure({ run: 'old', tasks: ['countdown'] });
    expect(again.inputs.verifiers.countdown).toEqual({ version: 'unknown', sha256 });
    expect(await claimRun(home, again, '2026-11-21T11:00:00.000Z')).toEqual({ isNew: false });
  });
});
