/** The rollout worker's heavy thread: holds the policies of its runs and their sessions, samples, and writes the `rollouts` table. */
import { workerData } from 'node:worker_threads';
import { type ArtefactRef, keyedRandom } from '@evenkeel/core';
import {
  EnginePool,
  type LoadedPolicy,
  loadPolicy,
  type ModelConfig,
  PolicyError,
  RecentlyUsed,
  userTurn,
} from '@evenkeel/policy';
import {
  type PolicyThreadData,
  type PolicyThreadJob,
  ProtocolError,
  type RolloutJob,
  type RolloutResult,
  serveJobs,
} from '@evenkeel/protocol';
import { decodePrompts, encodeRollouts, openFolderStore, type PromptRow, type RolloutRow } from '@evenkeel/store';

const { storeFolder, memoryBytes, device } = workerData as PolicyThreadData;
const store = await openFolderStore(storeFolder);

/** Policies that are kept in memory: the runs that share this worker each have one at a time. */
const POLICIES = 4;
const policies = new RecentlyUsed<LoadedPolicy>({
  maxCount: POLICIES,
  maxBytes: memoryBytes,
  bytesOf: ({ parameters }) => parameters.flat.byteLength,
});
/** Of the job under way. */
let alive = () => {};
const engines = new EnginePool({ device, onWork: () => alive() });

async function policyOf(ref: ArtefactRef): Promise<LoadedPolicy> {
  const found = policies.get(ref.sha256);
  if (found !== undefined) return found;
  policies.makeRoom(ref.bytes);
  const loaded = await loadPolicy(store, ref);
  alive();
  policies.put(ref.sha256, loaded);
  return loaded;
}

async function ready({ policy, tokensPerRun, decodeBatch }: RolloutJob, threads: number) {
  const { architecture, parameters } = await policyOf(policy);
  const engine = await engines.engineFor(architecture, { threads, tokensPerRun, decodeBatch });
  engine.setParameters(parameters.views);
  const { tokenizer, chatTemplate, tokens } = architecture;
  return { engine, tokenizer, chatTemplate, stopTokens: tokens.eosTokenIds };
}

async function shardOf({ prompts, from, to }: RolloutJob): Promise<PromptRow[]> {
  const rows = decodePrompts(await store.get(prompts));
  if (from < to && to <= rows.length) return rows.slice(from, to);
  throw new ProtocolError(
    `Cannot roll out prompts ${from} to ${to - 1}: the table has ${rows.length}, expected a shard of it`,
    { code: 'job-invalid' },
  );
}

/** @throws {PolicyError} `sequence-invalid`, naming the task: the run waits until somebody retires it */
function expectRoom(
  rows: readonly PromptRow[],
  prompts: readonly Int32Array[],
  { max_position_embeddings }: ModelConfig,
) {
  const place = prompts.findIndex(({ length }) => length === 0 || length >= max_position_embeddings);
  if (place < 0) return;
  const { task, index } = rows[place]!;
  throw new PolicyError(
    `Cannot roll out prompt ${index} of task "${task}": it has ${prompts[place]!.length} tokens, expected 1 to ${max_position_embeddings - 1} for the model's context of ${max_position_embeddings}; retire the task, or choose another level of it`,
    { code: 'sequence-invalid' },
  );
}

serveJobs<PolicyThreadJob<RolloutJob>, RolloutResult>(async ({ job, threads }, { onProgress, signal, ...context }) => {
  alive = context.alive;
  const { engine: policy, tokenizer, chatTemplate, stopTokens } = await ready(job, threads);
  const rows = await shardOf(job);
  const turns = new Set(job.turns);
  const prompts = rows.map(({ task, prompt }) =>
    tokenizer.encodePrompt(turns.has(task) ? userTurn(chatTemplate, prompt) : prompt),
  );
  expectRoom(rows, prompts, policy.config);
  const samples = await policy.generate(prompts, {
    samplesPerPrompt: job.samplesPerPrompt,
    maxNewTokens: job.maxNewTokens,
    temperature: job.temperature,
    stopTokens,
    uniform: (prompt, sample, position) =>
      keyedRandom(job.seed, job.stream, job.from + prompt, sample, position).uniform(),
    onProgress: ({ finished, total }) => {
      signal.throwIfAborted();
      onProgress(finished, total);
    },
  });
  const rollouts = samples.flatMap((completions, prompt) =>
    completions.map(
      ({ tokens, logprobs, finish }, sample): RolloutRow => ({
        prompt: job.from + prompt,
        sample,
        tokens,
        logprobs,
        text: tokenizer.decode(tokens, { skipSpecial: true }),
        finish,
      }),
    ),
  );
  return {
    rollouts: await store.put('rollouts', encodeRollouts(rollouts)),
    sequences: rollouts.length,
    promptTokens: prompts.reduce((sum, tokens) => sum + tokens.length, 0),
    completionTokens: rollouts.reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
});
