/** LoRA in the trainer as a run meets it: a real store, a real socket, a real thread. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectives } from '@evenkeel/algorithms';
import { type ArtefactRef, keyedRandom } from '@evenkeel/core';
import { importModel, loadAdapter, loadPolicy, loraTargets, PolicyEngine } from '@evenkeel/policy';
import { loraSchema, type UpdateJob, type UpdateResult, updateResultSchema, WorkerClient } from '@evenkeel/protocol';
import { type BatchRow, encodeBatch, openFolderStore, type Store } from '@evenkeel/store';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { writeTinyFolder } from '../../../test/golden/tiny-folder.ts';
import { startTrainerWorker } from './trainer-worker.ts';

const TOKEN = 'the-token-of-this-home';
const lora = { rank: 4, alpha: 8, targets: ['q_proj' as const, 'down_proj' as const], seed: 5 };

let folder = '';
let store: Store;
let base: ArtefactRef;
const batches: ArtefactRef[] = [];
let undisturbed: UpdateResult[] = [];
const cleanups: (() => Promise<void>)[] = [];

/** Random tokens with the log-probabilities that the base gives them. */
async function batchRows(step: number): Promise<BatchRow[]> {
  const tokens = (length: number, ...place: number[]) => {
    const random = keyedRandom(step, 'test/tokens', ...place);
    return Int32Array.from({ length }, () => random.integer(300));
  };
  const rows = [0, 1, 2, 3].map((g) => ({
    ...{ task: 'arc', group: 'r0p0', reward: +(g === 0), minibatch: g % 2, advantage: [1.5, -0.5, -0.5, -0.5][g]! },
    ...{ promptTokens: tokens(5, 0), tokens: tokens(3 + g, 1 + g) },
  }));
  const { architecture, parameters } = await loadPolicy(store, base);
  const engine = new PolicyEngine(architecture.config);
  engine.setParameters(parameters.views);
  const logprobs = await engine.score(
    rows.map((row) => ({ tokens: Int32Array.from([...row.promptTokens, ...row.tokens]), promptLength: 5 })),
  );
  await engine.dispose();
  return rows.map((row, index) => ({ ...row, logprobs: logprobs[index]! }));
}

function jobOf(step: number, changes: Partial<UpdateJob> = {}): UpdateJob {
  return {
    ...{
      kind: 'update',
      run: 'test',
      step,
      policy: undisturbed[step - 1]?.policy ?? base,
      checkpoint: null,
      base,
      lora,
    },
    redo: undisturbed.slice(0, step).map(({ policy }, at) => ({ step: at, batch: batches[at]!, policy })),
    ...{ batch: batches[step]!, minibatches: 2, objective: objectives['mt-grpo'], reference: null },
    optimizer: { learningRate: 1e-3, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    ...{ improvement: true, checkpointAfter: false },
    ...changes,
  };
}

let keys = 0;

/** A trainer without memory, and a way to call it. */
async function startTrainer(): Promise<(job: UpdateJob) => Promise<UpdateResult>> {
  const storeFolder = join(folder, 'store');
  const worker = await startTrainerWorker({ storeFolder, token: TOKEN, worker: 'trainer', threads: 1 });
  const client = new WorkerClient();
  cleanups.push(async () => {
    await client.close();
    await worker.close();
  });
  return (job) =>
    client.runJob({
      endpoint: async () => ({ url: worker.url, token: TOKEN }),
      ...{ role: 'trainer', key: `test/job-${keys++}`, attempt: 1, job: job.kind, payload: job },
      resultSchema: updateResultSchema,
    });
}

async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-trainer-lora-'));
  await writeTinyFolder(join(folder, 'model'));
  store = await openFolderStore(join(folder, 'store'));
  base = await importModel(store, join(folder, 'model'));
  for (let step = 0; step < 3; step++) batches.push(await store.put('batch', encodeBatch(await batchRows(step))));
  const update = await startTrainer();
  for (let step = 0; step < 3; step++) undisturbed = [...undisturbed, await update(jobOf(step))];
  await closeAll();
});
afterEach(closeAll);
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test('an update with LoRA publishes adapters beside the base, which stays as it was', async () => {
  const whole = await loadPolicy(store, base);
  const hashes = [base, ...undisturbed.map(({ policy }) => policy)].map(({ sha256 }) => sha256);
  expect(new Set(hashes).size).toBe(4);
  for (const { policy, metrics } of undisturbed) {
    const { base: named, parameters, adapter } = await loadAdapter(store, policy);
    expect(named).toEqual(base);
    expect(parameters.flat).toEqual(whole.parameters.flat);
    expect(adapter.lora).toEqual({ rank: 4, alpha: 8, targets: ['q_proj', 'down_proj'] });
    expect(policy.bytes).toBeLessThan(base.bytes);
    expect(metrics.gradientNorm).toBeGreaterThan(0);
  }
  const merged = await loadPolicy(store, undisturbed[2]!.policy);
  const moved = [...merged.parameters.views].filter(([name, view]) =>
    view.some((value, index) => value !== whole.parameters.get(name)[index]),
  );
  expect(moved.length).toBeGreaterThan(0);
  for (const [name] of moved) expect(name).toMatch(/(q_proj|down_proj)\.weight$/);
});

test('an update with LoRA raises the objective of what it was made of', () => {
  const { before, after } = undisturbed[0]!.objectives.arc!;
  expect(after).toBeGreaterThan(before);
});

test('a trainer without memory arrives at the same adapters by the redo log, and by a checkpoint', async () => {
  const byRedo = await (await startTrainer())(jobOf(2));
  expect(byRedo).toEqual({ ...undisturbed[2]!, metrics: { ...undisturbed[2]!.metrics, redone: 2 } });
  await closeAll();
  const kept = await (await startTrainer())(jobOf(1, { checkpointAfter: true }));
  expect(kept.policy).toEqual(undisturbed[1]!.policy);
  // Both moments of the adapters, and not of the base.
  const { adapter } = await loadAdapter(store, kept.policy);
  expect(kept.optimizer!.bytes).toBe(16 + 8 * adapter.parameters.flat.length);
  await closeAll();
  const checkpoint = { step: 2, policy: kept.policy, optimizer: kept.optimizer! };
  const byCheckpoint = await (await startTrainer())(jobOf(2, { checkpoint, redo: [] }));
  expect(byCheckpoint).toEqual(undisturbed[2]!);
  const other = jobOf(2, { run: 'other', checkpoint, redo: [], lora: { ...lora, alpha: 9 } });
  await expect((await startTrainer())(other)).rejects.toThrow(
    'Cannot restore the trainer: its checkpoint has other adapters, expected those of the run',
  );
});

test('adapters of another seed are other ones; the reference of a KL term may be the base in memory or in the store', async () => {
  const update = await startTrainer();
  const seeded = await update(jobOf(0, { run: 'seeded', lora: { ...lora, seed: 6 } }));
  expect(seeded.policy).not.toEqual(undisturbed[0]!.policy);
  const kl = { kind: 'k3', beta: { arc: 5 } } as const;
  const bound = { objective: { ...objectives['mt-grpo'], kl }, run: 'bound', reference: base };
  const near = await update(jobOf(1, { ...bound, redo: [], policy: base }));
  const far = await update(
    jobOf(1, { ...bound, run: 'far', redo: [], policy: base, reference: undisturbed[2]!.policy }),
  );
  expect(near.policy).not.toEqual(far.policy);
});

test('the projections that a job may name are those that the policy knows', () => {
  expect(loraSchema.shape.targets.element.options).toEqual([...loraTargets]);
});
