/**
 * The promise of a run: whatever is killed on the way, it ends with the weights of the undisturbed run, and nothing that was
 * committed is made again. One SIGKILL for each kind of process; the workers are shot in the middle of a job.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JournalEvent, openFolderStore, repeatedWork, type Store } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endTrainProcesses,
  homeProcessIds,
  isAlive,
  smallRun,
  startEvenkeel,
  type TrainProcess,
} from '../support/train-process.ts';

const STEPS = 8;
const POLL_MS = 15;
const PATIENCE_MS = 120_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-chaos-'));
  await writeFile(join(folder, 'run.json'), JSON.stringify({ ...smallRun, steps: STEPS, run: 'shot', seed: 7 }));
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

function train(home: string): TrainProcess {
  return startEvenkeel(['train', join(folder, 'run.json'), '--json', '--home', home]);
}

/** Waits for a job of the step that is started and not committed: its worker is in the middle of it. */
async function jobUnderWay(store: Store, train: TrainProcess, key: RegExp): Promise<JournalEvent> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    if (train.child.exitCode !== null) throw new Error(`train ended early: ${train.errors.join('\n')}`);
    const events = await store.readJournal();
    const committed = new Set(events.filter(({ kind }) => kind === 'committed').map((event) => event.key));
    const found = events.find((event) => event.kind === 'started' && key.test(event.key) && !committed.has(event.key));
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  throw new Error(`No job ${key} was seen under way within ${PATIENCE_MS} ms`);
}

/** Waits for the update that ends a step, by the journal: what the command prints comes later. */
async function stepDone(store: Store, train: TrainProcess, step: number): Promise<void> {
  const key = `/step-${String(step - 1).padStart(6, '0')}/update/`;
  const until = performance.now() + PATIENCE_MS;
  while (!(await store.readJournal()).some((event) => event.kind === 'committed' && event.key.includes(key))) {
    if (train.child.exitCode !== null) throw new Error(`train ended early: ${train.errors.join('\n')}`);
    if (performance.now() > until) throw new Error(`Step ${step} was not done within ${PATIENCE_MS} ms`);
    await sleep(POLL_MS);
  }
}

async function openStore(home: string): Promise<Store> {
  while (!existsSync(join(home, 'endpoints.json'))) await sleep(POLL_MS);
  return await openFolderStore(join(home, 'store'));
}

describe('a run whose processes are killed', () => {
  test('ends with the weights of the undisturbed run, and makes nothing twice', async () => {
    const undisturbed = await train(join(folder, 'calm')).result();
    expect(undisturbed.step).toBe(STEPS);

    const home = join(folder, 'shot');
    const killed: string[] = [];
    const kill = (name: string, pid: number) => {
      killed.push(name);
      process.kill(pid, 'SIGKILL');
    };
    const first = train(home);
    const store = await openStore(home);

    const shard = await jobUnderWay(store, first, /step-000000\/train\/.*\/rollout\//);
    kill('rollout', shard.pid);
    const update = await jobUnderWay(store, first, /step-000001\/update\//);
    kill('trainer', update.pid);
    await stepDone(store, first, 2);
    kill('verifier', homeProcessIds(home).verifier!);
    await stepDone(store, first, 3);
    kill('temporal', homeProcessIds(home).temporal!);
    await stepDone(store, first, 4);
    kill('workflow', homeProcessIds(home).workflow!);
    await jobUnderWay(store, first, /step-00000[5-7]\/(train\/.*\/rollout|update)\//);
    const orphans = Object.values(homeProcessIds(home));
    kill('supervisor', first.child.pid!);
    await first.ended;

    const second = train(home);
    const resumed = await second.result();
    expect(killed).toEqual(['rollout', 'trainer', 'verifier', 'temporal', 'workflow', 'supervisor']);
    expect(resumed.step).toBe(STEPS);
    expect(resumed.policy.sha256).toBe(undisturbed.policy.sha256);
    expect(resumed.evaluation).toEqual(undisturbed.evaluation);

    const events = await store.readJournal();
    const commits = await store.listCommits();
    expect(events.filter(({ kind }) => kind === 'committed').length).toBeGreaterThan(20);
    expect(repeatedWork(events, commits)).toEqual([]);
    // The trainer that was shot restored what it had lost from the redo log.
    const redone = commits.map(({ result }) => (result as { metrics?: { redone?: number } }).metrics?.redone ?? 0);
    expect(Math.max(...redone)).toBeGreaterThan(0);
    console.info(
      `Killed ${killed.join(', ')}; sha256 ${resumed.policy.sha256.slice(0, 16)} both times; ${commits.length} commits, ` +
        `${events.filter(({ kind }) => kind === 'started').length} starts, none after its commit; updates redone after a loss: ${Math.max(...redone)}`,
    );
    expect(orphans.filter(isAlive)).toEqual([]);
    await store.close();
  });
});
