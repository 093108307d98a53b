/**
 * Real small runs whose home is copied away, damaged, or put together from copies of different age: each ends with the weights of the run
 * that nobody disturbed. One undisturbed run serves them all; in the middle of it its home is copied, as a backup while it works.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StateRecord } from '@evenkeel/activities';
import type { ArtefactRef } from '@evenkeel/core';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endTrainProcesses, smallRun, startEvenkeel, type TrainResult } from '../support/train-process.ts';
import { brokenPromises, proveStore } from './fire/proof.ts';
import { brokenFiles } from './storage/broken-files.ts';
import { noNamespaces, runOnSmallDisk } from './storage/in-namespace.ts';

const RUN = 'stored';
const STEPS = 6;
const TIMEOUT_MS = 600_000;
const main = fileURLToPath(import.meta.resolve('../../packages/cli/src/main.ts'));

let folder = '';
let config = '';
let undisturbed: TrainResult;
/** The home as it was after the undisturbed run's first step or so, and in the middle of it. */
let early = '';
let copy = '';

/** `evenkeel ARGS --json` at rest: its lines. */
function evenkeel(...args: string[]): {
  readonly status: number | null;
  readonly lines: readonly Record<string, unknown>[];
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', main, ...args, '--json']);
  if (status !== 0 && status !== 1) throw new Error(`${args.join(' ')}: ${stderr}`);
  const lines = stdout.toString().trim().split('\n').filter(Boolean);
  return { status, lines: lines.map((line) => JSON.parse(line)) };
}

function stepsDone(home: string): number {
  const states = join(home, 'runs', RUN, 'states');
  return existsSync(states) ? readdirSync(states).length - 1 : -1;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-storage-'));
  config = join(folder, 'run.json');
  writeFileSync(config, JSON.stringify({ ...smallRun, steps: STEPS, checkpointEvery: 3, run: RUN, seed: 7 }));
  const home = join(folder, 'home');
  early = join(folder, 'early');
  copy = join(folder, 'copy');
  const train = startEvenkeel(['train', config, '--json', '--home', home]);
  let ended = false;
  void train.ended.then(() => {
    ended = true;
  });
  const until = async (steps: number) => {
    while (!ended && stepsDone(home) < steps) await sleep(20);
  };
  await until(1);
  evenkeel('backup', early, '--home', home);
  await until(3);
  const { lines } = evenkeel('backup', copy, '--home', home);
  expect(lines[0]).toMatchObject({ kind: 'backup', histories: true });
  undisturbed = await train.result();
  // Nothing may be read at the old place from now on.
  renameSync(home, join(folder, 'moved away'));
}, TIMEOUT_MS);

afterAll(async () => {
  await endTrainProcesses();
  rmSync(folder, { recursive: true, force: true });
});

/** Goes on in a home to the end, and proves that the weights are those and that nothing committed was done again. */
async function goOn(home: string, ...args: string[]) {
  const train = startEvenkeel(['train', ...args, '--json', '--home', home]);
  const result = await train.result();
  expect(result.policy.sha256).toBe(undisturbed.policy.sha256);
  expect(result.evaluation).toEqual(undisturbed.evaluation);
  const store = await openFolderStore(join(home, 'store'));
  const proof = await proveStore(store, RUN, STEPS);
  await store.close();
  expect(await brokenFiles(home)).toEqual([]);
  return { train, proof };
}

