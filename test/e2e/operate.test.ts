/**
 * A run as it is operated, through the command line alone: changed while it goes on, paused by what fails for good, gone on with, done
 * again from the record of its changes, and rolled back to a branch. One home at work for all of it; `train` attaches.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Supervisor, startSupervisor } from '@evenkeel/infra';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeProcesses } from '../../packages/cli/src/train/home-processes.ts';
import { writeOwnVerifier } from '../support/own-verifier.ts';
import {
  endTrainProcesses,
  linesOf,
  smallRun,
  startEvenkeel,
  type TrainLine,
  type TrainProcess,
} from '../support/train-process.ts';

let folder = '';
let home = '';
let supervisor: Supervisor;
let settings = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-operate-'));
  home = join(folder, 'home');
  settings = join(folder, 'run.json');
  await writeFile(settings, JSON.stringify({ ...smallRun, steps: 60, evaluation: { every: 0, promptsPerTask: 4 } }));
  writeOwnVerifier(join(folder, 'sums'), { id: 'sums', version: '1.0.0' });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  supervisor = await startSupervisor({ home, processes: homeProcesses(home, { threads: 1 }), log });
});

afterAll(async () => {
  await endTrainProcesses();
  await supervisor?.stop();
  await rm(folder, { recursive: true, force: true });
});

function evenkeel(...args: string[]): TrainProcess {
  return startEvenkeel([...args, '--json', '--home', home]);
}

/** What a command that must succeed wrote. */
function lines(...args: string[]): Promise<readonly TrainLine[]> {
  return linesOf(evenkeel(...args));
}

/** Why a command that must fail did, and its exit status. */
async function refusal(...args: string[]): Promise<{ code: number | null; message: string }> {
  const process = evenkeel(...args);
  const { code } = await process.ended;
  return { code, message: process.errors.join('\n') };
}

describe('a run under way', () => {
  let paused = 0;
  let sha256 = '';

  test('pauses by itself where a step fails for good, says why, and goes on when that is mended', async () => {
    const train = evenkeel('train', settings, '--run', 'one');
    while (!train.lines.some(({ kind }) => kind === 'step')) await sleep(20);
    await lines('pause', 'one');
    while (!train.lines.some(({ phase }) => phase === 'paused')) await sleep(20);
    paused = Number(train.lines.findLast(({ kind }) => kind === 'phase')?.step);

    const [set] = await lines('set', 'one', 'learning-rate=1e30');
    const change = { kind: 'set', settings: { learningRate: 1e30 } };
    expect(set).toEqual({ kind: 'change', run: 'one', number: 2, step: paused, change });
    await lines('resume', 'one');
    expect((await train.ended).code).toBe(1);
    expect(train.lines.at(-2)).toMatchObject({ kind: 'paused', run: 'one', step: paused });
    expect(train.lines.at(-1)).toMatchObject({ kind: 'error', code: 'run-paused' });
    expect(train.errors.join('\n')).toMatch(
      /^Cannot go on with run "one": it is paused after step \d+: .*(not finite|NaN|infin).*--stop; or go back: evenkeel rollback one --to STEP$/m,
    );
    const [run] = await lines('runs');
    expect(run).toMatchObject({ run: 'one', state: 'paused', reason: { step: paused }, step: paused });
  });

  test('takes changes, or refuses them with the way out', async () => {
    const given = [
      lines('set', 'one', 'learning-rate=1e-4', 'lambda=0.4'),
      lines('task', 'add', 'one', join(folder, 'sums')),
      lines('task', 'retire', 'one', 'zebra'),
      lines('evaluate-now', 'one'),
      lines('stop', 'one', '--after', String(paused + 3)),
    ];
    const refused = [refusal('set', 'one', 'lambda=-1'), refusal('task', 'retire', 'one', 'nothing')];
    const answers = (await Promise.all(given)).flat();
    expect(answers.map(({ step }) => step)).toEqual(answers.map(() => paused));
    expect(new Set(answers.map(({ number }) => number)).size).toBe(5);
    const [lambda, unknown] = await Promise.all(refused);
    expect(lambda).toEqual({ code: 1, message: expect.stringContaining('λ is -1, expected 0 or more') });
    expect(unknown).toEqual({ code: 1, message: expect.stringContaining('it has no such task, expected one of') });

    const train = evenkeel('train', '--run', 'one');
    const result = await train.result();
    sha256 = result.policy.sha256;
    expect(result.step).toBe(paused + 3);
    expect(Object.keys(result.evaluation.trained).sort()).toEqual(['arc', 'countdown', 'sums@1.0.0']);
    const steps = train.lines.filter(({ kind }) => kind === 'step') as unknown as { tasks: { task: string }[] }[];
    expect(steps[0]?.tasks.map(({ task }) => task)).toEqual(['countdown', 'arc', 'sums@1.0.0']);
    const evaluated = train.lines.filter(({ kind }) => kind === 'evaluation').map(({ step }) => step);
    expect(evaluated).toEqual(expect.arrayContaining([0, paused + 3]));
  });

  test('ends with the same weights when its changes are given to another run, and to a branch of it', async () => {
    const to = String(paused + 1);
    const back = ['rollback', 'one', '--to', to, '--name', 'branch', '--set', `steps=${paused + 3}`];
    const [changes, rolledBack] = await Promise.all([lines('changes', 'one'), lines(...back)]);
    expect(rolledBack).toEqual([
      { kind: 'rollback', run: 'one', step: paused + 1, branch: 'branch', origin: 'finished' },
    ]);
    expect(changes.map(({ number }) => number)).toEqual(changes.map((_, place) => place + 1));
    const file = join(folder, 'changes.jsonl');
    await writeFile(file, changes.map((change) => `${JSON.stringify(change)}\n`).join(''));
    const again = evenkeel('train', settings, '--run', 'again', '--changes', file);
    const branch = evenkeel('train', '--run', 'branch');
    expect((await again.result()).policy.sha256).toBe(sha256);
    const result = await branch.result();
    expect(result.step).toBe(paused + 3);
    expect(branch.lines.filter(({ kind }) => kind === 'step').length).toBeLessThanOrEqual(2);
    expect(result.policy.sha256).toBe(sha256);
    expect(Object.keys(result.evaluation.base)).toContain('zebra');
    const shown = await lines('show', 'branch');
    expect(shown[0]).toMatchObject({ branch: { of: 'one', step: paused + 1 }, state: 'finished' });
    const evaluations = shown.filter(({ kind }) => kind === 'evaluation');
    expect(evaluations.map(({ step }) => step)).toEqual([0, paused, paused + 3]);
  });
});
