/**
 * The kill matrix: each kind of process is killed at each moment of a job at which a kill could leave something half done. One run a
 * kind, one kill a moment; the moments are fault points in the code, which do nothing unless the environment names them.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLiving, type ProcessIdentity } from '@evenkeel/infra';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endTrainProcesses,
  homeProcesses,
  smallRun,
  startEvenkeel,
  type TrainResult,
} from '../support/train-process.ts';
import { brokenPromises, proveStore } from './fire/proof.ts';

const STEPS = 9;
/** A kind takes half a minute to a minute where nothing else runs. */
const TIMEOUT_MS = 600_000;
/** Of `train` itself: the supervisor is one of those that are killed. */
const MOST_STARTS = 12;

/** By the moment: the fault point, and when it is reached for how many times. A later one waits until the earlier have done their work. */
const moments = [
  ['before the job is submitted', 'activity/before-submit:6'],
  ['in the middle of it', 'worker/in-the-middle:12'],
  ['after the store’s write, before the reply', 'worker/after-commit:4'],
  ['after the reply', 'activity/after-reply:10'],
  ['while the policy is published', 'trainer/publish-policy:3'],
  ['at a checkpoint', 'trainer/checkpoint'],
  ['before a new history', 'activity/step-finished:4'],
] as const;

let folder = '';
let undisturbed = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-matrix-'));
  await writeFile(join(folder, 'run.json'), JSON.stringify({ ...smallRun, steps: STEPS, run: 'matrix', seed: 11 }));
  const calm = startEvenkeel(['train', join(folder, 'run.json'), '--json', '--home', join(folder, 'calm')]);
  undisturbed = (await calm.result()).policy.sha256;
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

/** Remembers every process that the home ever had. */
function watchProcesses(home: string, seen: Map<string, ProcessIdentity>): NodeJS.Timeout {
  return setInterval(() => {
    if (!existsSync(join(home, 'processes.json'))) return;
    for (const identity of Object.values(homeProcesses(home)))
      seen.set(`${identity.pid} ${identity.startedAt}`, identity);
  }, 100);
}

test.each(['temporal', 'supervisor', 'workflow', 'rollout', 'trainer', 'verifier'])(
  '%s, killed at each moment of a job, changes no weight and repeats no work',
  async (process) => {
    const home = join(folder, process);
    const marks = join(folder, `${process}-marks`);
    const environment = {
      EVENKEEL_FAULT: moments.map(([, point]) => `${point}=${process}`).join(','),
      EVENKEEL_FAULT_HOME: home,
      EVENKEEL_FAULT_ONCE: marks,
      // Each step ends a history: the last moment is always just before a new one.
      EVENKEEL_STEPS_PER_HISTORY: '1',
    };
    let result: TrainResult | undefined;
    const seen = new Map<string, ProcessIdentity>();
    for (let start = 1; result === undefined && start <= MOST_STARTS; start++) {
      const train = startEvenkeel(['train', join(folder, 'run.json'), '--json', '--home', home], environment);
      const watched = watchProcesses(home, seen);
      await train.ended;
      clearInterval(watched);
      result = train.lines.findLast((line) => line.kind === 'result') as TrainResult | undefined;
    }
    expect(result?.policy.sha256).toBe(undisturbed);
    const struck = (await readdir(folder)).filter((name) => name.startsWith(`${process}-marks`));
    expect(struck.length, 'moments at which it was killed').toBe(moments.length);
    const store = await openFolderStore(join(home, 'store'));
    const proof = await proveStore(store, 'matrix', STEPS);
    const commits = await store.listCommits();
    await store.close();
    expect(brokenPromises(proof)).toEqual([]);
    // A trainer that was killed restored what it had lost from the redo log.
    const redone = commits.map((commit) => (commit.result as { metrics?: { redone?: number } }).metrics?.redone ?? 0);
    if (process === 'trainer') expect(Math.max(...redone)).toBeGreaterThan(0);
    expect(seen.size).toBeGreaterThan(moments.length);
    expect([...seen.values()].filter(isLiving), 'processes left').toEqual([]);
  },
  TIMEOUT_MS,
);
