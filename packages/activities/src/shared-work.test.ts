/** Step jobs of several runs over real sockets; the workers count what they are asked to do. */
import { rm } from 'node:fs/promises';
import type { ArtefactRef, Json } from '@evenkeel/core';
import {
  type RolloutJob,
  type RunFile,
  rolloutJobSchema,
  startWorkerServer,
  type VerifyJob,
  verifyJobSchema,
  type WorkerRole,
  type WorkerServerOptions,
} from '@evenkeel/protocol';
import { commitFiles, type FolderStore } from '@evenkeel/store';
import { afterEach, describe, expect, test } from 'vitest';
import type { ActivityContext } from './context.ts';
import { configOf, inActivity, openRunFixture, type RunFixture } from './fixtures.ts';
import { rollOut, verify } from './work.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const file: RunFile = { promptsPerStep: 8, groupSize: 2, method: 'grpo', tasks: ['countdown'] };

/** A home with workers of both kinds that write a line in place of the work, and say what they did. */
async function openHome(workers = 1) {
  const home = await openRunFixture(file);
  cleanups.push(home.close);
  const { token, workers: none, ...rest } = await home.context.endpoints();
  const done = { rollout: [] as RolloutJob[], verify: [] as VerifyJob[] };
  const urls: Record<WorkerRole, string[]> = { rollout: [], trainer: [], verifier: [] };
  const text = (what: string, of: unknown) => home.context.store.putJson(what, of);
  const start = async <J extends { readonly kind: string }>(
    role: WorkerRole,
    index: number,
    options: Pick<WorkerServerOptions<J>, 'jobSchema' | 'run'>,
  ) => {
    const server = await startWorkerServer<J>({
      ...{ token, role, worker: `${role}-${index}`, store: home.context.store },
      capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
      ...options,
    });
    cleanups.push(() => server.close());
    urls[role].push(server.url);
  };
  for (let index = 0; index < workers; index++) {
    await start<RolloutJob>('rollout', index, {
      jobSchema: rolloutJobSchema,
      run: async (job) => {
        done.rollout.push(job);
        const rollouts = await text('rollouts', job);
        const result = { rollouts: { ...rollouts }, sequences: 1, promptTokens: 1, completionTokens: 1 };
        return { result: result satisfies Json, refs: [rollouts] };
      },
    });
    await start<VerifyJob>('verifier', index, {
      jobSchema: verifyJobSchema,
      run: async (job) => {
        done.verify.push(job);
        const verdicts = await text('verdicts', job);
        return { result: { verdicts: { ...verdicts }, tasks: {} } satisfies Json, refs: [verdicts] };
      },
    });
  }
  const endpoints = { ...rest, token, workers: { ...none, ...urls } };
  const context: ActivityContext = { ...home.context, endpoints: async () => endpoints };
  return { home, context, done };
}

interface Asked {
  readonly run: string;
  readonly file?: RunFile;
  readonly step?: number;
  readonly purpose?: 'train' | 'evaluate';
}

/** A round of one shard, rolled out and verified as a run's workflow asks for it. */
async function round(
  context: ActivityContext,
  { state, configRef }: RunFixture,
  { run, file: own = {}, step = 0, purpose = 'train' }: Asked,
): Promise<ArtefactRef> {
  const config = await context.store.putJson('config', configOf({ ...file, run, ...own }));
  const prompts = configRef;
  const at = { run, config, step, round: 0, prompts, purpose };
  return await inActivity(async () => {
    const { rollouts } = await rollOut(context)({ ...at, shard: 0, policy: state.base, from: 0, to: 8 });
    return (await verify(context)({ ...at, rollouts: [rollouts] })).verdicts;
  });
}

describe('the work of a first step', () => {
  test('is done once for runs that ask for the same, whatever their methods, and each has commits of its own', async () => {
    const { home, context, done } = await openHome();
    const first = await round(context, home, { run: 'a' });
    for (const method of ['sec-grpo', 'dapo', 'mt-grpo']) {
      expect(await round(context, home, { run: `with-${method}`, file: { method } })).toEqual(first);
    }
    expect([done.rollout.length, done.verify.length]).toEqual([1, 1]);
    for (const run of ['a', 'with-sec-grpo', 'with-dapo', 'with-mt-grpo']) {
      const own = await context.store.listCommits(`${run}/`);
      expect(own.map(({ key }) => key.replace(/[0-9a-f]{64}$/, ''))).toEqual([
        `${run}/step-000000/train/round-0/shard-0/rollout/`,
        `${run}/step-000000/train/round-0/verify/`,
      ]);
      expect(own.flatMap(({ refs }) => refs.map(({ kind }) => kind))).toEqual(['rollouts', 'verdicts']);
    }
  });

  test('is the same evaluation whatever the seed, but another draw for training', async () => {
    const { home, context, done } = await openHome();
    for (const seed of [0, 1, 2]) await round(context, home, { run: `e${seed}`, file: { seed }, purpose: 'evaluate' });
    expect([done.rollout.length, done.verify.length]).toEqual([1, 1]);
    for (const seed of [0, 1, 2]) await round(context, home, { run: `t${seed}`, file: { seed } });
    expect(done.rollout.map(({ seed }) => seed)).toEqual([1, 0, 1, 2]);
  });

  test('is not shared with a run that samples otherwise, or computes otherwise, nor is the work of later steps', async () => {
    const { home, context, done } = await openHome();
    await round(context, home, { run: 'a' });
    await round(context, home, { run: 'longer', file: { sampling: { maxNewTokens: 17 } } });
    expect(done.rollout).toHaveLength(2);
    // Another number of threads may round otherwise.
    await round(context, home, { run: 'threads', file: { threads: 3 } });
    expect(done.rollout).toHaveLength(3);
    for (const run of ['a', 'b']) await round(context, home, { run, step: 1 });
    expect(done.rollout).toHaveLength(5);
    expect((await context.store.listCommits('shared/')).length).toBeLessThan(done.rollout.length + done.verify.length);
  });

  test('is done once where two runs ask two workers at the same moment', async () => {
    const { home, context, done } = await openHome(2);
    const both = await Promise.all(['a', 'b'].map((run) => round(context, home, { run })));
    expect(both[0]).toEqual(both[1]);
    expect([done.rollout.length, done.verify.length]).toEqual([1, 1]);
  });

  test('that was committed by an earlier release under the run’s own key alone is found', async () => {
    const { home, context, done } = await openHome();
    const before = await round(context, home, { run: 'a' });
    for await (const { path, commit } of commitFiles(home.context.store as FolderStore)) {
      if (commit?.key.startsWith('shared/') === true) await rm(path);
    }
    expect(await round(context, home, { run: 'a' })).toEqual(before);
    expect(done.rollout).toHaveLength(1);
    expect(await round(context, home, { run: 'b' })).toEqual(before);
    expect(done.rollout).toHaveLength(2);
  });
});
