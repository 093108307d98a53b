/** The trainer as a run meets it: a real store, a real socket, a real thread, a small policy. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectives } from '@evenkeel/algorithms';
import { type ArtefactRef, keyedRandom } from '@evenkeel/core';
import { importModel, loadArchitecture, loadPolicy, PolicyEngine, putPolicy } from '@evenkeel/policy';
import { type UpdateJob, type UpdateResult, updateResultSchema, WorkerClient } from '@evenkeel/protocol';
import { type BatchRow, encodeBatch, openFolderStore, type Store } from '@evenkeel/store';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { writeTinyFolder } from '../../../test/golden/tiny-folder.ts';
import { startTrainerWorker } from './trainer-worker.ts';

const TOKEN = 'the-token-of-this-home';
const TASKS = ['countdown', 'zebra', 'arc'];

let folder = '';
let store: Store;
let base: ArtefactRef;
/** Three batches, each of the policy that the steps before it led to, and what a trainer that was never disturbed made of them. */
let batches: ArtefactRef[] = [];
let undisturbed: UpdateResult[] = [];
const cleanups: (() => Promise<void>)[] = [];

/** Rollouts of the policy: random tokens with its own log-probabilities, in two minibatches. */
async function batchRows(policy: ArtefactRef, step: number): Promise<BatchRow[]> {
  const { architecture, parameters } = await loadPolicy(store, policy);
  const engine = new PolicyEngine(architecture.config);
  engine.setParameters(parameters.views);
  const tokens = (length: number, ...place: number[]) => {
    const random = keyedRandom(step, 'test/tokens', ...place);
    return Int32Array.from({ length }, () => Math.floor(300 * random.uniform()));
  };
  const rows = TASKS.flatMap((task, k) =>
    [0, 1, 2, 3].map((g): Omit<BatchRow, 'logprobs'> => {
      const advantage = [1.5, -0.5, -0.5, -0.5][g]!;
      const [promptTokens, completion] = [tokens(5 + k, k, 0), tokens(3 + g, k, 1 + g)];
      return {
        task,
        group: `r0p${k}`,
        promptTokens,
        tokens: completion,
        advantage,
        reward: +(g === 0),
        minibatch: k % 2,
      };
    }),
  );
  const logprobs = await engine.score(
    rows.map(({ promptTokens, tokens: completion }) => ({
      tokens: Int32Array.from([...promptTokens, ...completion]),
      promptLength: promptTokens.length,
    })),
  );
  await engine.dispose();
  return rows.map((row, index) => ({ ...row, logprobs: logprobs[index]! }));
}

async function putBatch(rows: readonly BatchRow[]): Promise<ArtefactRef> {
  return await store.put('batch', encodeBatch(rows));
}

/** The redo log after so many steps. */
function redoOf(steps: number): UpdateJob['redo'] {
  return undisturbed.slice(0, steps).map(({ policy }, step) => ({ step, batch: batches[step]!, policy }));
}

/** The job of a step that no checkpoint precedes. */
function jobOf(step: number, changes: Partial<UpdateJob> = {}): UpdateJob {
  return {
    kind: 'update',
    run: 'test',
    step,
    policy: undisturbed[step - 1]?.policy ?? base,
    checkpoint: null,
    base,
    redo: redoOf(step),
    batch: batches[step]!,
    minibatches: 2,
    optimizer: { learningRate: 1e-3, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    objective: objectives['mt-grpo'],
    reference: null,
    improvement: true,
    checkpointAfter: false,
    ...changes,
  };
}

type Update = (
  job: UpdateJob,
  options?: { readonly key?: string; readonly signal?: AbortSignal; readonly onProgress?: () => void },
) => Promise<UpdateResult>;

let keys = 0;

/** A trainer without memory, and a way to call it; every call has a key of its own where none is given. */
async function startTrainer(threads = 1, memoryBytes?: number): Promise<Update & { close(): Promise<void> }> {
  const worker = await startTrainerWorker({
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    storeFolder: join(folder, 'store'),
    token: TOKEN,
    worker: 'trainer',
    threads,
  });
  const client = new WorkerClient();
  const close = async () => {
    await client.close();
    await worker.close();
  };
  cleanups.push(close);
  const update: Update = (job, { key = `test/job-${keys++}`, ...options } = {}) =>
    client.runJob({
      endpoint: async () => ({ url: worker.url, token: TOKEN }),
      role: 'trainer',
      key,
      attempt: 1,
      job: job.kind,
      payload: job,
      resultSchema: updateResultSchema,
      ...options,
    });
  return Object.assign(update, { close });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-trainer-'));
  await writeTinyFolder(join(folder, 'model'));
  store = await openFolderStore(join(folder, 'store'));
  base = await importModel(store, join(folder, 'model'));
  const update = await startTrainer();
  for (let step = 0; step < 3; step++) {
    batches = [...batches, await putBatch(await batchRows(undisturbed[step - 1]?.policy ?? base, step))];
    undisturbed = [...undisturbed, await update(jobOf(step))];
  }
  await closeAll();
});

