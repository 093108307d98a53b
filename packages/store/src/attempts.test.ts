import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FolderStore, openFolderStore } from './folder-store.ts';

const KEY = 'run/step-000003/train/round-0/shard-1/rollout/abc';
const worker = { worker: 'rollout', pid: 7, session: 'supervisor 1' };

let folder: string;
let store: FolderStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-attempts-'));
  store = await openFolderStore(folder);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('beginAttempt()', () => {
  test('counts the processes that died one after the other while they worked on the key', () => {
    const deaths = [1, 2, 3, 4].map((pid) => store.beginAttempt(KEY, { ...worker, pid }).deaths);
    expect(deaths).toEqual([0, 1, 2, 3]);
    const seen = store.earlierAttempts(KEY, worker.session);
    expect(seen).toEqual({ deaths: 4, last: { ...worker, pid: 4 } });
    expect(store.earlierAttempts(KEY, 'another')).toEqual({ ...seen, deaths: 3 });
    expect(store.beginAttempt(KEY, worker).last).toEqual({ ...worker, pid: 4 });
    expect(store.beginAttempt('run/step-000003/update/abc', worker)).toEqual({ deaths: 0, last: null });
  });

  test('begins anew when an attempt ended, however', () => {
    store.beginAttempt(KEY, worker);
    store.beginAttempt(KEY, worker);
    store.endAttempt(KEY);
    store.endAttempt(KEY);
    expect(store.beginAttempt(KEY, worker)).toEqual({ deaths: 0, last: null });
    store.endAttempt(KEY);
    expect(readdirSync(join(folder, 'attempts'))).toEqual([]);
  });

  test('does not hold a death against the job where the supervisor died too', () => {
    const sessions = ['a', 'b', 'c', 'c', 'd', 'd'];
    const deaths = sessions.map((session) => store.beginAttempt(KEY, { ...worker, session }).deaths);
    expect(deaths).toEqual([0, 0, 0, 1, 1, 2]);
  });

  test('takes a record that a power cut left empty, or that is none, for no record', () => {
    store.beginAttempt(KEY, worker);
    const [name] = readdirSync(join(folder, 'attempts'));
    for (const text of ['', '{"deaths":', '{"deaths":99}']) {
      writeFileSync(join(folder, 'attempts', name!), text);
      expect(store.beginAttempt(KEY, worker).deaths).toBe(0);
    }
  });
});
