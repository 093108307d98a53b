import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateRecordName, writeRunRecord } from '@evenkeel/activities';
import type { ArtefactRef } from '@evenkeel/core';
import { resolveRunConfig } from '@evenkeel/protocol';
import { type FolderStore, openFolderStore } from '@evenkeel/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimRun } from '../train/run-record.ts';
import { diskSize, startTidy } from '../train/tidy.ts';
import { tidyLogs } from '../train/tidy-logs.ts';
import { duCommand } from './du.ts';
import { gcCommand } from './gc.ts';
import { invoke } from './invoke.fixtures.ts';

const LONG_AGO = new Date('2026-02-03T00:00:00Z');

let home: string;
let store: FolderStore;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'evenkeel-room-'));
  store = await openFolderStore(join(home, 'store'));
});

afterEach(async () => {
  await store.close();
  rmSync(home, { recursive: true, force: true });
});

async function putOld(kind: string, text: string): Promise<ArtefactRef> {
  const ref = await store.put(kind, new TextEncoder().encode(`${kind} ${text}`.padEnd(2_000, '.')));
  await utimes(store.pathOf(ref), LONG_AGO, LONG_AGO);
  return ref;
}

/** A run with so many states, each with a policy and rollouts of its own, made long ago. */
async function writeRun(run: string, steps: number): Promise<void> {
  await claimRun(
    home,
    resolveRunConfig({ run, tasks: ['words'] }, [{ id: 'words', levels: ['tiny'] }]),
    LONG_AGO.toISOString(),
  );
  const [base, config, algorithm] = [
    await putOld('policy', 'base'),
    await putOld('config', '{}'),
    await putOld('algorithm-state', '{}'),
  ];
  for (let step = 0; step <= steps; step++) {
    const policy = step === 0 ? base : await putOld('policy', `${run} ${step}`);
    const optimizer = await putOld('optimizer', `${run} ${step}`);
    const state = { step, base, policy, algorithm, checkpoint: { step, policy, optimizer }, redo: [] };
    const path = await writeRunRecord(home, run, stateRecordName(step), { version: 1, step, config, state });
    await utimes(path, LONG_AGO, LONG_AGO);
  }
  await writeRunRecord(home, run, 'result.json', { step: steps, sha256: 'x', path: 'policy' });
}

describe('evenkeel gc', () => {
  test('says what would go, by kind, and then removes it', async () => {
    await writeRun('mine', 6);
    const dry = await invoke(gcCommand, home, '--keep-last', '2', '--dry-run');
    expect(dry.status).toBe(0);
    expect(dry.lines).toEqual([
      'would go   files    size',
      expect.stringMatching(/^(policy|optimizer) +4 +8\.0 kB$/),
      expect.stringMatching(/^(policy|optimizer) +4 +8\.0 kB$/),
      expect.stringMatching(/^state +4 +\d\.\d kB$/),
      expect.stringMatching(/^would go: \d+\.\d kB; \d+\.\d kB of artefacts stay$/),
      'mine: states that stay: 0, 5, 6',
    ]);
    const done = await invoke(gcCommand, home, '--keep-last', '2', '--json');
    expect(done.json[0]).toMatchObject({
      ...{ kind: 'gc', dryRun: false },
      runs: [{ run: 'mine', gone: [1, 2, 3, 4] }],
      gone: { policy: { count: 4, bytes: 8_000 }, optimizer: { count: 4, bytes: 8_000 }, state: { count: 4 } },
    });
    expect((await invoke(gcCommand, home)).lines).toEqual([
      expect.stringMatching(/^Nothing to remove; .* of artefacts stay$/),
    ]);
  });

  test('keeps as many states as it is told', async () => {
    await writeRun('mine', 7);
    const { json } = await invoke(gcCommand, home, '--json', '--keep-last', '1', '--keep-every', '3');
    // Each state is a checkpoint here: that before the last one stays too.
    expect(json[0]).toMatchObject({ runs: [{ kept: [0, 3, 6, 7] }] });
  });

  test('refuses what it cannot do, and says what could be done', async () => {
    await writeRun('mine', 2);
    await expect(invoke(gcCommand, home, '--run', 'other')).rejects.toThrow(
      `Cannot find run "other" in ${home}: it has no such run, expected one of mine`,
    );
    await expect(invoke(gcCommand, home, '--keep-last', '0')).rejects.toThrow(
      'Cannot read --keep-last: it is "0", expected a whole number of at least 1',
    );
    const empty = join(home, 'nothing');
    await expect(invoke(gcCommand, empty)).rejects.toThrow(
      `Cannot look into ${empty}: it has no store, expected a home in which a run has begun; see --home`,
    );
    expect(existsSync(empty)).toBe(false);
  });

  test('names the record that it cannot read, removes nothing of its run, and exits 1', async () => {
    await writeRun('mine', 4);
    const path = join(home, 'runs', 'mine', stateRecordName(2));
    await truncate(path, 20);
    const { status, notes, lines } = await invoke(gcCommand, home, '--keep-last', '1');
    expect(status).toBe(1);
    expect(notes).toEqual([
      `Cannot tidy run "mine": ${path} cannot be read (it is no record of a state), expected a record; nothing of it was removed: restore the file, or remove the run's folder`,
    ]);
    expect(lines).toEqual([expect.stringMatching(/^Nothing to remove/)]);
  });
});