async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

afterEach(closeAll);

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an update', () => {
  test('gives a policy that moved, is finite and is in the store', async () => {
    const hashes = [base, ...undisturbed.map(({ policy }) => policy)].map(({ sha256 }) => sha256);
    expect(new Set(hashes).size).toBe(4);
    const before = await loadPolicy(store, base);
    const after = await loadPolicy(store, undisturbed[0]!.policy);
    expect(after.parameters.flat.every(Number.isFinite)).toBe(true);
    expect(after.architecture.ref).toEqual(before.architecture.ref);
    const moved = after.parameters.flat.map((weight, index) => Math.abs(weight - before.parameters.flat[index]!));
    expect(Math.max(...moved)).toBeGreaterThan(1e-4);
    expect(Math.max(...moved)).toBeLessThan(3e-3);
  });

  test('tells what it did', async () => {
    const rows = await batchRows(base, 0);
    const { metrics, optimizer } = undisturbed[0]!;
    const completion = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const surprise = rows.reduce((sum, row) => sum - row.logprobs.reduce((total, value) => total + value, 0), 0);
    expect(metrics).toMatchObject({
      sequences: 12,
      redone: 0,
      trainedTokens: completion + rows.reduce((sum, row) => sum + row.promptTokens.length, 0),
    });
    expect(metrics.entropy).toBeCloseTo(surprise / completion, 6);
    expect(metrics.gradientNorm).toBeGreaterThan(0);
    expect(Number.isFinite(metrics.loss)).toBe(true);
    expect(optimizer).toBeNull();
  });

  test("has each task's objective before and after: the mean advantage per token, and more of it", async () => {
    const rows = await batchRows(base, 0);
    const { objectives: found } = undisturbed[0]!;
    expect(Object.keys(found).sort()).toEqual([...TASKS].sort());
    for (const task of TASKS) {
      const own = rows.filter((row) => row.task === task);
      const tokens = own.reduce((sum, row) => sum + row.tokens.length, 0);
      const gain = own.reduce((sum, row) => sum + row.advantage * row.tokens.length, 0);
      expect(found[task]!.before).toBeCloseTo(gain / tokens, 9);
      expect(found[task]!.after).toBeGreaterThan(found[task]!.before);
    }
  });

  test('has no objectives where nobody asks, and the same policy', async () => {
    const update = await startTrainer();
    const result = await update(jobOf(0, { improvement: false }));
    expect(result.objectives).toEqual({});
    expect(result.policy).toEqual(undisturbed[0]!.policy);
  });

  test('is done once under its key: whoever asks later gets the commit', async () => {
    const first = await startTrainer();
    const made = await first(jobOf(0), { key: 'once/step-000000/update' });
    await first.close();
    const second = await startTrainer();
    expect(await second(jobOf(0), { key: 'once/step-000000/update' })).toEqual(made);
    const events = (await store.readJournal()).filter(({ key }) => key === 'once/step-000000/update');
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'committed', 'found']);
    const commit = await store.lookup('once/step-000000/update');
    expect(commit?.refs).toEqual([made.policy]);
  });

  test('has the same bits with two threads as with one', async () => {
    const update = await startTrainer(2);
    expect((await update(jobOf(0))).policy).toEqual(undisturbed[0]!.policy);
  });

  test('goes over a minibatch without a row, and a batch without any leaves the policy as it is', async () => {
    const update = await startTrainer();
    const rows = await batchRows(base, 0);
    const spread = await putBatch(rows.map((row) => ({ ...row, minibatch: 2 * row.minibatch })));
    expect((await update(jobOf(0, { batch: spread, minibatches: 4 }))).policy).toEqual(undisturbed[0]!.policy);
    const empty = await update(jobOf(0, { batch: await putBatch([]) }));
    expect(empty.policy).toEqual(base);
    expect(empty.metrics).toMatchObject({ loss: 0, gradientNorm: 0, sequences: 0, trainedTokens: 0, entropy: 0 });
  });

  test('with a KL term holds the policy nearer to its reference', async () => {
    const update = await startTrainer();
    const distance = async (policy: ArtefactRef) => {
      const { architecture, parameters } = await loadPolicy(store, policy);
      const engine = new PolicyEngine(architecture.config);
      engine.setParameters(parameters.views);
      const rows = await batchRows(base, 1);
      const now = await engine.score(
        rows.map((row) => ({
          tokens: Int32Array.from([...row.promptTokens, ...row.tokens]),
          promptLength: row.promptTokens.length,
        })),
      );
      await engine.dispose();
      return now
        .flatMap((logprobs, index) => Array.from(logprobs, (value, t) => Math.abs(value - rows[index]!.logprobs[t]!)))
        .reduce((sum, value) => sum + value, 0);
    };
    const kl = { kind: 'k3', beta: { countdown: 5, zebra: 5, arc: 5 } } as const;
    const bound = { objective: { ...objectives['mt-grpo'], kl }, reference: base };
    const first = await update(jobOf(1, { ...bound, redo: [], policy: base }));
    const free = await update(jobOf(1, { redo: [], policy: base }));
    expect(await distance(first.policy)).toBeLessThan(await distance(free.policy));
  });
});

