/**
 * What a run cannot learn from, through the command line alone: a policy that an update drives out of the numbers, prompts that outgrow the
 * model, weights and tokenizers that are damaged. The step is refused, the run waits with the reason, the last good policy stays; and it is
 * looked at, exported, mended and gone on with.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Supervisor, startSupervisor } from '@evenkeel/infra';
import { loadModelDirectory, policyHash, saveModelDirectory } from '@evenkeel/policy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeProcesses } from '../../packages/cli/src/train/home-processes.ts';
import { writeStubRun } from '../support/stub-run.ts';
import {
  endTrainProcesses,
  linesOf,
  startEvenkeel,
  type TrainLine,
  type TrainProcess,
} from '../support/train-process.ts';

let folder = '';
let home = '';
let supervisor: Supervisor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-bad-input-'));
  home = join(folder, 'home');
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

/** Where a run that must pause by itself did, and why. */
async function pausedAt(train: TrainProcess): Promise<{ step: number; reason: { code: string; message: string } }> {
  const { code } = await train.ended;
  const paused = train.lines.findLast(({ kind }) => kind === 'paused');
  if (paused === undefined) throw new Error(`No pause; exit ${code}: ${train.errors.join('\n')}`);
  return paused as unknown as Awaited<ReturnType<typeof pausedAt>>;
}

async function stub(name: string, settings: Readonly<Record<string, unknown>>): Promise<string> {
  const evaluation = { every: 0, promptsPerTask: 4 };
  return await writeStubRun(join(folder, name), { run: name, evaluation, minibatches: 1, ...settings });
}

describe('a policy that an update drives out of the numbers', () => {
  test('is not kept: the run waits with the reason, and the policy before the update is there to be looked at', async () => {
    const config = await stub('wild', { steps: 3, optimizer: { learningRate: 1e30 } });
    const { step, reason } = await pausedAt(evenkeel('train', config));
    expect({ step, code: reason.code }).toEqual({ step: 0, code: 'policy-diverged' });
    expect(reason.message).toMatch(
      /^Cannot keep the update of step 1: the policy that it leads to gives a token the log-probability .*; lower the learning rate/,
    );
    const records = join(home, 'runs', 'wild');
    expect(await readdir(join(records, 'states'))).toEqual(['000000.json']);
    expect(await readdir(records)).not.toContain('steps');
    const [run] = await lines('show', 'wild');
    expect(run).toMatchObject({ state: 'paused', reason: { code: 'policy-diverged', step: 0 } });

    const out = join(folder, 'base');
    const [exported] = await lines('model', 'export', 'wild', '--out', out);
    const base = await loadModelDirectory(join(folder, 'wild', 'model'));
    expect(exported).toMatchObject({ run: 'wild', step: 0, sha256: policyHash(base.parameters.flat, base.config) });
  });

  test('is trained under a lower learning rate, exported, and scored as the run itself is', async () => {
    const result = await evenkeel('train', '--run', 'wild', '--set', 'learning-rate=1e-5').result();
    expect(result.step).toBe(3);
    const out = join(folder, 'trained');
    const [exported] = await lines('model', 'export', 'wild', '--out', out);
    const [info] = await lines('model', 'info', out);
    expect([exported?.sha256, info?.sha256]).toEqual([result.policy.sha256, result.policy.sha256]);
    expect(await readFile(join(out, 'README.md'), 'utf8')).toContain('- after step 0: set learning-rate 0.00001');

    const rows = join(folder, 'rows.jsonl');
    await writeFile(rows, '{"prompt":"make 6 from 4 5 5 :","completion":"5 + 5 - 4"}\n');
    const scored = await Promise.all([out, 'wild', 'wild@3', 'wild@0'].map((model) => lines('score', model, rows)));
    const [ofFolder, ofRun, ofStep, ofBase] = scored.map(([row]) => row?.logprobs);
    expect(ofFolder).toHaveLength(5);
    expect([ofRun, ofStep]).toEqual([ofFolder, ofFolder]);
    expect(ofBase).not.toEqual(ofFolder);
  });
});

test('prompts that outgrow the model pause the run, which names the task and goes on without it', async () => {
  const config = await stub('long', { steps: 4 });
  const verifier = join(folder, 'long', 'odd', 'index.js');
  const text = await readFile(verifier, 'utf8');
  const grown = text
    .replace('data: { numbers, target }', "data: { numbers, target, many: index > 9 && split === 'train' }")
    .replace("=> 'make '", "=> (data.many ? '7 '.repeat(60) : '') + 'make '");
  await writeFile(verifier, grown);
  const { step, reason } = await pausedAt(evenkeel('train', config));
  expect(reason.code).toBe('sequence-invalid');
  expect(reason.message).toMatch(
    /^Cannot roll out prompt \d+ of task "odd@1\.0\.0": it has 67 tokens, expected 1 to 31/,
  );
  const [retired] = await lines('task', 'retire', 'long', 'odd@1.0.0');
  expect(retired).toMatchObject({ kind: 'change', step });
  expect((await evenkeel('train', '--run', 'long').result()).step).toBe(4);
});

test('a damaged base is refused by the name of its part, before there is a run', async () => {
  const config = await stub('damaged', { steps: 1 });
  const sound = join(folder, 'damaged', 'model');
  const refusal = async (spoil: (copy: string) => Promise<void>) => {
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(sound, copy, { recursive: true });
    await spoil(copy);
    const train = evenkeel('train', config, '--model', copy);
    expect((await train.ended).code).toBe(1);
    return train.lines.at(-1) as unknown as { code: string; message: string };
  };
  const [weights, vocabulary] = await Promise.all([
    refusal(async (copy) => {
      const model = await loadModelDirectory(copy);
      model.parameters.get('model.norm.weight')[3] = Number.NaN;
      await saveModelDirectory(copy, model, { replace: true });
    }),
    refusal(async (copy) => {
      const path = join(copy, 'tokenizer.json');
      const tokenizer = JSON.parse(await readFile(path, 'utf8'));
      tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id: 448, content: '<|more|>' });
      await writeFile(path, JSON.stringify(tokenizer));
    }),
  ]);
  expect(weights.code).toBe('weights-invalid');
  expect(weights.message).toContain('tensor model.norm.weight holds NaN at element 3, expected finite numbers');
  expect(vocabulary.code).toBe('vocabulary-mismatch');
  expect(vocabulary.message).toContain('tokenizer.json has ids up to 448, expected less than vocab_size 448');
  expect(await readdir(join(home, 'runs'))).not.toContain('damaged');
});
