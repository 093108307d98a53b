/** `evenkeel experiment` and `evenkeel simulate` as a user meets them, on a policy of next to nothing. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLiving } from '@evenkeel/infra';
import { openFolderStore, repeatedWork } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeStubRun } from '../support/stub-run.ts';
import { endTrainProcesses, homeProcesses, startEvenkeel, type TrainLine } from '../support/train-process.ts';

let folder = '';
let home = '';
/** What all runs have in common. */
let settings: Record<string, unknown> = {};
let file = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-experiment-'));
  home = join(folder, 'home');
  const run = await writeStubRun(join(folder, 'stub'), { evaluation: { every: 2, promptsPerTask: 6 } });
  settings = JSON.parse(await readFile(run, 'utf8'));
  file = join(folder, 'stub.json');
  const experiment = { name: 'stub', title: 'Two of two', methods: ['grpo', 'mt-grpo'], steps: 4, seeds: 2, settings };
  await writeFile(file, JSON.stringify(experiment));
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

const RUNS = [0, 1].flatMap((seed) => ['grpo', 'mt-grpo'].map((method) => `stub-${method}-s${seed}`));

function compare() {
  return startEvenkeel(['experiment', file, '--jobs', '2', '--threads', '1', '--yes', '--json', '--home', home]);
}

/** The runs that a command brought into a state. */
function runsIn(lines: readonly TrainLine[], state: string): unknown[] {
  return lines.filter((line) => line.kind === 'run' && line.state === state).map(({ run }) => run);
}

describe('evenkeel experiment', () => {
  test('killed in the middle it goes on with the same command, does nothing twice, and leaves a whole report', async () => {
    const first = compare();
    while (runsIn(first.lines, 'done').length === 0) await sleep(20);
    const processes = Object.values(homeProcesses(home));
    first.child.kill('SIGKILL');
    expect((await first.ended).signal).toBe('SIGKILL');
    expect(first.lines.find(({ kind }) => kind === 'plan')).toMatchObject({ runs: RUNS, left: 4, jobs: 2 });

    const second = compare();
    expect((await second.ended).code, second.errors.join('\n')).toBe(0);
    const done = runsIn(first.lines, 'done');
    expect(done.length).toBeLessThan(RUNS.length);
    expect(runsIn(second.lines, 'started')).not.toEqual(expect.arrayContaining(done));
    const result = second.lines.at(-1)!;
    expect(result).toMatchObject({ kind: 'result', failed: {}, summary: { preset: 'stub', missing: [], seeds: 2 } });
    const others = Object.values(homeProcesses(home));
    expect([...processes, ...others].filter(isLiving)).toEqual([]);

    const report = join(home, 'experiments', 'stub');
    const markdown = await readFile(join(report, 'report.md'), 'utf8');
    const html = await readFile(join(report, 'report.html'), 'utf8');
    for (const page of [markdown, html]) expect(page).toContain(`evenkeel experiment ${file}`);
    const pictures = [...markdown.matchAll(/figures\/([^)]+)\)/g)].map(([, name]) => name!);
    expect(pictures.length).toBeGreaterThan(10);
    expect((await readdir(join(report, 'figures'))).toSorted()).toEqual(pictures.toSorted());
    expect(JSON.parse(await readFile(join(report, 'summary.json'), 'utf8'))).toEqual(result.summary);
    const rows = async (name: string) => (await readFile(join(report, name), 'utf8')).trim().split('\n').slice(1);
    // Two tasks; MT-GRPO has four steps, GRPO, which draws a third in a step, twelve.
    expect(await rows('steps.csv')).toHaveLength(2 * 2 * (4 + 12));
    expect(await rows('evaluations.csv')).toHaveLength(2 * 2 * (3 + 7));
  });

  test('evaluated the base once for all runs, and repeated no work', async () => {
    const store = await openFolderStore(join(home, 'store'));
    const [journal, commits] = [await store.readJournal(), await store.listCommits()];
    await store.close();
    expect(repeatedWork(journal, commits)).toEqual([]);
    const shared = commits.filter(({ key }) => key.startsWith('shared/'));
    const evaluations = shared.filter(({ key }) => key.startsWith('shared/evaluate/'));
    expect(evaluations.map(({ key }) => key.split('/').at(-2))).toEqual(['rollout', 'verify']);
    for (const run of RUNS) {
      const own = commits.filter(({ key }) => key.startsWith(`${run}/step-000000/evaluate/`));
      expect(own.map(({ refs }) => refs)).toEqual(evaluations.map(({ refs }) => refs));
    }
    const draws = commits.filter(({ key }) => /^stub-.*\/step-000000\/train\/round-0\/.*\/rollout\//.test(key));
    expect(draws).toHaveLength(RUNS.length);
    expect(new Set(draws.map(({ refs }) => refs[0]!.sha256)).size).toBeGreaterThan(1);
  });

  test('its runs end with the weights that they have alone, in a home where nothing is shared', async () => {
    const alone = join(folder, 'alone.json');
    const name = 'stub-mt-grpo-s1';
    await writeFile(alone, JSON.stringify({ ...settings, run: name, seed: 1, steps: 4, method: 'mt-grpo' }));
    const train = startEvenkeel(['train', alone, '--yes', '--json', '--home', join(folder, 'other')]);
    const { policy } = await train.result();
    const ended = JSON.parse(await readFile(join(home, 'runs', name, 'result.json'), 'utf8')) as { sha256: string };
    expect(policy.sha256).toBe(ended.sha256);
  });

  test('run once more it only writes the report again; with a base that is not there it says how to make it', async () => {
    const again = compare();
    expect((await again.ended).code).toBe(0);
    expect(again.lines.map(({ kind }) => kind)).toEqual(['result']);

    const nine = startEvenkeel(['experiment', 'mt-grpo-2', '--json', '--home', home]);
    expect((await nine.ended).code).toBe(1);
    expect(nine.lines).toMatchObject([
      { kind: 'error', code: 'model-not-found', message: expect.stringContaining('evenkeel model make nine --home') },
    ]);
  });
});

describe('evenkeel simulate', () => {
  test('writes its report, the same each time but for what was measured', async () => {
    const simulate = async (name: string) => {
      const flags = ['--tasks', '3', '--cost-tasks', '3', '--seeds', '1', '--steps', '15'];
      const { ended, lines } = startEvenkeel(['simulate', ...flags, '--out', join(folder, name), '--json']);
      expect((await ended).code).toBe(0);
      expect(lines.at(-1)).toMatchObject({ kind: 'result', report: join(folder, name) });
      const text = await readFile(join(folder, name, 'report.md'), 'utf8');
      const pictures = [...text.matchAll(/figures\/([^)]+)\)/g)].map(([, picture]) => picture!);
      expect((await readdir(join(folder, name, 'figures'))).toSorted()).toEqual(pictures.toSorted());
      const files = ['arrivals.csv', 'unlearnable.csv', 'come-and-go.csv'];
      return await Promise.all(files.map((file) => readFile(join(folder, name, file), 'utf8')));
    };
    expect(await simulate('one')).toEqual(await simulate('two'));
  });
});
