import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '@evenkeel/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FolderStore, openFolderStore } from './folder-store.ts';
import { repeatedWork } from './journal.ts';

let folder: string;
let store: FolderStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-store-'));
  store = await openFolderStore(join(folder, 'store'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const bytesOf = (text: string) => new TextEncoder().encode(text);
describe('artefacts', () => {
  test('what was put comes back, under the SHA-256 of its content', async () => {
    const ref = await store.put('text', bytesOf('abc'));
    expect(ref).toEqual({
      kind: 'text',
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      bytes: 3,
    });
    expect(Buffer.from(await store.get(ref)).toString()).toBe('abc');
    expect(await store.has(ref)).toBe(true);
    expect(store.pathOf(ref)).toBe(join(store.folder, 'objects', 'ba', ref.sha256.slice(2)));
  });

  test('the empty artefact and one of several megabytes are kept too', async () => {
    const large = new Uint8Array(5_000_000).map((_, index) => index * 31);
    for (const bytes of [new Uint8Array(0), large]) {
      expect(Buffer.compare(await store.get(await store.put('bytes', bytes)), bytes)).toBe(0);
    }
  });

  test('putting the same content again writes nothing', async () => {
    const ref = await store.put('text', bytesOf('same'));
    const before = await stat(store.pathOf(ref));
    expect(await store.put('text', bytesOf('same'))).toEqual(ref);
    expect((await stat(store.pathOf(ref))).ino).toBe(before.ino);
  });

  test('a missing artefact is told by name and path', async () => {
    const ref = { kind: 'policy', sha256: 'ab'.repeat(32), bytes: 7 };
    expect(await store.has(ref)).toBe(false);
    await expect(store.get(ref)).rejects.toMatchObject({
      code: 'artefact-missing',
      message: `Cannot read artefact policy abababababab: ${store.pathOf(ref)} does not exist, expected 7 bytes there: the work that made it makes it again, see evenkeel check; or restore the file from a copy`,
    });
  });

  test('a cut artefact is told, and healed by whoever makes it again', async () => {
    const ref = await store.put('rollouts', bytesOf('0123456789'));
    await truncate(store.pathOf(ref), 4);
    expect(await store.has(ref)).toBe(false);
    await expect(store.get(ref)).rejects.toMatchObject({
      code: 'artefact-corrupt',
      message: expect.stringMatching(
        /^Cannot read artefact rollouts 84d89877f0d4: .* held 4 bytes .*, expected 10 bytes/,
      ),
    });
    await store.put('rollouts', bytesOf('0123456789'));
    expect(Buffer.from(await store.get(ref)).toString()).toBe('0123456789');
  });

  test('an artefact with one changed bit is told, and healed by whoever makes it again', async () => {
    const ref = await store.put('rollouts', bytesOf('0123456789'));
    await writeFile(store.pathOf(ref), '0123456788');
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'artefact-corrupt', retryable: false });
    await store.put('rollouts', bytesOf('0123456789'));
    expect((await store.get(ref)).length).toBe(10);
  });

  test('JSON is kept canonically and validated on its way back', async () => {
    const ref = await store.putJson('state', { b: 1, a: 2 });
    expect(await store.putJson('state', { a: 2, b: 1 })).toEqual(ref);
    expect(await store.getJson(ref, z.strictObject({ a: z.number(), b: z.number() }))).toEqual({ a: 2, b: 1 });
    await expect(store.getJson(ref, z.strictObject({ a: z.string() }))).rejects.toMatchObject({
      code: 'artefact-invalid',
      message: expect.stringMatching(/^Cannot read artefact state [0-9a-f]{12}: .*, expected the shape of state$/s),
    });
  });

  test('a reference cannot leave the folder', async () => {
    await expect(store.get({ kind: 'x', sha256: '../../../etc/passwd', bytes: 1 })).rejects.toThrow(TypeError);
  });
});

