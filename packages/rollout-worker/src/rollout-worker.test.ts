/** The rollout worker as a run meets it: a real store, a real socket, a real thread, a small policy. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtefactRef, keyedRandom } from '@evenkeel/core';
import {
  importModel,
  loadArchitecture,
  loadPolicy,
  PolicyEngine,
  putPolicy,
  type Tokenizer,
  userTurn,
} from '@evenkeel/policy';
import { type RolloutJob, type RolloutResult, rolloutResultSchema, WorkerClient } from '@evenkeel/protocol';
import {
  decodeRollouts,
  encodePrompts,
  openFolderStore,
  type PromptRow,
  type RolloutRow,
  type Store,
} from '@evenkeel/store';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { writeTinyFolder } from '../../../test/golden/tiny-folder.ts';
import { startRolloutWorker } from './rollout-worker.ts';

const TOKEN = 'the-token-of-this-home';
const PROMPTS = 24;

let folder = '';
let store: Store;
let policy: ArtefactRef;
let tokenizer: Tokenizer;
let prompts: ArtefactRef;
const cleanups: (() => Promise<void>)[] = [];

function promptRow(index: number, prompt: string): PromptRow {
  return {
    task: 'countdown',
    verifier: 'countdown',
    level: 'tiny',
    puzzle: `p${index}`,
    index,
    prompt,
    groundTruth: '{}',
  };
}

/** Prompts of several lengths. */
function promptText(index: number): string {
  const random = keyedRandom(index, 'test/prompt');
  const numbers = Array.from({ length: 2 + (index % 5) }, () => Math.floor(100 * random.uniform()));
  return `make ${index} from ${numbers.join(' ')} :`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-rollout-'));
  await writeTinyFolder(join(folder, 'model'));
  store = await openFolderStore(join(folder, 'store'));
  policy = await importModel(store, join(folder, 'model'));
  tokenizer = (await loadArchitecture(store, policy)).tokenizer;
  const rows = Array.from({ length: PROMPTS }, (_, index) => promptRow(index, promptText(index)));
  prompts = await store.put('prompts', encodePrompts(rows));
});

async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

afterEach(closeAll);

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function jobOf(changes: Partial<RolloutJob> = {}): RolloutJob {
  return {
    ...{ kind: 'rollout', policy, prompts, from: 0, to: PROMPTS, samplesPerPrompt: 4, maxNewTokens: 8 },
    ...{ temperature: 1, seed: 3, stream: 'rollout/0/0' },
    ...changes,
  };
}

type RollOut = (
  job: RolloutJob,
  options?: { readonly key?: string; readonly signal?: AbortSignal; readonly onProgress?: () => void },
) => Promise<RolloutResult>;

let keys = 0;

/** A fresh worker, and a way to call it; every call has a key of its own where none is given. */
async function startWorker(threads = 1): Promise<RollOut> {
  const worker = await startRolloutWorker({
    storeFolder: join(folder, 'store'),
    token: TOKEN,
    worker: 'rollout',
    threads,
  });
  const client = new WorkerClient();
  cleanups.push(async () => {
    await client.close();
    await worker.close();
  });
  return (job, { key = `test/job-${keys++}`, ...options } = {}) =>
    client.runJob({
      endpoint: async () => ({ url: worker.url, token: TOKEN }),
      role: 'rollout',
      key,
      attempt: 1,
      job: job.kind,
      payload: job,
      resultSchema: rolloutResultSchema,
      ...options,
    });
}

async function rowsOf({ rollouts }: RolloutResult): Promise<RolloutRow[]> {
  return decodeRollouts(await store.get(rollouts));
}

/** What was sampled, without the last bits of how probable it was. */
function sampled(rows: readonly RolloutRow[]) {
  return rows.map(({ logprobs: _logprobs, ...row }) => row);
}

