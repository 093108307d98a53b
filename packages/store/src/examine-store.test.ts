import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examineStore } from './examine-store.ts';
import { type FolderStore, openFolderStore } from './folder-store.ts';

let folder: string;
let store: FolderStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-examine-'));
  store = await openFolderStore(join(folder, 'store'));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const found = async (repair: boolean) => {
  const damage = await Array.fromAsync(examineStore(store, { repair }));
  return damage.map(({ kind, state, aside }) => [kind, state, aside !== null]);
};

test('examineStore() finds each kind of damage, changes nothing unasked, and repairs so that the work is done again', async () => {
  const ref = await store.put('policy', Buffer.from('weights'));
  const other = await store.put('rollouts', Buffer.from('rollouts'));
  await store.commit('run/step-1/update', { result: 1, refs: [ref], attempt: 1 });
  await store.commit('run/step-1/rollout', { result: 2, refs: [other], attempt: 1 });
  await store.commit('run/step-2/plan', { result: 3, refs: [], attempt: 1 });
  await store.journal({ key: 'run/step-1/update', kind: 'started', worker: 'w', pid: 1 });
  expect(await found(false)).toEqual([]);

  await writeFile(store.pathOf(ref), 'weightz');
  await rm(store.pathOf(other));
  const commits = (await readdir(join(store.folder, 'commits'), { recursive: true })).filter((name) =>
    name.endsWith('.json'),
  );
  for (const name of commits) {
    const path = join(store.folder, 'commits', name);
    const text = await readFile(path, 'utf8');
    if (text.includes('step-2')) await writeFile(path, text.replace('"result":3', '"result":4'));
  }
  const [name] = await readdir(join(store.folder, 'journal'));
  await appendFile(join(store.folder, 'journal', name!), '{"key":"ru\n');
  await store.journal({ key: 'run/step-1/update', kind: 'committed', worker: 'w', pid: 1 });

  const damage = (aside: boolean) => [
    ['artefact', '7 bytes that are not those of its name', aside],
    [
      'commit',
      expect.stringMatching(/^run\/step-1\/rollout names rollouts [0-9a-f]{12}, which is damaged or gone$/),
      aside,
    ],
    [
      'commit',
      expect.stringMatching(/^run\/step-1\/update names policy [0-9a-f]{12}, which is damaged or gone$/),
      aside,
    ],
    ['commit', 'no commit record', aside],
    ['journal', '1 of 3 lines are no events', aside],
  ];
  expect(await found(false)).toEqual(expect.arrayContaining(damage(false)));
  expect(await found(false)).toHaveLength(5);
  await expect(store.readJournal()).rejects.toMatchObject({ code: 'journal-corrupt' });
  expect(await found(true)).toEqual(expect.arrayContaining(damage(true)));
  expect(await found(false)).toEqual([]);
  expect(await store.listCommits()).toEqual([]);
  expect((await store.readJournal()).map(({ kind }) => kind)).toEqual(['started', 'committed']);
});
