/** The short version of `npm run chaos`: each kind of process killed once, some stopped or cut off, in an order that a seed gives. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, expect, test } from 'vitest';
import { endTrainProcesses, smallRun, startEvenkeel } from '../support/train-process.ts';
import { brokenPromises, proveStore } from './fire/proof.ts';
import { runUnderFire } from './fire/run-under-fire.ts';
import { schedule, targets } from './fire/schedule.ts';

/** More than the blows need on a quick machine. */
const STEPS = 32;
const TIMEOUT_MS = 600_000;

let folder = '';

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

test(
  'a run under kills, stops, cut and stalled sockets ends with the weights of the undisturbed run, and makes nothing twice',
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-fire-'));
    const config = join(folder, 'run.json');
    await writeFile(config, JSON.stringify({ ...smallRun, steps: STEPS, run: 'fire', seed: 7 }));
    const calm = startEvenkeel(['train', config, '--json', '--home', join(folder, 'calm')]);
    const undisturbed = await calm.result();

    const home = join(folder, 'fire');
    const blows = schedule({ seed: 3, kills: targets.length, othersPerTenKills: 4, meanGapMs: 500 });
    const { result, interruptions } = await runUnderFire({ home, config, blows, say: () => {} });
    const killed = interruptions.filter(({ blow }) => blow.action === 'kill').map(({ blow }) => blow.target);
    expect(killed.toSorted()).toEqual(targets.toSorted());
    expect(result.policy.sha256).toBe(undisturbed.policy.sha256);
    expect(result.evaluation).toEqual(undisturbed.evaluation);
    const store = await openFolderStore(join(home, 'store'));
    const proof = await proveStore(store, 'fire', STEPS);
    await store.close();
    expect(brokenPromises(proof)).toEqual([]);
  },
  TIMEOUT_MS,
);
