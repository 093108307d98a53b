/**
 * Tasks of one's own, as a user meets them: verifiers from outside the workspace with components and failing verdicts, two versions
 * side by side, and prompts of a file; on real sandboxes, with kills, and with code that changes under the run.
 */
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StepTable } from '@evenkeel/activities';
import { type BatchRow, decodeBatch, decodeVerdicts, openFolderStore, StoreError } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeOwnVerifier } from '../support/own-verifier.ts';
import {
  endTrainProcesses,
  linesOf,
  smallRun,
  startEvenkeel,
  type TrainLine,
  type TrainProcess,
} from '../support/train-process.ts';

/** Throws on some completions, and does not know what to say of others. */
const MOODY = `
    if (completion.length % 5 === 0) throw new Error('not this length');
    if (completion.length % 7 === 0) return { kind: 'abstained', reason: 'odd length' };`;

let folder = '';
let home = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-own-'));
  home = join(folder, 'home');
  writeOwnVerifier(join(folder, 'sums-1'), { id: 'sums', version: '1.0.0', first: MOODY });
  writeOwnVerifier(join(folder, 'sums-2'), { id: 'sums', version: '2.0.0', first: MOODY, wrong: 0.25 });
  writeOwnVerifier(join(folder, 'mute'), {
    id: 'mute',
    version: '1.0.0',
    first: `return { kind: 'abstained', reason: 'never sure' };`,
  });
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

async function configure(run: string): Promise<string> {
  const path = join(folder, `${run}.json`);
  const tasks = [join(folder, 'sums-1'), join(folder, 'sums-2'), join(folder, 'mute'), 'countdown=mine'];
  const method = { name: 'grpo', reward: { kind: 'weighted', weights: { verdict: 1, format: 0.2 } } };
  const settings = { steps: 3, promptsPerStep: 16, evaluation: { every: 0, promptsPerTask: 4 }, method, tasks };
  await writeFile(path, JSON.stringify({ ...smallRun, ...settings, run }));
  return path;
}

function evenkeel(...args: string[]): TrainProcess {
  return startEvenkeel([...args, '--json', '--home', home]);
}

/** What a command that must succeed wrote. */
function lines(...args: string[]): Promise<readonly TrainLine[]> {
  return linesOf(evenkeel(...args));
}

async function readSteps(run: string): Promise<StepTable[]> {
  const shown = await lines('show', run);
  return shown.filter(({ kind }) => kind === 'step') as unknown as StepTable[];
}

describe('tasks of one’s own', () => {
  let sha256 = '';

  test('train from folders and from a file of prompts, with components in the reward; what fails is replaced and counted', async () => {
    const rows = await lines('verifier', 'generate', 'countdown', '--count', '150');
    const prompts = join(folder, 'prompts.jsonl');
    await writeFile(prompts, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await lines('data', 'import', prompts, '--name', 'mine');

    const train = evenkeel('train', await configure('calm'));
    const result = await train.result();
    sha256 = result.policy.sha256;
    expect(result.step).toBe(3);
    const tasks = ['sums@1.0.0', 'sums@2.0.0', 'mute@1.0.0', 'countdown-mine'];
    expect(Object.keys(result.evaluation.trained)).toEqual(tasks);

    const steps = await readSteps('calm');
    const total = (task: string, field: 'failed' | 'replaced' | 'abstained' | 'drawn') =>
      steps.flatMap((step) => step.tasks).reduce((sum, row) => sum + (row.task === task ? (row[field] ?? 0) : 0), 0);
    for (const task of ['sums@1.0.0', 'sums@2.0.0']) {
      expect(total(task, 'replaced')).toBeGreaterThan(0);
      expect(total(task, 'failed')).toBeGreaterThanOrEqual(total(task, 'replaced'));
    }
    const reasons = steps.flatMap(({ tasks: all }) => all.flatMap(({ failures = {} }) => Object.keys(failures)));
    expect([...new Set(reasons)]).toEqual(['crash']);
    expect(total('mute@1.0.0', 'abstained')).toBe(4 * total('mute@1.0.0', 'drawn'));
    expect(total('countdown-mine', 'failed')).toBe(0);
    const mute = train.lines.filter(({ message }) => /gave no verdict on any rollout/.test(String(message)));
    expect(mute).toMatchObject([{ kind: 'log', level: 'warn', message: expect.stringContaining('"mute@1.0.0"') }]);

    const record = JSON.parse(await readFile(join(home, 'runs', 'calm', 'run.json'), 'utf8'));
    const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(record.config.inputs).toMatchObject({
      verifiers: {
        'sums@1.0.0': { version: '1.0.0', sha256: hash },
        'sums@2.0.0': { version: '2.0.0', sha256: hash },
        countdown: { sha256: hash },
      },
      prompts: { mine: { kind: 'prompt-set', sha256: hash } },
    });
    const store = await openFolderStore(join(home, 'store'));
    const commits = await store.listCommits('calm/step-000000');
    const refs = (kind: string) => commits.flatMap((commit) => commit.refs.filter((ref) => ref.kind === kind));
    const verdicts = (await Promise.all(refs('verdicts').map((ref) => store.get(ref)))).flatMap(decodeVerdicts);
    expect(verdicts.some(({ components }) => components !== null && 'brevity' in JSON.parse(components))).toBe(true);
    const update = await store.listCommits('calm/step-000001');
    expect(update.some(({ key }) => key.includes('/again-1/'))).toBe(true);
    await store.close();
    // In the form or better, with 0.2 for the form: 1 + 0.2, 0.1 + 0.2, and 0.25 + 0.2 of the other version's scale.
    const rewards = new Set((await batchRows(home)).map(({ reward }) => reward.toFixed(2)));
    for (const reward of ['1.20', '0.30', '0.45']) expect(rewards).toContain(reward);
  });

  test('go on under the code that they began with, or not at all, and come to the same weights after a kill', async () => {
    const path = await configure('changed');
    const first = evenkeel('train', path);
    while (!first.lines.some(({ kind }) => kind === 'step')) await sleep(20);
    first.child.kill('SIGKILL');
    await first.ended;

    writeOwnVerifier(join(folder, 'sums-1'), { id: 'sums', version: '1.0.0', first: `throw new Error('edited');` });
    const refused = evenkeel('train', path);
    expect((await refused.ended).code).toBe(1);
    expect(refused.lines.at(-1)).toMatchObject({
      ...{ kind: 'error', code: 'run-inputs-changed' },
      message: expect.stringMatching(
        /^Cannot go on with run "changed": verifier "sums@1\.0\.0" changed: it was version 1\.0\.0, sha256 [0-9a-f]{12}, and is version 1\.0\.0, sha256 [0-9a-f]{12}, expected .*: restore it; .*--keep-inputs; .*--run NAME$/,
      ),
    });

    const resumed = await evenkeel('train', path, '--keep-inputs').result();
    expect(resumed.step).toBe(3);
    expect(resumed.policy.sha256).toBe(sha256);
  });
});

/** The rows of every batch in a home's store. */
async function batchRows(of: string): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const path of glob(join(of, 'store', 'objects', '*', '*'))) {
    const bytes = await readFile(path);
    try {
      rows.push(...decodeBatch(bytes));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
  return rows;
}
