/**
 * The store on a file system with room for k pages, or k new files, for each k from nothing to enough: so each single allocation of
 * what follows is the one that fails in turn. After each the store must be whole, and what was refused must succeed once there is room.
 *
 *     node full-store.ts FOLDER       FOLDER is a tmpfs; prints one JSON line per k
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeRunRecord } from '@evenkeel/activities';
import { type FolderStore, openFolderStore, StoreError } from '@evenkeel/store';
import { brokenFiles } from './broken-files.ts';

const [root = ''] = process.argv.slice(2);
/** Of util-linux, as `unshare` is. */
const MOUNT = 'mount';

/** Leaves room for so many pages and so many files more; without a bound for undefined. */
function leaveRoom(bounds: { readonly pages?: number; readonly files?: number }): void {
  const { bsize, blocks, bfree, files, ffree } = statfsSync(root);
  const pages = blocks - bfree + (bounds.pages ?? 4000);
  const inodes = files - ffree + (bounds.files ?? 4000);
  const options = `remount,size=${pages * bsize},nr_inodes=${inodes}`;
  const { status, stderr } = spawnSync(MOUNT, ['-o', options, root]);
  equal(status, 0, `${options}: ${stderr}`);
}

const bytesOf = (value: number, length: number) => new Uint8Array(length).fill(value);

/** What a step of a run does to the disk, in small. Each part names itself, so that what was answered is known. */
function* parts(store: FolderStore, home: string): Generator<[string, () => Promise<unknown>]> {
  for (const step of [1, 2]) {
    const key = (job: string) => `run/step-${step}/${job}/${'k'.repeat(450)}`;
    const event = { key: key('rollout'), worker: 'rollout-1', pid: 1 };
    // Ten lines of 550 bytes: the eighth goes over the end of a page.
    for (let line = 0; line < 5; line++)
      yield [`journal ${step}.${line}`, () => store.journal({ ...event, kind: 'started' })];
    yield [`put rollouts ${step}`, () => store.put('rollouts', bytesOf(step, 9000))];
    yield [`put policy ${step}`, () => store.put('policy', bytesOf(10 + step, 5000))];
    yield [
      `commit ${step}`,
      async () => {
        const refs = [
          await store.put('rollouts', bytesOf(step, 9000)),
          await store.put('policy', bytesOf(10 + step, 5000)),
        ];
        await store.commit(key('rollout'), { result: { step, refs: refs as never }, refs, attempt: 1 });
      },
    ];
    yield [
      `state ${step}`,
      () => writeRunRecord(home, 'run', `states/00000${step}.json`, { step, text: 'x'.repeat(5000) }),
    ];
  }
}

/** One round of the sequence with so much room; says what was refused first. */
async function tryWith(bounds: { readonly pages?: number; readonly files?: number }): Promise<string | null> {
  const home = join(root, `home-${bounds.pages ?? 'any'}-${bounds.files ?? 'any'}`);
  leaveRoom({});
  mkdirSync(home);
  const store = await openFolderStore(join(home, 'store'));
  leaveRoom(bounds);
  const answered = new Set<string>();
  let refused: string | null = null;
  for (const [name, part] of parts(store, home)) {
    try {
      await part();
      answered.add(name);
    } catch (error) {
      ok(error instanceof StoreError, String(error));
      deepEqual([error.code, error.retryable], ['disk-full', true], error.message);
      ok(error.message.includes(home) && error.message.includes('free space there and go on'), error.message);
      refused ??= name;
    }
    deepEqual(await brokenFiles(home), [], `after ${name}`);
  }
  await prove(store, home, answered);
  leaveRoom({});
  for (const [name, part] of parts(store, home)) {
    await part();
    answered.add(name);
  }
  await prove(store, home, answered);
  await store.close();
  return refused;
}

/** What was answered is there, by a store of its own; and nothing half made. */
async function prove(store: FolderStore, home: string, answered: ReadonlySet<string>): Promise<void> {
  deepEqual(await brokenFiles(home), []);
  deepEqual(readdirSync(join(store.folder, 'temporary')), []);
  const commits = await store.listCommits();
  const count = (part: string) => [...answered].filter((name) => name.startsWith(part)).length;
  ok(commits.length >= count('commit'), 'commits');
  for (const { refs } of commits) for (const ref of refs) await store.get(ref);
  ok((await store.readJournal()).length >= count('journal'), 'journal');
}

// Something is in use from the beginning: a bound of nought pages would be none.
writeFileSync(join(root, 'in-use'), 'x');
let enough = false;
for (const bound of ['pages', 'files'] as const) {
  enough = false;
  for (let room = 0; !enough; room++) {
    const refused = await tryWith({ [bound]: room });
    console.log(JSON.stringify({ bound, room, refused }));
    enough = refused === null;
  }
}