describe('a trainer without memory', () => {
  test('arrives at the recorded policy by the redo log, and goes on as the one with memory', async () => {
    const update = await startTrainer();
    const result = await update(jobOf(2));
    expect(result).toEqual({ ...undisturbed[2]!, metrics: { ...undisturbed[2]!.metrics, redone: 2 } });
  });

  test('arrives there by a checkpoint and what came after it', async () => {
    const first = await startTrainer();
    const kept = await first(jobOf(0, { checkpointAfter: true }));
    expect(kept).toEqual({ ...undisturbed[0]!, optimizer: kept.optimizer });
    const checkpoint = { step: 1, policy: kept.policy, optimizer: kept.optimizer! };
    const next = await first(jobOf(1, { checkpoint, redo: [] }));
    expect(next).toEqual(undisturbed[1]);
    await first.close();

    const second = await startTrainer();
    const result = await second(jobOf(2, { checkpoint, redo: redoOf(2).slice(1) }));
    expect(result).toEqual({ ...undisturbed[2]!, metrics: { ...undisturbed[2]!.metrics, redone: 1 } });
    await second.close();

    const third = await startTrainer();
    expect(await third(jobOf(1, { checkpoint, redo: [] }))).toEqual(undisturbed[1]);
  });

  test('refuses a redo log whose batch or policy is not the one that was trained on', async () => {
    const update = await startTrainer();
    const [first, second] = redoOf(2) as [UpdateJob['redo'][number], UpdateJob['redo'][number]];
    const falsified = [
      jobOf(2, { redo: [{ ...first, batch: batches[1]! }, second] }),
      jobOf(2, { redo: [{ ...first, policy: base }, second] }),
      jobOf(2, { redo: [first] }),
      jobOf(2, { policy: undisturbed[2]!.policy }),
    ];
    for (const job of falsified) {
      await expect(update(job)).rejects.toMatchObject({ code: 'redo-mismatch', retryable: false });
    }
    await expect(update(falsified[0]!, { key: 'falsified' })).rejects.toThrow(
      /^Cannot restore the trainer: step 0 done again gives policy [0-9a-f]{12}, expected [0-9a-f]{12} as recorded; code, runtime or machine are not those that the run was made with$/,
    );
    expect(await store.lookup('falsified')).toBeNull();
    expect((await update(jobOf(2))).policy).toEqual(undisturbed[2]!.policy);
  });

  test('refuses a checkpoint that is none', async () => {
    const update = await startTrainer();
    const checkpoint = { step: 1, policy: undisturbed[0]!.policy, optimizer: batches[0]! };
    await expect(update(jobOf(1, { checkpoint, redo: [] }))).rejects.toMatchObject({ code: 'optimizer-state-invalid' });
  });
});

