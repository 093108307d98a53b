/** A run for the tests: a real store in a folder of its own, a resolved configuration, and rounds made of rewards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildMethod } from '@evenkeel/algorithms';
import { type ArtefactRef, canonicalJson, silentLogger } from '@evenkeel/core';
import { importModel } from '@evenkeel/policy';
import { type Endpoints, type RunConfig, type RunFile, resolveRunConfig, WorkerClient } from '@evenkeel/protocol';
import {
  encodePrompts,
  encodeRollouts,
  encodeVerdicts,
  openFolderStore,
  type PromptRow,
  type RolloutRow,
  type VerdictRow,
} from '@evenkeel/store';
import { asyncLocalStorage, Context, type Info } from '@temporalio/activity';
import { writeTinyFolder } from '../../../test/golden/tiny-folder.ts';
import { type AlgorithmState, initialAlgorithmState } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import type { FinishedRound, RoundPlan, RunState } from './types.ts';

const verifiers = [
  ...['countdown', 'zebra', 'arc'].map((id) => ({ id, levels: ['tiny', 'easy'] })),
  { id: 'words', levels: ['tiny'], components: ['format', 'length'] },
];

/** What the verifier said of a rollout: its reward, with components or without; nothing; or how it failed. */
export type FixtureVerdict =
  | number
  | null
  | 'failed'
  | 'ground-truth'
  | { readonly reward: number; readonly components: Readonly<Record<string, number>> };

/** The rewards of one group's rollouts. */
export interface GroupRewards {
  readonly task: string;
  readonly rewards: readonly FixtureVerdict[];
}

function verdictOf(said: FixtureVerdict): Omit<VerdictRow, 'prompt' | 'sample'> {
  const none = { reward: null, correct: false, formatted: false, answer: null, components: null };
  if (said === null) return { kind: 'abstained', ...none, reason: 'unsure' };
  if (typeof said === 'string') return { kind: 'failed', ...none, reason: said === 'failed' ? 'crash' : said };
  const { reward, components } = typeof said === 'number' ? { reward: said, components: null } : said;
  const scored = { ...none, reward, correct: reward === 1, formatted: reward > 0, reason: '' };
  return { kind: 'scored', ...scored, components: components === null ? null : canonicalJson(components) };
}

export interface RunFixture {
  readonly home: string;
  readonly context: ActivityContext;
  readonly config: RunConfig;
  readonly configRef: ArtefactRef;
  readonly algorithm: AlgorithmState;
  readonly state: RunState;
  /** A round as the workers leave it: tables in the store, rollouts cut into two shards. */
  finishedRound(round: number, groups: readonly GroupRewards[]): Promise<FinishedRound>;
  /** A planned replacement as the workers leave it: one verdict for each rollout that it samples. */
  finishedReplacement(plan: RoundPlan, said: readonly FixtureVerdict[]): Promise<FinishedRound>;
  close(): Promise<void>;
}

export function configOf(file: RunFile): RunConfig {
  return resolveRunConfig(file, verifiers);
}

export async function openRunFixture(file: RunFile): Promise<RunFixture> {
  const home = await mkdtemp(join(tmpdir(), 'evenkeel-activities-'));
  const store = await openFolderStore(join(home, 'store'));
  const client = new WorkerClient();
  const endpoints: Endpoints = {
    version: 1,
    supervisor: { pid: process.pid, startedAt: '2026-01-01T00:00:00Z' },
    token: 'the-token-of-this-home',
    temporal: null,
    workers: { rollout: [], trainer: [], verifier: [] },
  };
  const config = configOf(file);
  await writeTinyFolder(join(home, 'model'));
  const base = await importModel(store, join(home, 'model'));
  const algorithm = initialAlgorithmState(config);
  return {
    home,
    context: { home, store, client, endpoints: async () => endpoints, logger: silentLogger },
    config,
    configRef: await store.putJson('config', config),
    algorithm,
    state: {
      ...{ step: 0, base, policy: base, checkpoint: null, redo: [] },
      algorithm: await store.putJson('algorithm-state', algorithm),
    },
    async finishedRound(round, groups) {
      const prompts = groups.map(
        ({ task }, index): PromptRow => ({
          ...{ task, verifier: task, level: 'tiny', index, groundTruth: '{}' },
          puzzle: `${task}-${round}-${index}`,
          prompt: `make ${index} from ${round} 3 :`,
        }),
      );
      const rollouts = groups.flatMap(({ rewards }, prompt) =>
        rewards.map(
          (_, sample): RolloutRow => ({
            ...{ prompt, sample, text: '', finish: 'stop' as const },
            tokens: Int32Array.from({ length: 1 + sample }, () => 7),
            logprobs: new Float32Array(1 + sample).fill(-1),
          }),
        ),
      );
      const verdicts = groups.flatMap(({ rewards }, prompt) =>
        rewards.map((said, sample): VerdictRow => ({ prompt, sample, ...verdictOf(said) })),
      );
      const half = Math.ceil(groups.length / 2);
      const shard = (belongs: (row: RolloutRow) => boolean) =>
        store.put('rollouts', encodeRollouts(rollouts.filter(belongs)));
      const counts: Record<string, number> = {};
      for (const { task } of groups) counts[task] = (counts[task] ?? 0) + 1;
      return {
        plan: {
          ...{ round, counts },
          prompts: await store.put('prompts', encodePrompts(prompts)),
          shards: [
            { from: 0, to: half },
            { from: half, to: groups.length },
          ],
        },
        rollouts: [await shard(({ prompt }) => prompt < half), await shard(({ prompt }) => prompt >= half)],
        verdicts: await store.put('verdicts', encodeVerdicts(verdicts)),
      };
    },
    async finishedReplacement(plan, said) {
      const rollouts = said.map(
        (_, prompt): RolloutRow => ({
          ...{ prompt, sample: 0, text: '', finish: 'stop' as const },
          tokens: Int32Array.from({ length: 40 + prompt }, () => 9),
          logprobs: new Float32Array(40 + prompt).fill(-2),
        }),
      );
      const verdicts = said.map((one, prompt): VerdictRow => ({ prompt, sample: 0, ...verdictOf(one) }));
      return {
        plan,
        rollouts: [await store.put('rollouts', encodeRollouts(rollouts))],
        verdicts: await store.put('verdicts', encodeVerdicts(verdicts)),
      };
    },
    async close() {
      await client.close();
      await store.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** The reward combiner of a run's method. */
export function rewardOf(config: RunConfig) {
  return buildMethod(config.method).reward;
}

/** Runs in an activity's context, as the Temporal worker would. */
export async function inActivity<T>(
  run: () => Promise<T>,
  { attempt = 1, signal = new AbortController().signal, onHeartbeat = (_details: unknown) => {} } = {},
): Promise<T> {
  const never = new Promise<never>(() => {});
  const unused = undefined as never;
  const log = { ...silentLogger, trace() {}, log() {} };
  const context = new Context({ attempt } as Info, never, signal, onHeartbeat, undefined, log, unused, unused);
  return await asyncLocalStorage.run(context, run);
}