describe('evenkeel du', () => {
  test('says what each run takes by kind, and what no run names', async () => {
    await writeRun('mine', 4);
    await putOld('text', 'stray');
    const { json } = await invoke(duCommand, home, '--json');
    expect(json).toMatchObject([
      {
        kind: 'run',
        run: 'mine',
        states: [0, 1, 2, 3, 4],
        kinds: { policy: { count: 5, bytes: 10_000 }, optimizer: { count: 5 } },
      },
      { kind: 'home', unnamed: { other: { count: 1, bytes: 2_000 } }, parts: { store: {}, runs: {} } },
    ]);
    const { lines } = await invoke(duCommand, home);
    expect(lines.at(-1)).toMatch(/^\d+\.\d kB: store \d+\.\d kB, runs \d\.\d kB$/);
  });
});

describe('--disk-budget', () => {
  test('reads sizes as people write them', () => {
    expect(['20GB', '1.5 TB', '512MiB', '7k', '100', 'none'].map(diskSize)).toEqual([
      20e9,
      1.5e12,
      512 * 2 ** 20,
      7e3,
      100,
      null,
    ]);
    for (const text of ['', '0', 'much', '-3GB', '3 apples']) {
      expect(() => diskSize(text)).toThrow(
        `Cannot read --disk-budget: it is "${text}", expected a size such as 20GB, or none`,
      );
    }
  });

  test('a home above its budget is tidied; where what is needed is still too much, that is said once', async () => {
    await writeRun('mine', 8);
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const log = { debug() {}, info: say, warn: say, error: say };
    const room = { home, log, keepLast: 2, keepEvery: 0, everyMs: 20 };
    for (const budgetBytes of [40_000, 5_000]) {
      const before = said.length;
      const tidy = startTidy({ ...room, budgetBytes });
      while (said.length === before) await sleep(20);
      await sleep(300);
      await tidy.stop();
    }
    expect(said).toEqual([
      expect.stringMatching(
        /^Made room: removed \d+\.\d kB \((policy|optimizer) 12\.0 kB, .*\); the home takes \d+\.\d kB of 40\.0 kB$/,
      ),
      expect.stringMatching(
        /^the home takes \d+\.\d kB of 5\.0 kB, and what is there is needed, or young: give it more \(--disk-budget\), keep less \(--keep-last\), or see evenkeel du$/,
      ),
    ]);
  });

  test('a home within its budget is let alone', async () => {
    await writeRun('mine', 5);
    const log = {
      debug() {},
      info: (text: string) => expect(text).toBe(''),
      warn: (text: string) => expect(text).toBe(''),
      error() {},
    };
    const tidy = startTidy({ home, log, budgetBytes: 1e9, keepLast: 2, keepEvery: 0, everyMs: 10 });
    await sleep(200);
    await tidy.stop();
    expect((await stat(join(home, 'runs', 'mine', stateRecordName(2)))).isFile()).toBe(true);
  });
});

describe('tidyLogs()', () => {
  test('shortens a long log that its process goes on writing', async () => {
    await mkdir(join(home, 'logs'));
    const path = join(home, 'logs', 'trainer.log');
    await writeFile(path, Buffer.alloc(17 * 1024 * 1024, 'x\n'));
    await writeFile(join(home, 'logs', 'rollout.log'), 'short\n');
    await tidyLogs(home);
    await writeFile(path, 'more\n', { flag: 'a' });
    expect(await readFile(path, 'utf8')).toBe('more\n');
    expect((await stat(`${path}.1`)).size).toBe(17 * 1024 * 1024);
    expect(await readFile(join(home, 'logs', 'rollout.log'), 'utf8')).toBe('short\n');
  });
});
