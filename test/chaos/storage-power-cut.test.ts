/**
 * A power cut after each single call that a real process makes on a store and on a run's records: what was answered is there, and nothing
 * that is there is torn. See `storage/power-cut.ts` for what a cut may take.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArtefactRef, keyedRandom } from '@evenkeel/core';
import { type Commit, openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenFiles } from './storage/broken-files.ts';
import { DiskModel, type Fate, layOut } from './storage/power-cut.ts';
import type { Call } from './storage/record-calls.ts';

const RANDOM_FATES = 3;

let folder = '';
let home = '';
let calls: readonly Call[] = [];
/** In memory where there is such a place: hundreds of disks are laid out and opened. */
let cut = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-power-'));
  home = join(folder, 'recorded');
  cut = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'evenkeel-power-'));
  const program = fileURLToPath(import.meta.resolve('./storage/recorded-store.ts'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', program, home], {
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(stderr.toString());
  calls = JSON.parse(stdout.toString());
});

afterAll(() => {
  for (const path of [folder, cut]) rmSync(path, { recursive: true, force: true });
});

/** Nothing of what was not synced, all of it, and keyed halves; a full disk block of nought for what was lost in each. */
function fates(prefix: number): Fate[] {
  const always = (name: string, keeps: boolean, bytes: 'none' | 'all' | 'half' | 'zeros'): Fate => ({
    ...{ name, keepsEntry: () => keeps, keepsBytes: () => bytes },
  });
  const random = Array.from({ length: RANDOM_FATES }, (_, index): Fate => {
    let draw = 0;
    const next = () => keyedRandom(6, 'power-cut', prefix, index, draw++).uniform();
    return {
      name: `random ${index}`,
      keepsEntry: () => next() < 0.5,
      keepsBytes: () => (['none', 'all', 'half', 'zeros'] as const)[Math.floor(next() * 4)]!,
    };
  });
  return [always('none', false, 'none'), always('names only', true, 'zeros'), always('all', true, 'all'), ...random];
}

/** What is wrong after a cut at each place, each with its place. Equal disks with equal answers are looked at once. */
async function wrongAfterCuts(record: readonly Call[], mostWrong = Number.POSITIVE_INFINITY): Promise<string[]> {
  const model = new DiskModel(folder);
  const told: Call[] = [];
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const [place, call] of record.entries()) {
    model.apply(call);
    if (call.call === 'answered') told.push(call);
    for (const fate of fates(place)) {
      const files = model.afterCut(fate);
      const hash = createHash('sha256').update(String(told.length));
      for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
        hash.update(path).update('\0').update(bytes);
      const digest = hash.digest('hex');
      if (seen.has(digest)) continue;
      seen.add(digest);
      layOut(files, cut);
      const found = await wrongOf(join(cut, 'recorded'), told);
      rmSync(cut, { recursive: true, force: true });
      wrong.push(...found.map((what) => `after call ${place} (${call.call}), ${fate.name} kept: ${what}`));
      if (wrong.length >= mostWrong) return wrong;
    }
  }
  return wrong;
}

async function wrongOf(cutHome: string, told: readonly Call[]): Promise<string[]> {
  const wrong = existsSync(cutHome) ? await brokenFiles(cutHome) : [];
  // Before anything was answered, no store is also right.
  if (!existsSync(join(cutHome, 'store')) && told.length === 0) return wrong;
  const store = await openFolderStore(join(cutHome, 'store'));
  for (const answer of told) {
    if (answer.call !== 'answered') continue;
    const { what, value } = answer;
    try {
      if (what === 'put') await store.get(value as ArtefactRef);
      if (what === 'commit') {
        const commit = value as Commit;
        expect(await store.lookup(commit.key)).toEqual(commit);
        for (const ref of commit.refs) await store.get(ref);
      }
      if (what === 'record') {
        const { path, value: recorded } = value as { path: string; value: unknown };
        expect(JSON.parse(readFileSync(join(cutHome, path), 'utf8'))).toEqual(recorded);
      }
    } catch (error) {
      wrong.push(`${what} was answered: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  await store.close();
  return wrong;
}

test('the record misses nothing: with everything kept, the model holds the very files that are on the disk', () => {
  const model = new DiskModel(folder);
  for (const call of calls) model.apply(call);
  const kept = model.afterCut({ name: 'all', keepsEntry: () => true, keepsBytes: () => 'all' });
  const onDisk = readdirSync(home, { recursive: true, withFileTypes: true });
  const files = onDisk.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect([...kept.keys()].filter((path) => !path.endsWith('/')).sort()).toEqual(
    files.map((path) => path.slice(folder.length + 1)).sort(),
  );
  for (const path of files) expect(kept.get(path.slice(folder.length + 1))).toEqual(readFileSync(path));
  expect(calls.filter(({ call }) => call === 'answered')).toHaveLength(12);
});

test('after a power cut at any call, what was answered is there and whole, and nothing is torn', async () => {
  expect(await wrongAfterCuts(calls)).toEqual([]);
});

/** Each of these syncs is needed: without it, some cut takes what was answered or leaves something torn. */
test.each([
  ['of an artefact’s bytes', (path: string) => /store\/temporary\//.test(path)],
  ['of the folder that an artefact was renamed into', (path: string) => /objects\/[0-9a-f]{2}$/.test(path)],
  ['of the folder in which artefacts’ folders are made', (path: string) => path.endsWith('/objects')],
  ['of the folder that a commit was linked into', (path: string) => /commits\/[0-9a-f]{16}\/[0-9a-f]{16}$/.test(path)],
  ['of the folder in which a step’s folder is made', (path: string) => /commits\/[0-9a-f]{16}$/.test(path)],
  ['of the folder in which a run’s folder is made', (path: string) => path.endsWith('/commits')],
  ['of a run’s record', (path: string) => /runs\/run\/(steps|states)\/\d+-/.test(path)],
  ['of the folder that a record was renamed into', (path: string) => /runs\/run\/(steps|states)$/.test(path)],
  ['of the folder in which the records’ folder is made', (path: string) => path.endsWith('/runs/run')],
  ['of the folder in which the store’s folders are made', (path: string) => path.endsWith('/store')],
])('without the sync %s a cut would be seen', async (_, isLeftOut) => {
  const without = calls.filter((call) => !(call.call === 'sync' && isLeftOut(call.path)));
  expect(without.length).toBeLessThan(calls.length);
  expect((await wrongAfterCuts(without, 1)).length).toBe(1);
});
