import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evaluation, type StepTable, writeRunRecord } from '@evenkeel/activities';
import { resolveRunConfig } from '@evenkeel/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimRun } from '../train/run-record.ts';
import { invoke } from './invoke.fixtures.ts';
import { runsCommand } from './runs.ts';
import { showCommand } from './show.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-show-'));
const verifiers = ['countdown', 'arc'].map((id) => ({ id, levels: ['tiny', 'easy'] }));
const policy = { kind: 'policy', sha256: 'ab'.repeat(32), bytes: 10 };

function table(step: number): StepTable {
  const row = { reward: 0.4, drawn: 32, kept: 30, trained: 28, improvement: 0.01 };
  return {
    step,
    tasks: [
      { task: 'countdown', weight: 0.6, filterRate: 0.1, accuracy: 0.3 + step / 100, ...row },
      { task: 'arc-easy', weight: 0.4, filterRate: 0.25, accuracy: 0, ...row, drawn: 0, improvement: null },
    ],
    worst: { task: 'countdown', accuracy: 0.3 + step / 100 },
    mean: 0.3 + step / 100,
    rounds: 1,
    sequences: 512,
    completionTokens: 4100,
    trainedTokens: 3900,
    shortfall: 0,
    loss: -0.0123,
    gradientNorm: 0.5,
    clipFraction: 0.01,
    entropy: 0.9,
  };
}

/** Some rollouts of one task without a verdict, all of the other's. */
function silentTable(step: number): StepTable {
  const [countdown, arc] = table(step).tasks;
  return {
    ...table(step),
    tasks: [
      { ...countdown!, failed: 3, replaced: 2, abstained: 1, failures: { crash: 2, timeout: 1 }, retried: 1 },
      { ...arc!, drawn: 8, kept: 0, trained: 0, reward: 0, failed: 64, replaced: 32, silent: true },
    ],
  };
}

function evaluation(step: number, correct: number): Evaluation {
  const tasks = ['countdown', 'arc-easy'].map((task) => ({ task, correct, formatted: 190, total: 200 }));
  return { step, policy, tasks, worst: { task: 'countdown', accuracy: correct / 200 }, mean: correct / 200 };
}