describe('a rollout job', () => {
  test('gives one row per completion, by prompt, then by sample, and counts what it made', async () => {
    const rollOut = await startWorker();
    const result = await rollOut(jobOf({ from: 5, to: 9 }));
    const rows = await rowsOf(result);
    expect(rows.map(({ prompt, sample }) => [prompt, sample])).toEqual(
      [5, 6, 7, 8].flatMap((prompt) => [0, 1, 2, 3].map((sample) => [prompt, sample])),
    );
    const promptTokens = [5, 6, 7, 8].reduce((sum, index) => sum + tokenizer.encode(promptText(index)).length, 0);
    const completionTokens = rows.reduce((sum, { tokens }) => sum + tokens.length, 0);
    expect(result).toMatchObject({ sequences: 16, promptTokens, completionTokens });
  });

  test('asks in the policy’s chat template where the job says that a task’s prompts are turns', async () => {
    const rollOut = await startWorker();
    const { chatTemplate } = await loadArchitecture(store, policy);
    const asked = (turns: readonly string[]) => rollOut(jobOf({ from: 0, to: 1, maxNewTokens: 2, turns: [...turns] }));
    const { promptTokens } = await asked(['countdown']);
    expect(promptTokens).toBe(tokenizer.encode(userTurn(chatTemplate, promptText(0))).length);
    expect((await asked(['another'])).promptTokens).toBe(tokenizer.encode(promptText(0)).length);
    expect(promptTokens).toBeGreaterThan(tokenizer.encode(promptText(0)).length);
  });

  test('says of each completion its text, how it ended, and how probable each token was', async () => {
    const rollOut = await startWorker();
    const rows = await rowsOf(await rollOut(jobOf()));
    const { architecture, parameters } = await loadPolicy(store, policy);
    const engine = new PolicyEngine(architecture.config);
    engine.setParameters(parameters.views);
    const sequences = rows.map(({ prompt, tokens }) => {
      const head = tokenizer.encode(promptText(prompt));
      return { tokens: Int32Array.from([...head, ...tokens]), promptLength: head.length };
    });
    const scored = await engine.score(sequences);
    await engine.dispose();
    const stops = architecture.tokens.eosTokenIds;
    for (const [index, { tokens, logprobs, text, finish }] of rows.entries()) {
      expect(text).toBe(tokenizer.decode(tokens, { skipSpecial: true }));
      expect(tokens.length).toBeGreaterThan(0);
      expect(finish).toBe(stops.includes(tokens.at(-1)!) ? 'stop' : 'length');
      expect(tokens.length === 8 || finish === 'stop').toBe(true);
      for (const [token, logprob] of logprobs.entries()) expect(logprob).toBeCloseTo(scored[index]![token]!, 4);
    }
  });

  test('gives the same artefact in a fresh worker, after other work, and with two threads', async () => {
    const first = await startWorker();
    const { rollouts } = await first(jobOf());
    const second = await startWorker();
    await second(jobOf({ from: 3, to: 7, seed: 9, samplesPerPrompt: 2 }));
    expect((await second(jobOf())).rollouts).toEqual(rollouts);
    const third = await startWorker(2);
    expect((await third(jobOf())).rollouts).toEqual(rollouts);
  });

  test('gives others for another seed, another stream, and other weights', async () => {
    const rollOut = await startWorker();
    const { architecture, parameters } = await loadPolicy(store, policy);
    const other = await putPolicy(
      store,
      architecture,
      parameters.flat.map((weight) => 1.01 * weight),
    );
    const jobs = [jobOf(), jobOf({ seed: 4 }), jobOf({ stream: 'rollout/0/1' }), jobOf({ policy: other }), jobOf()];
    const hashes: string[] = [];
    for (const job of jobs) hashes.push((await rollOut(job)).rollouts.sha256);
    expect(new Set(hashes).size).toBe(4);
    expect(hashes.at(-1)).toBe(hashes[0]);
  });

  test('gives the same completions cut into other shards; the log-probabilities agree but for their last bits', async () => {
    const rollOut = await startWorker();
    const whole = await rowsOf(await rollOut(jobOf()));
    const parts: RolloutRow[] = [];
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, 24],
    ] as const)
      parts.push(...(await rowsOf(await rollOut(jobOf({ from, to })))));
    expect(sampled(parts)).toEqual(sampled(whole));
    for (const [index, { logprobs }] of parts.entries()) {
      for (const [token, logprob] of logprobs.entries()) expect(logprob).toBeCloseTo(whole[index]!.logprobs[token]!, 4);
    }
  });

  test('gives a prompt the same first samples, however many are asked for', async () => {
    const rollOut = await startWorker();
    const many = await rowsOf(await rollOut(jobOf({ from: 2, to: 4, samplesPerPrompt: 6 })));
    const few = await rowsOf(await rollOut(jobOf({ from: 2, to: 4, samplesPerPrompt: 2 })));
    expect(sampled(few)).toEqual(sampled(many.filter(({ sample }) => sample < 2)));
  });

  test('takes the most probable tokens at temperature 0, whatever the seed', async () => {
    const rollOut = await startWorker();
    const greedy = jobOf({ temperature: 0, samplesPerPrompt: 2, from: 0, to: 3 });
    const rows = await rowsOf(await rollOut(greedy));
    expect(sampled(rows.filter(({ sample }) => sample === 1)).map(({ tokens }) => tokens)).toEqual(
      rows.filter(({ sample }) => sample === 0).map(({ tokens }) => tokens),
    );
    expect((await rollOut({ ...greedy, seed: 99 })).rollouts).toEqual((await rollOut(greedy)).rollouts);
  });
});