describe('a trainer that several runs share', () => {
  test('redoes nothing while they take turns, and gives each the policies that it has alone', async () => {
    const update = await startTrainer();
    for (let step = 0; step < 3; step++) {
      for (const run of ['test', 'second', 'third'])
        expect(await update(jobOf(step, { run }))).toEqual(undisturbed[step]);
    }
  });

  test('lets the least recently trained one go where the memory is too small, and restores it by its redo log', async () => {
    const roomForTwo = 2 * 3 * base.bytes;
    const update = await startTrainer(1, roomForTwo);
    for (const run of ['first', 'second', 'third']) await update(jobOf(0, { run }));
    expect((await update(jobOf(1, { run: 'third' }))).metrics.redone).toBe(0);
    expect((await update(jobOf(1, { run: 'second' }))).metrics.redone).toBe(0);
    const back = await update(jobOf(1, { run: 'first' }));
    expect(back).toEqual({ ...undisturbed[1]!, metrics: { ...undisturbed[1]!.metrics, redone: 1 } });
  });
});

describe('a trainer whose settings were changed with the redo log open', () => {
  /** The third update under another learning rate and one minibatch less; what came before is stamped with what it had. */
  function changedJob(stamped: boolean): UpdateJob {
    const { minibatches, optimizer, objective } = jobOf(0);
    const settings = { minibatches, optimizer, objective };
    return jobOf(2, {
      optimizer: { ...optimizer, learningRate: 3e-3 },
      minibatches: 1,
      redo: redoOf(2).map((entry) => (stamped ? { ...entry, settings } : entry)),
    });
  }

  test('goes on from its memory, and one without memory arrives at the same', async () => {
    const warm = await startTrainer();
    for (let step = 0; step < 2; step++) await warm(jobOf(step));
    const kept = await warm(changedJob(true));
    expect(kept.metrics.redone).toBe(0);
    expect(kept.policy).not.toEqual(undisturbed[2]!.policy);

    const cold = await startTrainer();
    const restored = await cold(changedJob(true));
    expect(restored).toEqual({ ...kept, metrics: { ...kept.metrics, redone: 2 } });
    const next = {
      batch: batches[2]!,
      redo: [...changedJob(true).redo, { step: 2, batch: batches[2]!, policy: kept.policy }],
    };
    const third = { ...changedJob(true), ...next, step: 3, policy: kept.policy };
    expect((await cold(third)).policy).toEqual((await warm(third)).policy);
  });

  test('refuses to go on where the log does not say what it was made under', async () => {
    const cold = await startTrainer();
    await expect(cold(changedJob(false))).rejects.toMatchObject({ code: 'redo-mismatch' });
  });
});