describe('commits', () => {
  test('a key has no commit before its first, and that one for ever after, whatever the attempt', async () => {
    expect(await store.lookup('run-x/step-000001/plan')).toBe(null);
    const ref = await store.put('text', bytesOf('result'));
    const first = { result: { reward: 0.5, list: [1, null, 'ä'] }, refs: [ref], attempt: 2 };
    const winner = { version: 1, key: 'run-x/step-000001/plan', ...first };
    expect(await store.commit('run-x/step-000001/plan', first)).toEqual(winner);
    for (const attempt of [1, 2, 3]) {
      expect(await store.commit('run-x/step-000001/plan', { result: 'other', refs: [], attempt })).toEqual(winner);
    }
    expect(await store.lookup('run-x/step-000001/plan')).toEqual(winner);
    expect(await (await openFolderStore(store.folder)).lookup('run-x/step-000001/plan')).toEqual(winner);
  });

  test('a commit that names an artefact which is not there is refused', async () => {
    const ref = { kind: 'policy', sha256: 'cd'.repeat(32), bytes: 7 };
    await expect(store.commit('run/step/job', { result: 1, refs: [ref], attempt: 1 })).rejects.toMatchObject({
      code: 'artefact-missing',
      message:
        'Cannot commit run/step/job: artefact policy cdcdcdcdcdcd is not in the store, expected it to be put first',
    });
    expect(await store.lookup('run/step/job')).toBe(null);
  });

  test('a result is the same from memory and from disk: -0 becomes 0, NaN is refused', async () => {
    const { result } = await store.commit('a/b/c', { result: { loss: -0, deep: [-0] }, refs: [], attempt: 1 });
    expect(result).toStrictEqual((await store.lookup('a/b/c'))?.result);
    await expect(store.commit('a/b/d', { result: Number.NaN, refs: [], attempt: 1 })).rejects.toThrow(TypeError);
  });

  test('listing takes any prefix and is sorted by key', async () => {
    const keys = ['run-a/step-1/x', 'run-a/step-10/x', 'run-a/step-1/y', 'run-b/step-1/x', 'alone', 'run-a'];
    for (const key of keys) await store.commit(key, { result: null, refs: [], attempt: 1 });
    const listed = async (prefix?: string) => (await store.listCommits(prefix)).map((commit) => commit.key);
    expect(await listed()).toEqual([...keys].sort());
    for (const prefix of ['run-a', 'run-a/', 'run-a/step-1', 'run-a/step-1/', 'run-a/step-1/x', 'alone', 'none/']) {
      expect(await listed(prefix)).toEqual(keys.filter((key) => key.startsWith(prefix)).sort());
    }
  });

  const commitFiles = async () => {
    const all = await readdir(join(store.folder, 'commits'), { recursive: true });
    return all.filter((path) => path.endsWith('.json')).map((path) => join(store.folder, 'commits', path));
  };

  test.each([
    ['cut off', (text: string) => text.slice(0, 20)],
    ['emptied', () => ''],
    ['changed in one character of its result', (text: string) => text.replace('"result":1', '"result":3')],
    ['changed in one character of its sum', (text: string) => text.replace(/"sum":"./, '"sum":"g')],
    ['that of another key', (text: string) => text.replace('run/step/job', 'run/step/jib')],
  ])('a commit record that is %s is set aside, and its work done again', async (_, harm) => {
    const once = { result: 1, refs: [], attempt: 1 };
    await store.commit('run/step/job', once);
    const [path] = await commitFiles();
    const damaged = harm(await readFile(path!, 'utf8'));
    await writeFile(path!, damaged);
    await expect(store.listCommits()).rejects.toMatchObject({
      code: 'commit-corrupt',
      message: `Cannot read commit ${path}: it is damaged, expected a commit record: evenkeel check --repair sets it aside, and its work is done again`,
    });
    expect(await store.lookup('run/step/job')).toBe(null);
    const [aside] = await readdir(join(store.folder, 'damaged'));
    expect(await readFile(join(store.folder, 'damaged', aside!), 'utf8')).toBe(damaged);
    expect((await store.commit('run/step/job', { ...once, attempt: 2 })).attempt).toBe(2);
    // Whoever did not ask before it commits finds out then.
    await writeFile(path!, damaged);
    expect((await store.commit('run/step/job', { ...once, attempt: 3 })).attempt).toBe(3);
    expect(await store.listCommits()).toHaveLength(1);
  });

  test('a commit whose artefact is gone, cut off or found to be damaged counts as none', async () => {
    for (const harm of [
      async (path: string) => await rm(path),
      async (path: string) => await truncate(path, 3),
      async (path: string) => await writeFile(path, 'resulT'),
    ]) {
      const ref = await store.put('text', bytesOf('result'));
      await store.commit('run/step/job', { result: 1, refs: [ref], attempt: 1 });
      expect(await store.lookup('run/step/job')).not.toBe(null);
      await harm(store.pathOf(ref));
      await expect(store.get(ref)).rejects.toMatchObject({ code: /artefact-(corrupt|missing)/ });
      expect(await store.has(ref)).toBe(false);
      expect(await store.lookup('run/step/job')).toBe(null);
    }
  });

  test('a record of a release that wrote no sum is read as it is', async () => {
    await store.commit('run/step/job', { result: 1, refs: [], attempt: 1 });
    const [path] = await commitFiles();
    await writeFile(path!, (await readFile(path!, 'utf8')).replace(/"sum":"[0-9a-f]+",/, ''));
    expect((await store.lookup('run/step/job'))?.result).toBe(1);
  });

  test('a key that cannot be printed is refused', async () => {
    for (const key of ['', 'a\nb', 'x'.repeat(501)]) await expect(store.lookup(key)).rejects.toThrow(RangeError);
  });
});

describe('the journal', () => {
  const event = { key: 'run/step/a', worker: 'rollout-1', pid: process.pid };

  test('keeps the events of all processes, by time', async () => {
    const other = await openFolderStore(store.folder);
    await store.journal({ ...event, kind: 'started', at: 10 });
    await other.journal({ ...event, kind: 'found', at: 30 });
    await store.journal({ ...event, kind: 'committed', at: 20 });
    await other.close();
    expect(await store.readJournal()).toEqual([
      { ...event, kind: 'started', at: 10 },
      { ...event, kind: 'committed', at: 20 },
      { ...event, kind: 'found', at: 30 },
    ]);
    expect(await readdir(join(store.folder, 'journal'))).toHaveLength(2);
  });

  test('a last line that a kill cut off is left out; a broken line before it is told', async () => {
    await store.journal({ ...event, kind: 'started', at: 10 });
    const [name] = await readdir(join(store.folder, 'journal'));
    const path = join(store.folder, 'journal', name!);
    await appendFile(path, '{"at":11,"key":"ru');
    expect(await store.readJournal()).toHaveLength(1);
    await appendFile(path, '\n{}\n');
    await expect(store.readJournal()).rejects.toMatchObject({
      code: 'journal-corrupt',
      message: `Cannot read journal ${path}: line 2 is no event, expected one JSON object a line; evenkeel check --repair takes it out`,
    });
  });

  test('shows work that was started after its commit, and only that', async () => {
    await store.journal({ ...event, kind: 'started' });
    await store.commit(event.key, { result: 1, refs: [], attempt: 1 });
    await store.journal({ ...event, kind: 'committed' });
    await store.journal({ ...event, key: 'run/step/b', kind: 'started' });
    await store.journal({ ...event, key: 'run/step/b', kind: 'started' });
    expect(repeatedWork(await store.readJournal(), await store.listCommits())).toEqual([]);
    const [commit] = await store.listCommits();
    const again = { ...event, kind: 'started', at: Math.ceil(commit!.committedAt) + 20 } as const;
    await store.journal(again);
    expect(repeatedWork(await store.readJournal(), await store.listCommits())).toEqual([again]);
  });

  test("takes a commit's own event before its file's time, which is a clock's tick behind", () => {
    const at = (time: number, kind: 'started' | 'committed') => ({ ...event, kind, at: time });
    const commits = [{ key: event.key, committedAt: 96 }];
    expect(repeatedWork([at(100, 'started')], commits)).toEqual([]);
    expect(repeatedWork([at(100, 'started'), at(101, 'committed')], commits)).toEqual([]);
    expect(repeatedWork([at(95, 'started'), at(99, 'committed'), at(100, 'started')], commits)).toHaveLength(1);
    expect(repeatedWork([at(107, 'started')], commits)).toHaveLength(1);
  });
});

describe('opening', () => {
  test('removes what killed processes left behind, but not what may still be written', async () => {
    const temporary = join(store.folder, 'temporary');
    await writeFile(join(temporary, 'old'), 'x');
    await writeFile(join(temporary, 'young'), 'x');
    await utimes(join(temporary, 'old'), 1000, 1000);
    await openFolderStore(store.folder);
    expect(await readdir(temporary)).toEqual(['young']);
  });

  test('a path that cannot be a folder is told', async () => {
    await writeFile(join(folder, 'file'), 'x');
    await expect(openFolderStore(join(folder, 'file', 'store'))).rejects.toMatchObject({
      code: 'store-io',
      message: expect.stringMatching(/^Cannot open store: ENOTDIR.*, expected .* to be a usable path on a local disk$/),
    });
  });
});

test('the layout is what the module header says', async () => {
  const ref = await store.put('text', bytesOf('abc'));
  await store.commit('run/step/job', { result: 1, refs: [ref], attempt: 1 });
  const files = await readdir(store.folder, { recursive: true, withFileTypes: true });
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(store.folder.length + 1));
  expect(paths.sort()).toEqual([
    expect.stringMatching(/^commits\/[0-9a-f]{16}\/[0-9a-f]{16}\/[0-9a-f]{64}\.json$/),
    expect.stringMatching(/^objects\/ba\/[0-9a-f]{62}$/),
  ]);
  expect(await readFile(join(store.folder, paths[0]!), 'utf8')).toBe(
    `{"attempt":1,"key":"run/step/job","refs":[{"bytes":3,"kind":"text","sha256":"${ref.sha256}"}],"result":1,"sum":"${hashOf({ attempt: 1, key: 'run/step/job', refs: [ref], result: 1, version: 1 })}","version":1}\n`,
  );
});
