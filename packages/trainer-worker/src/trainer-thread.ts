/**
 * The trainer's heavy thread: holds the weights and the optimizer of its runs between two updates, restores them from the redo log
 * where they are lost, and writes each new policy into the store.
 */
import { workerData } from 'node:worker_threads';
import type { ArtefactRef } from '@evenkeel/core';
import { EnginePool, loadPolicy, type PolicyEngine, putAdapter, putPolicy } from '@evenkeel/policy';
import {
  faultPoint,
  type PolicyThreadData,
  type PolicyThreadJob,
  serveJobs,
  type UpdateJob,
  type UpdateResult,
} from '@evenkeel/protocol';
import { type BatchRow, decodeBatch, openFolderStore } from '@evenkeel/store';
import { expectCompletions, expectFiniteMemory, expectFiniteObjectives, expectProbabilities } from './finite-update.ts';
import {
  expectRecorded,
  keepOptimizer,
  lineageOf,
  OptimizerMemories,
  type OptimizerMemory,
  recallCheckpoint,
  settingsOf,
  trainedOf,
} from './optimizer-memory.ts';
import { taskObjectives } from './task-objectives.ts';
import { trainingSequence, type UpdateMetrics, updatePolicy } from './update.ts';

const { storeFolder, memoryBytes, device } = workerData as PolicyThreadData;
const store = await openFolderStore(storeFolder);
const memories = new OptimizerMemories({ maxBytes: memoryBytes });
/** Of the job under way. */
let alive = () => {};
let threads = 1;
const engines = new EnginePool({ device, onWork: () => alive() });

function engineOptions({ tokensPerRun }: UpdateJob) {
  return { threads, tokensPerRun, decodeBatch: undefined };
}

/** log π_ref of each row, under the run's frozen reference policy. */
async function referenceLogprobs(
  policy: PolicyEngine,
  memory: OptimizerMemory,
  job: UpdateJob,
  rows: readonly BatchRow[],
) {
  if (job.reference === null) return null;
  // With LoRA the base's weights are there already.
  const isThere = memory.adapter !== undefined && job.reference.sha256 === job.base.sha256;
  const { parameters } = isThere ? memory : await loadPolicy(store, job.reference);
  policy.setParameters(parameters.views);
  return await policy.score(rows.map((row) => trainingSequence(row)));
}

interface Updated {
  readonly engine: PolicyEngine;
  readonly rows: readonly BatchRow[];
  readonly metrics: UpdateMetrics;
}

/** Changes the memory by a batch: the policy is not published yet. */
async function applyBatch(
  memory: OptimizerMemory,
  job: UpdateJob,
  batch: ArtefactRef,
  onMinibatch: (done: number) => void,
): Promise<Updated> {
  const engine = await engines.engineFor(memory.architecture, engineOptions(job));
  const rows = decodeBatch(await store.get(batch));
  expectCompletions(job.step, rows);
  const reference = await referenceLogprobs(engine, memory, job, rows);
  const metrics = await updatePolicy(memory, job, rows, { engine, reference, onMinibatch });
  expectFiniteMemory(job.step, { parameters: trainedOf(memory), adam: memory.adam });
  return { engine, rows, metrics };
}

/** Writes the memory's weights as the policy; with LoRA the adapters alone. */
async function published(memory: OptimizerMemory, { base }: UpdateJob): Promise<OptimizerMemory> {
  faultPoint('trainer/publish-policy');
  const { architecture, parameters, adapter } = memory;
  const policy =
    adapter === undefined
      ? await putPolicy(store, architecture, parameters.flat)
      : await putAdapter(store, architecture, base, adapter);
  return { ...memory, policy };
}

/**
 * The log-probabilities of the batch under the updated policy; where nobody asks for them those of its shortest row alone, to see that
 * there are any.
 */
async function scoreAfter(memory: OptimizerMemory, job: UpdateJob, { engine, rows }: Updated): Promise<Float32Array[]> {
  engine.setParameters(memory.parameters.views, memory.adapter);
  const scored = job.improvement ? rows : rows.toSorted((a, b) => lengthOf(a) - lengthOf(b)).slice(0, 1);
  const logprobs = await engine.score(scored.map((row) => trainingSequence(row)));
  expectProbabilities(job.step, logprobs);
  return logprobs;
}

function lengthOf({ promptTokens, tokens }: BatchRow): number {
  return promptTokens.length + tokens.length;
}

/** The memory that the job starts from: what is there, or what the redo log gives. */
async function recall(job: UpdateJob, onProgress: () => void): Promise<{ memory: OptimizerMemory; redone: number }> {
  const memory = memories.take(job);
  if (memory !== null) {
    expectRecorded(job.step, job.policy, memory.policy);
    return { memory, redone: 0 };
  }
  memories.makeRoomFor(job);
  let restored = await recallCheckpoint(store, job);
  alive();
  for (const entry of job.redo) {
    await applyBatch(restored, { ...job, ...settingsOf(job, entry), step: entry.step }, entry.batch, onProgress);
    restored = await published(restored, job);
    expectRecorded(entry.step, entry.policy, restored.policy);
  }
  expectRecorded(job.step, job.policy, restored.policy);
  return { memory: { ...restored, lineage: lineageOf(job) }, redone: job.redo.length };
}

/** The memory as the next job will ask for it. */
function advanced(job: UpdateJob, updated: OptimizerMemory, optimizer: ArtefactRef | null): OptimizerMemory {
  const { step, batch } = job;
  const { policy } = updated;
  const next =
    optimizer === null
      ? { ...job, redo: [...job.redo, { step, batch, policy }] }
      : { ...job, checkpoint: { step: step + 1, policy, optimizer }, redo: [] };
  return { ...updated, lineage: lineageOf(next) };
}

serveJobs<PolicyThreadJob<UpdateJob>, UpdateResult>(async ({ job, ...session }, { onProgress, signal, ...context }) => {
  alive = context.alive;
  threads = session.threads;
  const total = job.minibatches + 1;
  const { memory: before, redone } = await recall(job, () => {
    signal.throwIfAborted();
    onProgress(0, total, 'redo');
  });
  const updated = await applyBatch(before, job, job.batch, (done) => {
    signal.throwIfAborted();
    onProgress(done, total, 'update');
  });
  const after = await scoreAfter(before, job, updated);
  const objectives: Record<string, { before: number; after: number }> = {};
  if (job.improvement) {
    const j0 = taskObjectives(updated.rows, null, job.objective);
    const j1 = taskObjectives(updated.rows, after, job.objective);
    expectFiniteObjectives(job.step, j1);
    for (const task of Object.keys(j0)) objectives[task] = { before: j0[task]!, after: j1[task]! };
  }
  onProgress(total, total, 'write');
  const memory = await published(before, job);
  const optimizer = job.checkpointAfter ? await keepOptimizer(store, memory) : null;
  memories.keep(advanced(job, memory, optimizer));
  return {
    policy: memory.policy,
    optimizer,
    objectives,
    metrics: {
      ...updated.metrics,
      entropy: meanSurprise(updated.rows),
      sequences: updated.rows.length,
      redone,
    },
  };
});

/** Mean of −log π over the batch's completion tokens, under the policy that sampled them. */
function meanSurprise(rows: readonly BatchRow[]): number {
  let sum = 0;
  let tokens = 0;
  for (const { logprobs } of rows) {
    for (const logprob of logprobs) sum -= logprob;
    tokens += logprobs.length;
  }
  return sum / Math.max(1, tokens);
}
