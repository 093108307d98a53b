/** `evenkeel train` as a user meets it: real processes, a real Temporal server, the shipped policy, a few small steps. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadModelDirectory, policyHash } from '@evenkeel/policy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endTrainProcesses,
  homeProcessIds,
  isAlive,
  smallRun,
  startEvenkeel,
  type TrainResult,
} from '../support/train-process.ts';

let folder = '';
let home = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-e2e-'));
  home = join(folder, 'home');
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

async function configure(run: string, settings: object): Promise<string> {
  const path = join(folder, `${run}.json`);
  await writeFile(path, JSON.stringify({ ...smallRun, steps: 3, run, ...settings }));
  return path;
}

async function trainRun(run: string, settings: object = {}): Promise<TrainResult> {
  return await startEvenkeel(['train', await configure(run, settings), '--json', '--home', home]).result();
}

describe('evenkeel train', () => {
  test('gives the same weights for the same configuration, others for another seed', async () => {
    const one = await trainRun('one');
    const same = await trainRun('same');
    const other = await trainRun('other', { seed: 1 });
    expect(one.policy.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(same.policy.sha256).toBe(one.policy.sha256);
    expect(same.evaluation).toEqual(one.evaluation);
    expect(other.policy.sha256).not.toBe(one.policy.sha256);
    expect(other.evaluation.base).toEqual(one.evaluation.base);

    const { parameters, config } = await loadModelDirectory(one.policy.path);
    expect(policyHash(parameters.flat, config)).toBe(one.policy.sha256);
    expect(await readdir(join(home, 'runs', 'one', 'steps'))).toEqual(['000001.json', '000002.json', '000003.json']);
    const step = JSON.parse(await readFile(join(home, 'runs', 'one', 'steps', '000003.json'), 'utf8'));
    expect(step.tasks.map(({ task }: { task: string }) => task)).toEqual(['countdown', 'zebra', 'arc']);
  });

  test('tells a finished run again without working, and refuses its name to another configuration', async () => {
    const again = startEvenkeel(['train', await configure('one', {}), '--json', '--home', home]);
    expect((await again.result()).run).toBe('one');
    expect(again.lines.some(({ kind }) => kind === 'step')).toBe(false);

    const changed = startEvenkeel(['train', await configure('one', { seed: 5 }), '--json', '--home', home]);
    expect((await changed.ended).code).toBe(1);
    expect(changed.lines.at(-1)).toMatchObject({ kind: 'error', code: 'run-differs' });
    expect(changed.errors.join('\n')).toContain('seed 0 → 5');
  });

  test('tells what it waits for, and goes on when that is mended', async () => {
    const inTheWay = join(home, 'runs', 'blocked', 'policy');
    await mkdir(dirname(inTheWay), { recursive: true });
    await writeFile(inTheWay, 'a file where the trained policy belongs');
    const train = startEvenkeel(['train', await configure('blocked', { steps: 1 }), '--json', '--home', home]);
    while (!train.lines.some(({ kind }) => kind === 'retry')) await sleep(20);
    expect(train.lines.find(({ kind }) => kind === 'retry')).toMatchObject({
      activity: 'closeRun',
      message: expect.stringMatching(
        /^Cannot save model in .*policy: ENOTDIR.*, expected a folder .* that can be written/,
      ),
    });
    await rm(inTheWay);
    expect((await train.result()).step).toBe(1);
  });

  test('pauses at Ctrl-C, stops its processes, and goes on with the same command; a second command attaches', async () => {
    const config = await configure('paused', { steps: 5 });
    const first = startEvenkeel(['train', config, '--json', '--home', home]);
    while (!first.lines.some(({ kind }) => kind === 'step')) await sleep(20);
    const processes = Object.values(homeProcessIds(home));
    expect(processes.filter(isAlive)).toHaveLength(5);

    const attached = startEvenkeel(['train', config, '--json', '--home', home]);
    while (!attached.lines.some(({ kind }) => kind === 'phase')) await sleep(20);
    expect(attached.lines[0]).toMatchObject({ kind: 'log', message: expect.stringContaining('attaching') });
    attached.child.kill('SIGINT');
    expect((await attached.ended).code).toBe(130);

    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
    expect(processes.filter(isAlive)).toEqual([]);

    const resumed = startEvenkeel(['train', config, '--json', '--home', home]);
    expect((await resumed.result()).step).toBe(5);
    expect(resumed.lines.filter(({ kind }) => kind === 'step').length).toBeLessThan(5);
  });
});
