import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScheduledChange } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, expect, test } from 'vitest';
import { writeOwnVerifier } from '../../../../test/support/own-verifier.ts';
import type { Invocation } from '../command.ts';
import { keepScripts } from './keep-scripts.ts';
import { readKnown } from './known-inputs.ts';
import { linkedTasks } from './linked-tasks.ts';
import { scheduledVerifiers } from './scheduled-inputs.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-scheduled-'));
const home = join(folder, 'home');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const invocation: Invocation = {
  ...{ positionals: [], flags: {}, json: true, home },
  ...{ print() {}, printJson() {}, note() {} },
};

test('a task that another run added needs its verifier as it was, and the rows of its prompts', async () => {
  writeOwnVerifier(join(folder, 'sums'), { id: 'sums', version: '1.0.0' });
  const [entry] = await linkedTasks([join(folder, 'sums')], home);
  const known = await readKnown([entry!.verifier], invocation, null);
  await known.close();
  const verifier = known.inputs['sums@1.0.0']!;
  const task = { name: 'sums', verifier: 'sums@1.0.0', level: 'tiny', style: 'compact' } as const;
  const add = (more: object = {}): ScheduledChange[] => [
    { step: 3, change: { kind: 'add-task', task, verifier, ...more } },
  ];
  const store = await openFolderStore(join(home, 'store'));
  const wanted = async (changes: ScheduledChange[]) => await scheduledVerifiers(changes, invocation, store);

  expect(await wanted([{ step: 1, change: { kind: 'evaluate' } }])).toEqual({});
  expect(await wanted(add())).toEqual({ 'sums@1.0.0': verifier });
  await expect(wanted(add({ verifier: { version: '1.0.0', sha256: 'ab'.repeat(32) } }))).rejects.toThrow(
    /^Cannot make the change "add task sums": verifier "sums@1\.0\.0" changed: it was version 1\.0\.0, sha256 abababababab, and is .*evenkeel verifier add$/,
  );
  const prompts = { kind: 'prompts', sha256: 'cd'.repeat(32), bytes: 7 };
  await expect(wanted(add({ task: { ...task, prompts: 'mine' }, prompts }))).rejects.toThrow(
    'prompt set "mine" as it was (rows cdcdcdcdcdcd) is not in this home, expected it: evenkeel data import FILE.jsonl --name mine, with the same file',
  );
  // What the store has is enough, whatever became of the package.
  await keepScripts(store, { 'sums@1.0.0': verifier }, home);
  expect(await wanted(add())).toEqual({});
  await store.close();
});
