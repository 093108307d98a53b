/**
 * A run is a function of its configuration and of its changes: changed while its processes are killed, it ends with the weights of an
 * undisturbed run that is given the same changes at its start. What fails for good pauses the run; a lost history, or a branch, goes on
 * from the state on record.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readChanges, recordedSteps } from '@evenkeel/activities';
import { openFolderStore } from '@evenkeel/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endTrainProcesses,
  smallRun,
  startEvenkeel,
  type TrainProcess,
  type TrainResult,
} from '../support/train-process.ts';

const STEPS = 4;
const TIMEOUT_MS = 600_000;
/** Of `train`: its supervisor is one of those that are killed. */
const MOST_STARTS = 8;

let folder = '';
let home = '';
/** A run of the small configuration that nothing happened to. */
let plain: TrainResult;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-changes-'));
  home = join(folder, 'home');
  plain = await train(await configured('plain')).result();
}, TIMEOUT_MS);

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

async function configured(run: string, settings: object = {}): Promise<string> {
  const path = join(folder, `${run}.json`);
  await writeFile(path, JSON.stringify({ ...smallRun, checkpointEvery: 3, steps: STEPS, run, seed: 5, ...settings }));
  return path;
}

function train(...args: string[]): TrainProcess {
  return startEvenkeel(['train', ...args, '--json', '--home', home]);
}

/** A command that is given again until it is accepted: the server may be one of the killed. */
async function command(...args: string[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { ended, lines, errors } = startEvenkeel([...args, '--json', '--home', home]);
    if ((await ended).code === 0) return;
    if (attempt === 20) throw new Error(`${args.join(' ')}: ${JSON.stringify(lines.at(-1))}; ${errors.join('\n')}`);
    await sleep(300);
  }
}

async function stepsDone(run: string): Promise<number> {
  return (await recordedSteps(home, run)).at(-1) ?? -1;
}

async function untilStep(run: string, step: number): Promise<void> {
  while ((await stepsDone(run)) < step) await sleep(50);
}

/** Steps of which a worker began or was asked for an update, by the work journal. */
async function stepsWorkedOn(run: string): Promise<number[]> {
  const store = await openFolderStore(join(home, 'store'));
  const events = await store.readJournal();
  await store.close();
  const updates = events.filter(({ key }) => key.startsWith(`${run}/`) && key.includes('/update/'));
  return updates.map(({ key }) => Number(key.split('/')[1]!.slice('step-'.length)) + 1);
}

test(
  'a run that is changed while its processes are killed ends as one that was given the same changes at its start',
  async () => {
    const settings = { steps: 60, tasks: ['countdown', 'zebra'] };
    const config = await configured('live', settings);
    const marks = join(folder, 'marks');
    const environment = {
      EVENKEEL_FAULT: [
        'activity/change-applied',
        'activity/change-applied=trainer',
        'activity/change-applied:2=temporal',
        'activity/change-applied:2=supervisor',
      ].join(','),
      EVENKEEL_FAULT_HOME: home,
      EVENKEEL_FAULT_ONCE: marks,
    };
    let result: TrainResult | undefined;
    let over = false;
    const training = (async () => {
      for (let start = 1; result === undefined && start <= MOST_STARTS; start++) {
        const run = startEvenkeel(['train', config, '--json', '--home', home], environment);
        await run.ended;
        result = run.lines.findLast((line) => line.kind === 'result') as TrainResult | undefined;
      }
      over = true;
    })();
    await untilStep('live', 1);
    await command('set', 'live', 'lambda=0.6', 'learning-rate=0.0003');
    await untilStep('live', 3);
    await command('task', 'add', 'live', 'arc');
    await command('task', 'retire', 'live', 'zebra');
    await command('evaluate-now', 'live');
    await command('stop', 'live', '--after', String((await stepsDone('live')) + 4));
    await training;
    expect(over).toBe(true);
    expect(result).toBeDefined();
    const struck = (await readdir(folder)).filter((name) => name.startsWith('marks'));
    expect(struck.length, 'processes killed while a change took effect').toBe(4);

    const changes = await readChanges(home, 'live');
    const kinds = changes.map(({ change }) => change.kind);
    const made = kinds.filter((kind) => !['pause', 'resume'].includes(kind));
    expect(made).toEqual(['set', 'add-task', 'retire-task', 'evaluate', 'stop-after']);
    const last = changes.findLast(({ change }) => change.kind === 'stop-after')!.change as { step: number };
    expect(result!.step).toBe(last.step);
    const evaluated = changes.find(({ change }) => change.kind === 'evaluate')!.step;
    expect(await readdir(join(home, 'runs', 'live', 'evaluations'))).toContain(
      `${String(evaluated).padStart(6, '0')}.json`,
    );
    const table = JSON.parse(await readFile(stepFile('live', last.step), 'utf8'));
    expect(table.tasks.map(({ task }: { task: string }) => task)).toEqual(['countdown', 'arc']);

    const list = join(folder, 'changes.jsonl');
    await writeFile(list, changes.map((change) => JSON.stringify(change)).join('\n'));
    const calm = await train(await configured('calm', settings), '--changes', list).result();
    expect(calm.policy.sha256).toBe(result!.policy.sha256);
    expect(calm.step).toBe(result!.step);
    expect(calm.evaluation).toEqual(result!.evaluation);
  },
  TIMEOUT_MS,
);

