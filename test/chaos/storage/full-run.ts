/**
 * A real run whose home lies on a small file system, which is filled to the last page again and again while it works, and freed again.
 *
 *     node full-run.ts HOME CONFIG SEED FILLS [FROM]       HOME on a tmpfs, begun as a copy of FROM; prints one JSON report
 */
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyedRandom } from '@evenkeel/core';
import { openFolderStore } from '@evenkeel/store';
import { homeProcessIds, startEvenkeel, type TrainProcess, type TrainResult } from '../../support/train-process.ts';
import { brokenPromises, proveStore } from '../fire/proof.ts';
import { brokenFiles } from './broken-files.ts';

const [home = '', config = '', seedText = '1', fillsText = '6', from] = process.argv.slice(2);
const [seed, fills] = [Number(seedText), Number(fillsText)];
const ballast = join(dirname(home), 'ballast');
const PAGE = 4096;

/** Pages that are left free: from nothing, so that each kind of write is the one for which there is no room. */
const SLACKS = [0, 1, 3, 0, 8, 24, 2, 60];
/** Who is killed while the disk is full, so that it has to be started, and told to the others, without a page to write on. */
const VICTIMS = [null, 'rollout', 'temporal', 'trainer', null, 'workflow', 'verifier'] as const;

/** Writes until there is no page left but so many. */
function fill(slackPages: number): void {
  const file = openSync(ballast, 'w');
  const chunk = Buffer.alloc(16 * PAGE, 1);
  const room = (): number => statfsSync(dirname(home)).bfree - slackPages;
  try {
    for (let pages = room(); pages > 0; pages = room()) writeSync(file, chunk, 0, Math.min(16, pages) * PAGE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

/** Events in the work journal so far. */
function progress(): number {
  const folder = join(home, 'store/journal');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce(
    (sum, name) => sum + readFileSync(join(folder, name), 'utf8').split('\n').length - 1,
    0,
  );
}

/** Every log of the home, and what the command itself said. */
function said(train: TrainProcess): string {
  const folder = join(home, 'logs');
  const logs = existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')) : [];
  return [...logs, ...train.lines.map((line) => JSON.stringify(line)), ...train.errors].join('\n');
}

const report: { at: number; slack: number; victim: string | null; told: string[]; broken: string[] }[] = [];
let starts = 0;
let result: TrainResult | undefined;
let train: TrainProcess | undefined;
let ended = true;

function start(): void {
  starts++;
  const started = startEvenkeel(['train', config, '--json', '--home', home]);
  train = started;
  ended = false;
  void started.ended.then(() => {
    ended = true;
    result = started.lines.findLast((line) => line.kind === 'result') as TrainResult | undefined;
  });
}

if (from !== undefined) cpSync(from, home, { recursive: true });
let next = 0;
let last = progress();
start();
const random = (index: number) => keyedRandom(seed, 'full-disk', next, index).uniform();
while (result === undefined && starts < 20) {
  if (ended) start();
  const wanted = last + 1 + Math.floor(random(0) * 5);
  if (next < fills && progress() >= wanted) {
    const before = said(train!).length;
    const slack = SLACKS[next % SLACKS.length]!;
    const victim = VICTIMS[next % VICTIMS.length]!;
    await sleep(random(1) * 400);
    fill(slack);
    const at = progress();
    if (victim !== null) {
      const pid = homeProcessIds(home)[victim];
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
    await sleep(1500 + random(2) * 1000);
    const broken = await brokenFiles(home);
    rmSync(ballast);
    const told = [
      ...new Set(
        said(train!)
          .slice(before)
          .match(/Cannot (?:write|commit|look|open)[^:]{0,60}|disk is full|disk-full: [^"\n]*/g) ?? [],
      ),
    ];
    report.push({ at, slack, victim, told, broken });
    last = progress();
    next++;
  }
  await sleep(10);
}
await train?.ended;
const store = await openFolderStore(join(home, 'store'));
const { run, steps } = JSON.parse(readFileSync(config, 'utf8'));
const proof = await proveStore(store, run, steps);
await store.close();
console.log(
  JSON.stringify({
    sha256: result?.policy.sha256 ?? null,
    starts,
    fills: report,
    broken: await brokenFiles(home),
    promises: brokenPromises(proof),
    errors: train?.errors.slice(-10),
    last: train?.lines.slice(-30),
  }),
);
