/**
 * Room is made beside a run at work: as often as it can be, without any grace, with collections that are killed at each of their moments,
 * and a trainer that dies on the way. The run must not notice: the weights are those of the undisturbed run, nothing that was committed
 * is done again. Then its history is lost, and it goes on from what gc has left of it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { artefactsOf, collectGarbage, readStateRecord, recordedSteps } from '@evenkeel/activities';
import { type FolderStore, openFolderStore, repeatedWork, sweepMoments } from '@evenkeel/store';
import { afterAll, expect, test } from 'vitest';
import { writeStubRun } from '../support/stub-run.ts';
import {
  endTrainProcesses,
  homeProcessIds,
  isAlive,
  startEvenkeel,
  type TrainProcess,
} from '../support/train-process.ts';

const STEPS = 14;
const LOST_AT = 9;
const TIMEOUT_MS = 600_000;

let folder = '';

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

const train = (config: string, home: string): TrainProcess =>
  startEvenkeel(['train', config, '--yes', '--json', '--home', home]);

/** Every state on record and every commit has all that it names. */
async function expectWhole(home: string, store: FolderStore): Promise<void> {
  const isThere = (ref: Parameters<FolderStore['pathOf']>[0]) => existsSync(store.pathOf(ref));
  for (const step of await recordedSteps(home, 'stub')) {
    const record = (await readStateRecord(home, 'stub', step))!;
    expect(artefactsOf(record).filter((ref) => !isThere(ref))).toEqual([]);
  }
  for (const { key, refs } of await store.listCommits())
    expect([key, refs.filter((ref) => !isThere(ref))]).toEqual([key, []]);
}

async function allDead(home: string): Promise<void> {
  for (const pid of Object.values(homeProcessIds(home))) while (isAlive(pid)) await sleep(20);
}

test(
  'a run beside which room is made without pause, and whose history is then lost, ends with the weights of the undisturbed run',
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'evenkeel-gc-live-'));
    const config = await writeStubRun(folder, {
      ...{ run: 'stub', seed: 3, steps: STEPS, checkpointEvery: 3 },
      evaluation: { every: 5, promptsPerTask: 8 },
    });
    const calm = await train(config, join(folder, 'calm')).result();

    const home = join(folder, 'swept');
    let run = train(config, home);
    while (!existsSync(join(home, 'runs', 'stub', 'states', '000001.json'))) await sleep(20);
    const store = await openFolderStore(join(home, 'store'));
    const done = async () => (await recordedSteps(home, 'stub')).at(-1) ?? 0;
    const options = { home, store, keepLast: 1, keepEvery: 0, graceMs: 0 };
    let [collections, killed, gone] = [0, 0, 0];
    let trainerDied = false;
    while ((await done()) < LOST_AT) {
      const moment = sweepMoments[collections % sweepMoments.length];
      // In this process the sweep is dropped where a kill would have stopped it: what it had begun stays as it is.
      const report = await collectGarbage({
        ...options,
        at: (name) => {
          if (collections % 2 === 0 && name === moment) throw new Error('killed');
        },
      }).catch(() => null);
      collections++;
      if (report === null) killed++;
      else gone += report.goneBytes;
      await sleep(30);
      if (!trainerDied && (await done()) >= 5) {
        process.kill(homeProcessIds(home).trainer!, 'SIGKILL');
        trainerDied = true;
      }
    }
    expect(run.child.exitCode).toBeNull();
    const pids = homeProcessIds(home);
    run.child.kill('SIGKILL');
    await run.ended;
    for (const pid of Object.values(pids)) while (isAlive(pid)) await sleep(20);
    await expectWhole(home, store);
    expect([collections, killed].map((count) => count > 2)).toEqual([true, true]);
    expect(gone).toBeGreaterThan(0);

    // By hand, in mid-step, with nothing of the home alive: a real kill of the command, then one that ends.
    const atKill = startEvenkeel(['gc', '--grace-minutes', '0', '--keep-last', '1', '--json', '--home', home], {
      EVENKEEL_FAULT: 'gc/moved-aside',
    });
    await atKill.ended;
    await expectWhole(home, store);
    const byHand = startEvenkeel(['gc', '--grace-minutes', '0', '--keep-last', '1', '--json', '--home', home]);
    expect((await byHand.ended).code).toBe(0);
    await expectWhole(home, store);
    expect(readdirSync(join(home, 'store', 'aside'))).toEqual([]);
    await rm(join(home, 'temporal'), { recursive: true });

    run = train(config, home);
    const result = await run.result();
    await allDead(home);
    expect(result.policy.sha256).toBe(calm.policy.sha256);
    expect(result.evaluation).toEqual(calm.evaluation);
    expect(repeatedWork(await store.readJournal(), [])).toEqual([]);
    const logs = (await readdir(join(home, 'logs'))).map((name) => readFileSync(join(home, 'logs', name), 'utf8'));
    expect(logs.join('\n')).not.toContain('artefact-missing');
    await expectWhole(home, store);
    await store.close();
  },
  TIMEOUT_MS,
);
