/** The rollout worker's heavy thread: holds the policy and its sessions, samples, and writes the `rollouts` table. */
import { workerData } from 'node:worker_threads';
import { keyedRandom } from '@evenkeel/core';
import { loadPolicy, PolicyEngine, type Tokenizer } from '@evenkeel/policy';
import {
  type PolicyThreadData,
  ProtocolError,
  type RolloutJob,
  type RolloutResult,
  serveJobs,
} from '@evenkeel/protocol';
import { decodePrompts, encodeRollouts, openFolderStore, type PromptRow, type RolloutRow } from '@evenkeel/store';

const { storeFolder, threads } = workerData as PolicyThreadData;
const store = await openFolderStore(storeFolder);

/** One engine per architecture; the weights of the policy that was used last. */
let engine: { readonly architecture: string; readonly engine: PolicyEngine } | undefined;
let loaded:
  | { readonly sha256: string; readonly tokenizer: Tokenizer; readonly stopTokens: readonly number[] }
  | undefined;

async function ready({ policy }: RolloutJob) {
  if (loaded?.sha256 === policy.sha256 && engine !== undefined) return { ...loaded, engine: engine.engine };
  const { architecture, parameters } = await loadPolicy(store, policy);
  if (engine?.architecture !== architecture.ref.sha256) {
    await engine?.engine.dispose();
    engine = { architecture: architecture.ref.sha256, engine: new PolicyEngine(architecture.config, { threads }) };
  }
  engine.engine.setParameters(parameters.views);
  const { tokenizer, tokens } = architecture;
  loaded = { sha256: policy.sha256, tokenizer, stopTokens: tokens.eosTokenIds };
  return { ...loaded, engine: engine.engine };
}

async function shardOf({ prompts, from, to }: RolloutJob): Promise<PromptRow[]> {
  const rows = decodePrompts(await store.get(prompts));
  if (from < to && to <= rows.length) return rows.slice(from, to);
  throw new ProtocolError(
    `Cannot roll out prompts ${from} to ${to - 1}: the table has ${rows.length}, expected a shard of it`,
    { code: 'job-invalid' },
  );
}

serveJobs<RolloutJob, RolloutResult>(async (job, { onProgress, signal }) => {
  const { engine: policy, tokenizer, stopTokens } = await ready(job);
  const prompts = (await shardOf(job)).map((row) => tokenizer.encode(row.prompt));
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
