/**
 * A notice that the machine, or one process, is taken away: SIGTERM. To `train` alone, to one worker, to every process at once, as a
 * machine does that goes down; with a step that ends in the notice's time, and with one that does not.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLiving, type ProcessIdentity } from '@evenkeel/infra';
import { type FolderStore, openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endTrainProcesses,
  homeProcesses,
  smallRun,
  startEvenkeel,
  type TrainProcess,
} from '../support/train-process.ts';
import { brokenPromises, proveStore } from './fire/proof.ts';

const STEPS = 5;
const TIMEOUT_MS = 600_000;

let folder = '';
let config = '';
let home = '';
let undisturbed = '';
let store: FolderStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-notice-'));
  config = join(folder, 'run.json');
  await writeFile(config, JSON.stringify({ ...smallRun, steps: STEPS, run: 'notice', seed: 6 }));
  const calm = startEvenkeel(['train', config, '--json', '--home', join(folder, 'calm')]);
  undisturbed = (await calm.result()).policy.sha256;
  home = join(folder, 'home');
  store = await openFolderStore(join(home, 'store'));
}, TIMEOUT_MS);

afterAll(async () => {
  await endTrainProcesses();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Trains with a job that stands still for so long when it is there: before its commit, with its work done. */
function train(noticeSeconds: number, still?: { readonly key: string; readonly ms: number }): TrainProcess {
  const flags = ['--json', '--home', home, '--notice-seconds', String(noticeSeconds)];
  const fault = still === undefined ? {} : { EVENKEEL_FAULT: `worker/before-commit~${still.key}=sleep-${still.ms}` };
  return startEvenkeel(['train', config, ...flags], fault);
}

async function eventsOf(part: string) {
  return (await store.readJournal()).filter(({ key }) => key.includes(part));
}

/** How often a job was started, and how often it was committed. */
async function countsOf(part: string): Promise<{ started: number; committed: number }> {
  const events = await eventsOf(part);
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  return { started: count('started'), committed: count('committed') };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(20);
}

async function begun(part: string): Promise<void> {
  await until(async () => (await eventsOf(part)).some(({ kind }) => kind === 'started'));
}

function logged({ lines }: TrainProcess): string[] {
  return lines.filter(({ kind }) => kind === 'log').map(({ message }) => String(message));
}

/** A child of one that was told before may be gone already. */
function tryToKill(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

describe('SIGTERM', () => {
  test(
    'to one worker: it ends and commits what is under way, exits with 0, and its successor goes on',
    async () => {
      const job = 'notice/step-000001/train/round-0/shard-0/rollout/';
      const running = train(60, { key: job, ms: 1_500 });
      await begun(job);
      const worker = homeProcesses(home).rollout!;
      process.kill(worker.pid, 'SIGTERM');
      await until(() => homeProcesses(home).rollout !== undefined && homeProcesses(home).rollout!.pid !== worker.pid);
      expect(logged(running)).toContain('rollout died (0); starting it again');
      expect(await countsOf(job)).toEqual({ started: 1, committed: 1 });
      expect((await eventsOf(job))[0]?.pid).toBe(worker.pid);

      // And then to train itself: the step under way fits into the notice.
      await begun('notice/step-000002/');
      const processes = Object.values(homeProcesses(home));
      const toldAt = performance.now();
      running.child.kill('SIGTERM');
      running.child.kill('SIGTERM');
      expect(await running.ended).toEqual({ code: 130, signal: null });
      console.info(`train: ended ${Math.round(performance.now() - toldAt)} ms after its notice`);
      expect(logged(running).at(-1)).toMatch(
        /^Paused run "notice" at step [34] of 5; the same command goes on from there$/,
      );
      expect(processes.filter(isLiving)).toEqual([]);
      const events = await store.readJournal();
      const open = new Set(events.filter(({ kind }) => kind === 'started').map(({ key }) => key));
      for (const { key, kind } of events) if (kind === 'committed') open.delete(key);
      expect([...open], 'work that was lost').toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'to every process at once: what is under way is committed, and all of them end by themselves',
    async () => {
      const job = 'notice/step-000004/update/';
      const running = train(60, { key: job, ms: 1_500 });
      await begun(job);
      const processes: ProcessIdentity[] = Object.values(homeProcesses(home));
      const pids = [running.child.pid!, ...processes.flatMap(({ pid }) => [pid, ...childrenOf(pid)])];
      const toldAt = performance.now();
      for (const pid of pids) tryToKill(pid);
      expect(await running.ended).toEqual({ code: 130, signal: null });
      console.info(`all: ended ${Math.round(performance.now() - toldAt)} ms after the notice`);
      expect(logged(running).at(-1)).toMatch(/^Stopped run "notice" in mid-step, at step \d of 5/);
      expect(processes.filter(isLiving)).toEqual([]);
      expect(await countsOf(job)).toEqual({ started: 1, committed: 1 });
    },
    TIMEOUT_MS,
  );

  test(
    'with a job that takes longer than the notice: all end in its time, and that job alone is done again',
    async () => {
      const job = 'notice/step-000005/evaluate/round-0/shard-0/rollout/';
      const noticeSeconds = 8;
      const running = train(noticeSeconds, { key: job, ms: 600_000 });
      await begun(job);
      const processes = Object.values(homeProcesses(home));
      const toldAt = performance.now();
      running.child.kill('SIGTERM');
      expect(await running.ended).toEqual({ code: 130, signal: null });
      console.info(`too long: ended ${Math.round(performance.now() - toldAt)} ms after a notice of ${noticeSeconds} s`);
      expect(processes.filter(isLiving)).toEqual([]);
      expect(await countsOf(job)).toEqual({ started: 1, committed: 0 });

      expect((await train(30).result()).policy.sha256).toBe(undisturbed);
      expect(await countsOf(job)).toEqual({ started: 2, committed: 1 });
      const journal = await store.readJournal();
      const starts = Map.groupBy(
        journal.filter(({ kind }) => kind === 'started'),
        ({ key }) => key,
      );
      const again = [...starts].filter(([, events]) => events.length > 1).map(([key]) => key);
      expect(again).toHaveLength(1);
      expect(brokenPromises(await proveStore(store, 'notice', STEPS))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