describe('machine gone', () => {
  test(
    'a copy that was taken while the run worked goes on at another place to the same weights, and does nothing again',
    async () => {
      const home = join(folder, 'another place');
      cpSync(copy, home, { recursive: true });
      expect(stepsDone(home)).toBeLessThan(STEPS);
      // Without repeating its flags: the record in the copy is enough.
      const { proof } = await goOn(home, '--run', RUN);
      expect(brokenPromises(proof)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'with a server’s file that is older than the store, the run goes back in its history, finds what is committed, and does nothing again',
    async () => {
      const home = join(folder, 'older history');
      cpSync(copy, home, { recursive: true });
      // As after a power cut, only more.
      cpSync(join(early, 'temporal'), join(home, 'temporal'), { recursive: true });
      const { proof } = await goOn(home, config);
      expect(brokenPromises(proof)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

/** One turned bit in the middle. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
  writeFileSync(path, bytes);
}

const objectAt = (home: string, { sha256 }: ArtefactRef) =>
  join(home, 'store/objects', sha256.slice(0, 2), sha256.slice(2));

describe('damage at rest', () => {
  test(
    'each kind of file is found damaged and said so by check; the run heals it by itself and ends with the same weights',
    async () => {
      const home = join(folder, 'damaged');
      cpSync(copy, home, { recursive: true });
      const states = join(home, 'runs', RUN, 'states');
      const [before, newest] = readdirSync(states).sort().slice(-2) as [string, string];
      const { state } = JSON.parse(readFileSync(join(states, newest), 'utf8')) as StateRecord;
      const { state: stateBefore } = JSON.parse(readFileSync(join(states, before), 'utf8')) as StateRecord;
      const store = await openFolderStore(join(home, 'store'));
      const commits = await store.listCommits(`${RUN}/`);
      await store.close();
      const artefactOf = (kind: string, ref = 0) =>
        objectAt(home, commits.findLast(({ key }) => key.includes(kind))!.refs[ref]!);

      // The state under way, the optimizer, what a step made of others, and the history: bit by bit, cut off, emptied.
      flip(objectAt(home, state.policy));
      flip(objectAt(home, state.algorithm));
      truncateSync(objectAt(home, stateBefore.policy), 1000);
      truncateSync(objectAt(home, state.checkpoint!.optimizer), 1000);
      truncateSync(artefactOf('/train/round-0/shard-0/rollout/'), 10);
      flip(artefactOf('/verify/'));
      const commitFiles = readdirSync(join(home, 'store/commits'), { recursive: true }).filter((name) =>
        String(name).endsWith('.json'),
      );
      flip(join(home, 'store/commits', String(commitFiles[0])));
      truncateSync(join(home, 'store/commits', String(commitFiles[1])), 30);
      const journal = join(home, 'store/journal', readdirSync(join(home, 'store/journal'))[0]!);
      writeFileSync(journal, readFileSync(journal, 'utf8').replace('{', '<'));
      truncateSync(join(states, newest), 100);
      truncateSync(join(home, 'runs', RUN, 'steps', '000002.json'), 0);
      flip(join(home, 'runs', RUN, 'run.json'));
      writeFileSync(join(home, 'endpoints.json'), '{"version":1,"supervi');
      writeFileSync(join(home, 'supervisor.lock'), '');
      writeFileSync(join(home, 'processes.json'), 'garbage');
      writeFileSync(join(home, 'token'), '0123');
      truncateSync(join(home, 'temporal', 'temporal.db'), 50_000);

      const found = evenkeel('check', '--home', home);
      expect(found.status).toBe(1);
      const kinds = found.lines.filter(({ kind }) => kind === 'damage').map(({ damage }) => damage);
      expect(new Set(kinds)).toEqual(new Set(['artefact', 'commit', 'journal', 'record', 'state', 'history']));
      const repaired = evenkeel('check', '--repair', '--home', home);
      expect(repaired.lines.at(-1)).toMatchObject({ kind: 'check', left: 0 });

      const { train } = await goOn(home, config);
      const said = train.lines.map((line) => String(line.message ?? '')).join('\n');
      expect(said).toContain("The Temporal server's file cannot be used (");
      expect(readdirSync(join(home, 'temporal')).some((name) => name.startsWith('temporal.db.damaged-'))).toBe(true);
      expect(evenkeel('check', '--home', home)).toMatchObject({ status: 0, lines: [{ kind: 'check', found: 0 }] });
    },
    TIMEOUT_MS,
  );

  test(
    'what is found damaged in the middle of a step is made again from what is committed, without a word from anybody',
    async () => {
      const home = join(folder, 'damaged in use');
      cpSync(copy, home, { recursive: true });
      const states = join(home, 'runs', RUN, 'states');
      // Whichever step the history is in, it reads the state that it began with.
      for (const name of readdirSync(states).sort().slice(2)) {
        const { state } = JSON.parse(readFileSync(join(states, name), 'utf8')) as StateRecord;
        flip(objectAt(home, state.algorithm));
      }
      await goOn(home, '--run', RUN);
      expect(readdirSync(join(home, 'store/damaged')).length).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(noNamespaces !== null)(`disk full${noNamespaces === null ? '' : ` (skipped: ${noNamespaces})`}`, () => {
  test(
    'a run whose disk is filled to the last page again and again ends by itself with the same weights, and says disk-full with the path',
    async () => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const program = fileURLToPath(import.meta.resolve('./storage/full-run.ts'));
      const home = join(disk, 'home');
      const args = [home, config, '1', '3', early];
      const report = JSON.parse(await runOnSmallDisk(program, { folder: disk, options: 'size=128m', args }));
      expect(report.sha256).toBe(undisturbed.policy.sha256);
      expect(report.starts).toBe(1);
      expect(report.fills).toHaveLength(3);
      for (const { broken, told } of report.fills) {
        expect(broken).toEqual([]);
        expect(told.some((line: string) => line.startsWith('disk-full: ') && line.includes(home))).toBe(true);
      }
      expect(report.broken).toEqual([]);
      expect(report.promises).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
