/**
 * A run and the engine it computes under, with real processes: its weights are those of the bare loop, which knows nothing of Temporal,
 * sockets, stores or sandboxes; and where the engine is another one than it began under, it is refused, or accepted and recorded.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { engineRevision } from '@evenkeel/policy';
import { parseRunConfig } from '@evenkeel/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareRun } from '../bench/bare-run.ts';
import { shippedVerifiers } from '../support/shipped-verifiers.ts';
import { endTrainProcesses, smallRun, startEvenkeel, type TrainProcess } from '../support/train-process.ts';

const modelFolder = fileURLToPath(new URL('../../packages/policy/models/tiny', import.meta.url));
let folder = '';
let home = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-engine-'));
  home = join(folder, 'home');
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

async function train(...flags: string[]): Promise<TrainProcess> {
  const path = join(folder, 'run.json');
  // Each step ends with a checkpoint: no update is ever to be done again.
  await writeFile(path, JSON.stringify({ ...smallRun, steps: 3, checkpointEvery: 1, run: 'carried' }));
  return startEvenkeel(['train', path, '--json', '--home', home, ...flags]);
}

async function record(): Promise<{ config: unknown; engine: Record<string, unknown>; engineBefore?: unknown }> {
  return JSON.parse(await readFile(join(home, 'runs', 'carried', 'run.json'), 'utf8'));
}

/** Stops the run after its first step. */
async function runFirstStep(): Promise<void> {
  const first = await train();
  while (!first.lines.some(({ kind }) => kind === 'step')) await sleep(20);
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
}

test('a run that goes on under another engine is refused, or records the change; its weights are those of a bare loop', async () => {
  await runFirstStep();
  const begun = await record();
  expect(begun.engine).toMatchObject({
    revision: engineRevision,
    onnxruntime: expect.any(String),
    threads: smallRun.threads,
  });
  const elsewhere = { ...begun, engine: { ...begun.engine, onnxruntime: '0.0.1' } };
  await writeFile(join(home, 'runs', 'carried', 'run.json'), JSON.stringify(elsewhere));

  const refused = await train();
  expect((await refused.ended).code).toBe(1);
  expect(refused.lines.at(-1)).toMatchObject({ kind: 'error', code: 'engine-differs' });

  const accepted = await train('--accept-engine');
  const { policy } = await accepted.result();
  expect(accepted.lines.find(({ kind }) => kind === 'log')).toMatchObject({
    message: expect.stringMatching(/goes on under another engine \(onnxruntime 0\.0\.1 → .*recorded as a change$/),
  });
  const { config, engine, engineBefore } = await record();
  expect(engine).toEqual(begun.engine);
  expect(engineBefore).toBeUndefined();
  const changes = join(home, 'runs', 'carried', 'changes');
  const recorded = await Promise.all((await readdir(changes)).map((name) => readFile(join(changes, name), 'utf8')));
  expect(recorded.map((text) => JSON.parse(text).change)).toContainEqual({
    ...{ kind: 'engine', from: expect.stringContaining('onnxruntime 0.0.1') },
    to: expect.stringContaining(`onnxruntime ${engine.onnxruntime}`),
  });

  const bare = await bareRun({
    ...{ config: parseRunConfig(config), modelFolder, verifiers: shippedVerifiers, evaluates: false },
  });
  expect(policy.sha256).toBe(bare.sha256);
});