function stepFile(run: string, step: number): string {
  return join(home, 'runs', run, 'steps', `${String(step).padStart(6, '0')}.json`);
}

test(
  'what fails for good pauses the run with its reason; mended and resumed it ends as if nothing had happened',
  async () => {
    const list = join(folder, 'too-fast.jsonl');
    await writeFile(list, JSON.stringify({ step: 1, change: { kind: 'set', settings: { learningRate: 1e30 } } }));
    const failing = train(await configured('failing'), '--changes', list);
    expect((await failing.ended).code).toBe(1);
    expect(failing.lines.at(-1)).toMatchObject({ kind: 'error', code: 'run-paused' });
    expect(failing.lines.at(-1)?.message).toMatch(/paused after step 1: .*finite/s);
    expect(await stepsDone('failing')).toBe(1);
    const mended = await train('--run', 'failing', '--set', 'learning-rate=0.00015').result();
    expect(mended.policy.sha256).toBe(plain.policy.sha256);
    expect(mended.step).toBe(STEPS);
  },
  TIMEOUT_MS,
);

test(
  'a run whose history is lost goes on from its newest state, not from its start',
  async () => {
    const config = await configured('lost');
    const first = train(config);
    await untilStep('lost', 2);
    first.child.kill('SIGINT');
    await first.ended;
    const before = await stepsDone('lost');
    expect(before).toBeGreaterThanOrEqual(2);
    expect(before).toBeLessThan(STEPS);
    for (const name of await readdir(join(home, 'temporal'))) {
      if (name.startsWith('temporal.db')) await rm(join(home, 'temporal', name));
    }
    const workedOn = (await stepsWorkedOn('lost')).length;
    const result = await train(config).result();
    expect(result.policy.sha256).toBe(plain.policy.sha256);
    expect(result.evaluation).toEqual(plain.evaluation);
    const since = (await stepsWorkedOn('lost')).slice(workedOn);
    expect(Math.min(...since), 'the first step after the loss').toBe(before + 1);
  },
  TIMEOUT_MS,
);

test(
  'a branch goes on from a step of another run, which stays as it is',
  async () => {
    const files = await readdir(join(home, 'runs', 'plain'), { recursive: true });
    await command('rollback', 'plain', '--to', '2', '--name', 'branch');
    const result = await train('--run', 'branch').result();
    expect(result.policy.sha256).toBe(plain.policy.sha256);
    expect(new Set(await stepsWorkedOn('branch'))).toEqual(new Set([3, 4]));
    expect(await readdir(join(home, 'runs', 'plain'), { recursive: true })).toEqual(files);
  },
  TIMEOUT_MS,
);