beforeAll(async () => {
  const tasks = ['countdown', 'arc:easy'];
  const inputs = { model: null, verifiers: { countdown: { version: '1.2.0', sha256: 'ef'.repeat(32) } } };
  const mine = resolveRunConfig({ run: 'mine', tasks, steps: 2, seed: 7 }, verifiers, inputs);
  await claimRun(home, mine, '2026-11-21T10:00:00.000Z');
  await writeRunRecord(home, 'mine', 'steps/000001.json', table(1));
  await writeRunRecord(home, 'mine', 'steps/000002.json', table(2));
  await writeRunRecord(home, 'mine', 'evaluations/000000.json', evaluation(0, 60));
  await writeRunRecord(home, 'mine', 'evaluations/000002.json', evaluation(2, 110));
  await writeRunRecord(home, 'mine', 'result.json', { step: 2, sha256: 'cd'.repeat(32), path: 'policy', policy });
  const silent = resolveRunConfig({ run: 'silent', tasks, steps: 2 }, verifiers);
  await claimRun(home, silent, '2026-11-21T08:00:00.000Z');
  await writeRunRecord(home, 'silent', 'steps/000001.json', silentTable(1));
  await writeRunRecord(home, 'silent', 'steps/000002.json', silentTable(2));
  const evaluated = evaluation(0, 60);
  const some = evaluated.tasks.map((row) => ({ ...row, total: 190, failed: 10 }));
  await writeRunRecord(home, 'silent', 'evaluations/000000.json', { ...evaluated, tasks: some });
  const other = resolveRunConfig({ run: 'other', tasks, method: 'grpo', steps: 30 }, verifiers);
  await claimRun(home, other, '2026-11-21T09:00:00.000Z');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('runs', () => {
  test('lists each run, the oldest first, with its state and its last evaluation', async () => {
    const { lines } = await invoke(runsCommand, home);
    expect(lines).toEqual([
      'run     method   seed  state     step   worst  task       average  begun',
      'silent  mt-grpo     0  left       2/2  30.0 %  countdown   30.0 %  2026-11-21 08:00',
      'other   grpo        0  left      0/30       –                   –  2026-11-21 09:00',
      'mine    mt-grpo     7  finished   2/2  55.0 %  countdown   55.0 %  2026-11-21 10:00',
    ]);
  });

  test('with --json writes a line per run', async () => {
    const { json, lines } = await invoke(runsCommand, home, '--json');
    expect(lines).toEqual([]);
    expect(json.slice(1)).toMatchObject([
      { kind: 'run', run: 'other', method: 'grpo', state: 'left', step: 0, worst: null, mean: null, sha256: null },
      { kind: 'run', run: 'mine', seed: 7, state: 'finished', step: 2, steps: 2, mean: 0.55, sha256: 'cd'.repeat(32) },
    ]);
  });

  test('of a home without runs it says how to begin one', async () => {
    const { lines, notes, status } = await invoke(runsCommand, join(home, 'nowhere'));
    expect({ lines, status }).toEqual({ lines: [], status: 0 });
    expect(notes.join()).toContain('npm start');
  });
});

describe('show', () => {
  test('shows configuration, steps, evaluations, and base against trained', async () => {
    const { lines } = await invoke(showCommand, home, 'mine');
    const text = lines.join('\n');
    expect(text).toMatch(/^method +mt-grpo: iwu, rp-sampler, strict filter, grpo advantage, λ 0\.2$/m);
    expect(text).toMatch(/^tasks +countdown \(tiny, compact\), arc-easy \(easy, chat\)$/m);
    expect(text).toMatch(/^verifier countdown +version 1\.2\.0, sha256 (ef){32}$/m);
    expect(text).toMatch(/^weights +sha256 (cd){32}$/m);
    expect(text).toMatch(/^ +2 +32\.0 % {2,}– +32\.0 % +32\.0 % +0\.60 0\.40 +1 +-0\.0123 +0\.900$/m);
    expect(text).toMatch(/^countdown +30\.0 % +24\.1–36\.7 +55\.0 % +48\.1–61\.7 +\+25\.0 +\+15\.4 to \+34\.0$/m);
  });

  test('with --step shows one step in detail', async () => {
    const { lines } = await invoke(showCommand, home, 'mine', '--step', '2');
    expect(lines[0]).toBe('step 2');
    expect(lines[3]).toBe('countdown    32.0 %   0.400     0.600       0.100     32    30       28      0.01000');
    expect(lines[4]).toBe('arc-easy          –       –     0.400       0.250      0    30       28            –');
    const { json } = await invoke(showCommand, home, 'mine', '--step', '2', '--json');
    expect(json).toEqual([{ kind: 'step', run: 'mine', ...table(2) }]);
  });

  test('counts what got no verdict by itself: it is no zero', async () => {
    const { lines } = await invoke(showCommand, home, 'silent');
    expect(lines).toContain(
      'verdicts: countdown 6 failed (crash 4, timeout 2; 4 replaced), 2 abstained, 2 scored only when asked again',
    );
    expect(lines).toContain('verdicts: arc-easy 128 failed (64 replaced); no verdict at all in 2 of 2 steps');
    expect(lines).toContain('verdicts in evaluations: countdown 10 failed');
    const step = await invoke(showCommand, home, 'silent', '--step', '1');
    expect(step.lines[4]).toMatch(/^arc-easy +– +– /);
    expect(step.lines).toContain('verdicts: arc-easy 64 failed (32 replaced)');
    const { json } = await invoke(showCommand, home, 'silent', '--step', '1', '--json');
    expect(json).toEqual([{ kind: 'step', run: 'silent', ...silentTable(1) }]);
  });

  test('with --json writes the run, its steps, its evaluations and its end, a line each', async () => {
    const { json } = await invoke(showCommand, home, 'mine', '--json');
    expect(json.map(({ kind }) => kind)).toEqual(['run', 'step', 'step', 'evaluation', 'evaluation', 'end']);
  });

  test('a run or a step that is not there is refused with what is', async () => {
    await expect(invoke(showCommand, home, 'third')).rejects.toThrow(/expected one of mine, other, silent/);
    await expect(invoke(showCommand, home, 'mine', '--step', '9')).rejects.toThrow(
      'Cannot show step 9 of "mine": it is not finished, expected one of 1 to 2',
    );
    await expect(invoke(showCommand, home, 'mine', '--step', 'two')).rejects.toThrow(
      'Cannot read --step: it is "two", expected a whole number of at least 1',
    );
  });
});
