/** Tasks for a run that is under way, on real verifiers in sandboxes and the shipped model. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig, RunFile } from '@evenkeel/protocol';
import { installVerifier } from '@evenkeel/verifier-host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeOwnVerifier } from '../../../../test/support/own-verifier.ts';
import type { Invocation } from '../command.ts';
import { dataImportCommand } from '../commands/data-import.ts';
import { invoke } from '../commands/invoke.fixtures.ts';
import { configureRun } from './configure.ts';
import { type PinnedTask, resolveTasks } from './resolve-tasks.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-resolve-'));
const home = join(folder, 'home');
const sums = join(folder, 'sums');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const invocation: Invocation = {
  ...{ positionals: [], flags: {}, json: true, home },
  ...{ print() {}, printJson() {}, note() {} },
};

async function importSet(count: number): Promise<void> {
  const path = join(folder, 'mine.jsonl');
  const rows = Array.from({ length: count }, (_, index) => ({
    ...{ prompt: `make 3 from 1 ${index} :`, task: 'countdown', groundTruth: { target: 3, numbers: [1, 2] } },
  }));
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await invoke(dataImportCommand, home, path, '--name', 'mine', '--replace');
}

let config: RunConfig;
beforeAll(async () => {
  writeOwnVerifier(sums, { id: 'sums', version: '1.0.0' });
  await importSet(40);
  const file: RunFile = { run: 'open', tasks: ['countdown', 'countdown=mine', sums], promptsPerStep: 6 };
  config = (await configureRun({ invocation, file, keepInputs: false, note() {} })).config;
});

async function resolve(texts: readonly string[], name?: string): Promise<PinnedTask[]> {
  return await resolveTasks({ invocation, config, texts, name });
}

describe('tasks that come to a run', () => {
  test('are resolved as train does it, each pinned by version and hash', async () => {
    const [zebra] = await resolve(['zebra']);
    expect(zebra?.task).toEqual({ name: 'zebra', verifier: 'zebra', level: 'tiny', style: 'compact' });
    expect(zebra?.verifier).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(zebra).not.toHaveProperty('prompts');
    const [again] = await resolve(['countdown'], 'countdown-again');
    expect(again?.task).toEqual({ ...config.tasks[0], name: 'countdown-again' });
    expect(again?.verifier).toEqual(config.inputs.verifiers.countdown);
  });

  test('may be a folder, which is linked, and rows of a prompt set; and may have a name of their own', async () => {
    const other = join(folder, 'other');
    writeOwnVerifier(other, { id: 'other', version: '3.1.0' });
    const [linked] = await resolve([other]);
    expect(linked?.task).toMatchObject({ name: 'other@3.1.0', verifier: 'other@3.1.0' });
    const [named] = await resolve(['countdown=mine'], 'again');
    expect(named?.task).toMatchObject({ name: 'again', verifier: 'countdown', level: 'all', prompts: 'mine' });
    expect(named?.prompts).toEqual(config.inputs.prompts?.mine);
  });

  test('are refused where the name is taken, or the verifier, the level or the prompt set unknown, or its prompts are too long', async () => {
    await expect(resolve(['countdown'])).rejects.toThrow(
      'Cannot add task "countdown" to run "open": it has a task of this name, expected another: retire that one first, or name this one: --name NAME',
    );
    await expect(resolve(['nothing'])).rejects.toMatchObject({ code: 'task-unknown' });
    await expect(resolve(['zebra:absurd'])).rejects.toThrow('it has no level "absurd", expected one of tiny, easy');
    await expect(resolve(['countdown:hard'])).rejects.toThrow(
      /^Cannot add tasks to run "open": 8 of 8 prompts are too long for the model's context of 128 tokens/,
    );
    await expect(resolve(['zebra=mine'])).rejects.toThrow('prompt set "mine" has no rows of it');
  });

  test('cannot bring another version of what the run has under the same name', async () => {
    await importSet(50);
    await expect(resolve(['countdown=mine'], 'more')).rejects.toThrow(
      /^Cannot add tasks to run "open": prompt set "mine" changed: it was sha256 \w{12}, and is sha256 \w{12}, expected what the run has/,
    );
    writeOwnVerifier(sums, { id: 'sums', version: '1.0.0', first: 'completion = completion.trim();' });
    await installVerifier(sums, { home });
    await expect(resolve(['sums@1.0.0'], 'more')).rejects.toMatchObject({ code: 'task-inputs-differ' });
    expect((await resolve(['zebra']))[0]?.task.name).toBe('zebra');
  });
});