describe('a trainer with the wrong memory', () => {
  test('whose update was made, but not committed, makes it again', async () => {
    const update = await startTrainer();
    await update(jobOf(0));
    await update(jobOf(1));
    const again = await update(jobOf(1));
    expect(again).toEqual({ ...undisturbed[1]!, metrics: { ...undisturbed[1]!.metrics, redone: 1 } });
    expect(await update(jobOf(2))).toEqual(undisturbed[2]);
  });

  test('does not take an optimizer that moved for one that did not, though the weights are equal', async () => {
    const still = await putBatch((await batchRows(base, 0)).map((row) => ({ ...row, advantage: 0 })));
    const optimizer = { ...jobOf(0).optimizer, weightDecay: 0 };
    const first = jobOf(0, { batch: still, optimizer });
    const redo = [{ step: 0, batch: still, policy: base }];
    const second = jobOf(1, { policy: base, redo, batch: batches[0]!, optimizer });
    const update = await startTrainer();
    expect((await update(first)).policy).toEqual(base);
    expect((await update(first)).policy).toEqual(base);
    const { policy } = await update(second);
    const fresh = await startTrainer();
    expect((await fresh(second)).policy).toEqual(policy);
  });

  test('of another run starts from that run', async () => {
    const update = await startTrainer();
    await update(jobOf(0));
    expect((await update(jobOf(1, { run: 'other' }))).metrics.redone).toBe(1);
  });

  test('that was cancelled half-way leaves no trace', async () => {
    const update = await startTrainer();
    await update(jobOf(0));
    const controller = new AbortController();
    const cancelled = update(jobOf(1), { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    expect((await update(jobOf(1))).policy).toEqual(undisturbed[1]!.policy);
  });
});

describe('a batch that cannot be learned from', () => {
  test('has no place in a table where an advantage is none', async () => {
    const rows = await batchRows(base, 0);
    expect(() => encodeBatch([{ ...rows[0]!, advantage: Number.NaN }])).toThrow(RangeError);
  });

  test('is refused where its loss is not finite; the policy before it stays', async () => {
    const update = await startTrainer();
    const rows = await batchRows(base, 0);
    const batch = await putBatch(rows.map((row) => ({ ...row, advantage: 1e300 })));
    await expect(update(jobOf(0, { batch }), { key: 'infinite' })).rejects.toMatchObject({
      code: 'loss-not-finite',
      message: expect.stringMatching(
        /^Cannot apply the update of step 1: the loss of minibatch 0 is (-?Infinity|NaN), expected a finite number; lower the learning rate, or go back to a step before it grew$/,
      ),
      retryable: false,
    });
    expect(await store.lookup('infinite')).toBeNull();
    expect((await update(jobOf(0))).policy).toEqual(undisturbed[0]!.policy);
  });

  test('is refused where a completion is empty, or longer than the model holds', async () => {
    const update = await startTrainer();
    const rows = await batchRows(base, 0);
    const none = { tokens: new Int32Array(0), logprobs: new Float32Array(0) };
    const empty = await putBatch(rows.map((row, place) => (place === 5 ? { ...row, ...none } : row)));
    await expect(update(jobOf(0, { batch: empty }))).rejects.toMatchObject({
      code: 'sequence-invalid',
      message:
        'Cannot apply the update of step 1: the completion of row 5 of the batch is empty, expected at least one token',
    });
    const much = { tokens: new Int32Array(500), logprobs: new Float32Array(500) };
    const long = await putBatch(rows.map((row, place) => (place === 5 ? { ...row, ...much } : row)));
    await expect(update(jobOf(0, { batch: long }))).rejects.toMatchObject({
      code: 'sequence-invalid',
      message: expect.stringMatching(/it has 506 tokens, expected 2 to \d+/),
    });
    expect((await update(jobOf(0))).policy).toEqual(undisturbed[0]!.policy);
  });

  test('is refused where the weights leave the numbers; under a lower learning rate it is learned from', async () => {
    const update = await startTrainer();
    const optimizer = { ...jobOf(0).optimizer, learningRate: 1e39 };
    await expect(update(jobOf(0, { optimizer, minibatches: 1 }))).rejects.toMatchObject({
      code: 'policy-not-finite',
      message: expect.stringMatching(
        /^Cannot keep the update of step 1: weight \d+ is (-?Infinity|NaN), expected finite numbers; lower the learning rate, or/,
      ),
    });
    expect((await update(jobOf(0))).policy).toEqual(undisturbed[0]!.policy);
  });

  test.each([true, false])(
    'is refused where the weights stay numbers, and what is computed from them does not (improvement: %s)',
    async (improvement) => {
      const update = await startTrainer();
      const optimizer = { ...jobOf(0).optimizer, learningRate: 1e30 };
      const job = jobOf(0, { optimizer, minibatches: 1, improvement });
      const kept = () => readdir(join(folder, 'store', 'objects'), { recursive: true });
      const before = await kept();
      await expect(update(job, { key: `wild-${improvement}` })).rejects.toMatchObject({
        code: 'policy-diverged',
        message: expect.stringMatching(
          /^Cannot keep the update of step 1: the policy that it leads to gives a token the log-probability (-?Infinity|NaN)/,
        ),
      });
      expect(await store.lookup(`wild-${improvement}`)).toBeNull();
      expect(await kept()).toEqual(before);
      expect((await update(jobOf(0))).policy).toEqual(undisturbed[0]!.policy);
    },
  );

  test('and a policy that is none are named', async () => {
    const update = await startTrainer();
    await expect(update(jobOf(0, { base: batches[0]!, policy: batches[0]! }))).rejects.toMatchObject({
      code: 'policy-invalid',
    });
    await expect(update(jobOf(0, { batch: base }))).rejects.toMatchObject({ code: 'table-invalid' });
    const { config, ref } = await loadArchitecture(store, base);
    const policy = await putPolicy(store, { config, ref }, new Float32Array(3));
    await expect(update(jobOf(0, { base: policy, policy }))).rejects.toMatchObject({ code: 'policy-invalid' });
  });
});
