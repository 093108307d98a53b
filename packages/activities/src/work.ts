/** The activities that hand a job to a worker: the key names the job's inputs, so that a retry finds what is committed. */
import { hashOf } from '@evenkeel/core';
import type { JobResults, RolloutJob, RunConfig, UpdateJob, VerifyJob } from '@evenkeel/protocol';
import { loadRun } from './algorithm-state.ts';
import type { ActivityContext } from './context.ts';
import { modelWish } from './model-family.ts';
import { runSharedJob } from './shared-work.ts';
import { tasksInTurns } from './tasks-in-turns.ts';
import type { RolloutActivities, TrainActivities, VerifyActivities } from './types.ts';
import { runWorkerJob, type WorkerJob } from './worker-job.ts';

function stepName(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

/** What a replacement's keys and draws have beside those of the round in which it replaces. */
function again(replaces: number | undefined): string {
  return replaces === undefined ? '' : `/again-${replaces}`;
}

/** How much an engine does at once, as far as the configuration says it. */
function engineOf({ tokensPerRun, decodeBatch }: RunConfig): Pick<RolloutJob, 'tokensPerRun' | 'decodeBatch'> {
  return {
    ...(tokensPerRun === undefined ? {} : { tokensPerRun }),
    ...(decodeBatch === undefined ? {} : { decodeBatch }),
  };
}

/** A job of one of a run's steps. That of the first step is done once for all runs that ask for the same. */
async function runStepJob<K extends 'rollout' | 'verify'>(
  context: ActivityContext,
  { run, step, place }: { readonly run: string; readonly step: number; readonly place: string },
  work: Omit<WorkerJob<K>, 'key'>,
): Promise<JobResults[K]> {
  const keyed: WorkerJob<K> = { ...work, key: `${run}/${stepName(step)}/${place}/${hashOf(work.job)}` };
  return step === 0 ? await runSharedJob(context, keyed, place) : await runWorkerJob(context, keyed);
}

export function rollOut(context: ActivityContext): RolloutActivities['rollOut'] {
  return async ({ run, config: configRef, step, round, replaces, shard, policy, prompts, from, to, purpose }) => {
    const { config } = await loadRun(context, configRef);
    const training = purpose === 'train';
    const samples = replaces === undefined ? config.groupSize : 1;
    const turns = tasksInTurns(config);
    const job: RolloutJob = {
      kind: 'rollout',
      policy,
      prompts,
      from,
      to,
      ...(turns.length === 0 ? {} : { turns }),
      samplesPerPrompt: training ? samples : config.evaluation.samplesPerPrompt,
      maxNewTokens: config.sampling.maxNewTokens,
      temperature: training ? config.sampling.temperature : config.evaluation.temperature,
      seed: training ? config.seed : config.evaluation.seed,
      stream: training ? `rollout/${step}/${round}${again(replaces)}` : 'evaluate',
      ...engineOf(config),
    };
    const place = `${purpose}/round-${round}${again(replaces)}/shard-${shard}/rollout`;
    return await runStepJob(
      context,
      { run, step, place },
      {
        role: 'rollout',
        job,
        ordinal: shard,
        wish: await modelWish(context, config, policy),
      },
    );
  };
}

export function verify(context: ActivityContext): VerifyActivities['verify'] {
  return async ({ run, config: configRef, step, round, replaces, purpose, prompts, rollouts }) => {
    const { config } = await loadRun(context, configRef);
    const inputs = Object.entries(config.inputs.verifiers);
    const scripts = Object.fromEntries(inputs.map(([verifier, { sha256 }]) => [verifier, sha256]));
    const job: VerifyJob = { kind: 'verify', prompts, rollouts: [...rollouts], scripts };
    const place = `${purpose}/round-${round}${again(replaces)}/verify`;
    return await runStepJob(context, { run, step, place }, { role: 'verifier', job });
  };
}

export function update(context: ActivityContext): TrainActivities['update'] {
  return async ({ run, config: configRef, state, batch }) => {
    const { config, method } = await loadRun(context, configRef);
    const step = state.step;
    const job: UpdateJob = {
      kind: 'update',
      run,
      step,
      policy: state.policy,
      checkpoint: state.checkpoint,
      base: state.base,
      redo: [...state.redo],
      batch,
      minibatches: config.minibatches,
      optimizer: config.optimizer,
      objective: method.objective,
      ...(config.lora === undefined ? {} : { lora: { ...config.lora, seed: config.seed } }),
      reference: method.objective.kl.kind === 'none' ? null : state.base,
      improvement: method.weighter.needsObjectives,
      checkpointAfter: (step + 1) % config.checkpointEvery === 0,
      ...(config.tokensPerRun === undefined ? {} : { tokensPerRun: config.tokensPerRun }),
    };
    const key = `${run}/${stepName(step)}/update/${hashOf(job)}`;
    const wish = await modelWish(context, config, state.base);
    return await runWorkerJob(context, { role: 'trainer', key, job, affinity: run, wish });
  };
}