describe('a worker', () => {
  test('does a job once under its key, and names the rollouts in its commit', async () => {
    const first = await startWorker();
    const made = await first(jobOf(), { key: 'once/step-000000/rollout' });
    const second = await startWorker();
    expect(await second(jobOf(), { key: 'once/step-000000/rollout' })).toEqual(made);
    const events = (await store.readJournal()).filter(({ key }) => key === 'once/step-000000/rollout');
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'committed', 'found']);
    expect((await store.lookup('once/step-000000/rollout'))?.refs).toEqual([made.rollouts]);
  });

  test('stops a cancelled job half-way, commits nothing, and does the same job again as if nothing had been', async () => {
    const rollOut = await startWorker();
    const { rollouts } = await rollOut(jobOf());
    const controller = new AbortController();
    const key = 'cancelled/step-000000/rollout';
    const long = jobOf({ samplesPerPrompt: 64, maxNewTokens: 60 });
    const cancelled = rollOut(long, { key, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    expect((await rollOut(jobOf())).rollouts).toEqual(rollouts);
    expect(await store.lookup(key)).toBeNull();
  });

  test('names a shard that the prompts do not have, a prompt that the model cannot hold, and a policy that is none', async () => {
    const rollOut = await startWorker();
    await expect(rollOut(jobOf({ to: PROMPTS + 1 }))).rejects.toMatchObject({
      code: 'job-invalid',
      retryable: false,
      message: 'Cannot roll out prompts 0 to 24: the table has 24, expected a shard of it',
    });
    await expect(rollOut(jobOf({ from: 3, to: 3 }))).rejects.toMatchObject({ code: 'job-invalid' });
    const long = await store.put('prompts', encodePrompts([promptRow(0, 'make 7 '.repeat(100))]));
    await expect(rollOut(jobOf({ prompts: long, to: 1 }))).rejects.toMatchObject({
      code: 'sequence-invalid',
      retryable: false,
      message: expect.stringMatching(
        /^Cannot roll out prompt 0 of task "countdown": it has \d+ tokens, expected 1 to \d+ for the model's context of \d+; retire the task/,
      ),
    });
    await expect(rollOut(jobOf({ policy: prompts }))).rejects.toMatchObject({ code: 'policy-invalid' });
    await expect(rollOut(jobOf({ prompts: policy }))).rejects.toMatchObject({ code: 'table-invalid' });
    expect((await rollOut(jobOf({ from: 0, to: 1 }))).sequences).toBe(4);
  });

  test('names a policy that gives no probabilities any more, and commits nothing of it', async () => {
    const rollOut = await startWorker();
    const { architecture, parameters } = await loadPolicy(store, policy);
    parameters.get('model.norm.weight').fill(3e38);
    const wild = await putPolicy(store, architecture, parameters.flat);
    await expect(rollOut(jobOf({ policy: wild }), { key: 'wild' })).rejects.toMatchObject({
      code: 'policy-diverged',
      retryable: false,
    });
    expect(await store.lookup('wild')).toBeNull();
  });
});
