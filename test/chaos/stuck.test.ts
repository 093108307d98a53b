/**
 * What hangs without dying: stopped processes, endless loops, a worker that nobody can kill, a job that kills its worker each time. Each is
 * found by its silence or by its count, not by its death, and the run ends with the weights of the undisturbed one.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLiving } from '@evenkeel/infra';
import { type JournalEvent, openFolderStore, type Store } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endTrainProcesses,
  homeProcesses,
  smallRun,
  startEvenkeel,
  type TrainProcess,
} from '../support/train-process.ts';
import { brokenPromises, proveStore } from './fire/proof.ts';

const STEPS = 5;
const STALL_SECONDS = 4;
const TIMEOUT_MS = 600_000;

let folder = '';
let config = '';
let undisturbed = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-stuck-'));
  config = join(folder, 'run.json');
  await writeFile(config, JSON.stringify({ ...smallRun, steps: STEPS, shardPrompts: 6, run: 'stuck', seed: 5 }));
  undisturbed = (await train('calm').result()).policy.sha256;
}, TIMEOUT_MS);

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

function train(home: string, env: Readonly<Record<string, string>> = {}): TrainProcess {
  const watched = ['--stall-seconds', String(STALL_SECONDS)];
  return startEvenkeel(['train', config, '--json', '--home', join(folder, home), ...watched], env);
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(50);
}

/** What `train` logged. */
function logged({ lines }: TrainProcess): string[] {
  return lines.filter(({ kind }) => kind === 'log').map(({ message }) => String(message));
}

/** Stops processes, and waits until each has a successor, and work has begun again. */
async function stopAndWait(home: string, store: Store, names: readonly string[]): Promise<void> {
  const before = homeProcesses(home);
  const at = Date.now();
  for (const name of names) process.kill(before[name]!.pid, 'SIGSTOP');
  await until(() => {
    const now = homeProcesses(home);
    return names.every((name) => now[name] !== undefined && now[name].pid !== before[name]!.pid);
  });
  const backAt = Date.now();
  const isWork = ({ at: when, kind }: JournalEvent) => when > backAt && kind !== 'found';
  await until(async () => (await store.readJournal()).some(isWork));
  console.info(`${names.join(', ')}: found after ${backAt - at} ms, at work ${Date.now() - backAt} ms later`);
}

test(
  'stopped processes and endless loops are found by their silence, whoever can kill them, and change no weight',
  async () => {
    const home = join(folder, 'stuck');
    const stuck = train('stuck', {
      // The first job thread to tell of its progress for the third time, and the first process to begin a second job.
      EVENKEEL_FAULT: 'job-thread/progress:3=hang,worker/before-run:2=hang',
      EVENKEEL_FAULT_ONCE: join(folder, 'once'),
    });
    await until(() => stuck.lines.some(({ kind }) => kind === 'phase'));
    // A worker that no supervisor kills: it stands still with its second job done and not committed, and comes back late.
    const foreign = startEvenkeel(['worker', 'rollout', '--home', home, '--name', 'foreign', '--threads', '1'], {
      EVENKEEL_FAULT: 'worker/before-commit~/rollout/:2=sleep-9000',
    });
    const store = await openFolderStore(join(home, 'store'));
    await until(() => stuck.lines.some(({ kind }) => kind === 'step'));
    await stopAndWait(home, store, ['rollout', 'verifier']);
    await stopAndWait(home, store, ['trainer', 'workflow']);
    await stopAndWait(home, store, ['temporal']);
    const processes = Object.values(homeProcesses(home));
    expect((await stuck.result()).policy.sha256).toBe(undisturbed);

    const journal = await store.readJournal();
    const proof = await proveStore(store, 'stuck', STEPS);
    await store.close();
    expect(brokenPromises(proof)).toEqual([]);
    expect(processes.filter(isLiving)).toEqual([]);
    const said = logged(stuck);
    for (const name of ['rollout', 'verifier', 'trainer', 'workflow', 'temporal']) {
      expect(said, name).toContainEqual(
        expect.stringMatching(new RegExp(`^${name} \\(process \\d+\\) answered nothing for 4 s; killing it$`)),
      );
    }
    // The loop in a job thread is found by the process itself, the loop on a main thread by the supervisor.
    const hung = said.flatMap((line) => /^(\w+) died \(86\)/.exec(line)?.[1] ?? []);
    expect(hung).toHaveLength(1);
    expect(await readFile(join(home, 'logs', `${hung[0]}.log`), 'utf8')).toMatch(
      /error Job hangs: this process ends \{"key":"(stuck\/step-000000|shared\/(train|evaluate))\/[^"]+","job":"(rollout|update)"/,
    );
    expect(said.filter((line) => line.includes('answered nothing'))).toHaveLength(6);

    // The job of the worker that stood still was done by the other one.
    const ofForeign = journal.filter(({ worker }) => worker === 'foreign');
    const left = ofForeign.filter(({ kind }) => kind === 'started').at(1);
    const doneBy = journal
      .filter(({ key, kind }) => key === left?.key && kind === 'started')
      .map(({ worker }) => worker);
    expect(new Set(doneBy)).toEqual(new Set(['foreign', 'rollout']));
    foreign.child.kill('SIGTERM');
    expect(await foreign.ended).toEqual({ code: 0, signal: null });
  },
  TIMEOUT_MS,
);

test(
  'a job that kills its worker each time is set aside, the run pauses with the reason, and tries it again when it is told to',
  async () => {
    const home = join(folder, 'poisoned');
    const poisoned = train('poisoned', { EVENKEEL_FAULT: 'worker/before-run~stuck/step-000001/update/' });
    expect(await poisoned.ended).toMatchObject({ code: 1 });
    const paused = poisoned.lines.find(({ kind }) => kind === 'paused');
    expect(paused).toMatchObject({ step: 1, reason: { code: 'job-poisoned' } });
    const { message } = paused!.reason as { message: string };
    expect(message).toMatch(
      /^Cannot finish job stuck\/step-000001\/update\/[0-9a-f]{64}: 5 processes of worker "trainer" died/,
    );
    expect(message).toContain(`at the end of ${join(home, 'logs', 'trainer.log')}`);
    expect(message).toContain('evenkeel resume stuck');
    const deaths = logged(poisoned).filter((line) => line.includes('died'));
    expect(deaths).toEqual(Array(5).fill('trainer died (SIGKILL); starting it again'));

    expect((await train('poisoned').result()).policy.sha256).toBe(undisturbed);
    const store = await openFolderStore(join(home, 'store'));
    const proof = await proveStore(store, 'stuck', STEPS);
    await store.close();
    expect(brokenPromises(proof)).toEqual([]);
  },
  TIMEOUT_MS,
);
