/**
 * One training step on a committed batch: minibatches in their order, each a loss, a gradient and an AdamW step. It changes the
 * memory in place; what it computes depends on the memory, the batch and the job alone.
 */
import {
  adamwStep,
  decayRanges,
  ParameterBuffer,
  type PolicyEngine,
  type TrainingBatch,
  type TrainingSequence,
} from '@evenkeel/policy';
import type { UpdateJob } from '@evenkeel/protocol';
import type { BatchRow } from '@evenkeel/store';
import { discriminativeBatch } from './discriminative.ts';
import { expectFiniteLoss } from './finite-update.ts';
import { type OptimizerMemory, trainedOf } from './optimizer-memory.ts';

export interface UpdateMetrics {
  /** Mean loss of the minibatches. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly clipFraction: number;
  readonly trainedTokens: number;
}

/** What an update needs besides the memory. */
export interface UpdateOptions {
  readonly engine: PolicyEngine;
  /** log π_ref of each row's completion; null without a KL term. */
  readonly reference: readonly Float32Array[] | null;
  readonly onMinibatch: (done: number) => void;
}

export function trainingSequence(row: BatchRow, reference?: Float32Array): TrainingSequence {
  const tokens = new Int32Array(row.promptTokens.length + row.tokens.length);
  tokens.set(row.promptTokens);
  tokens.set(row.tokens, row.promptTokens.length);
  return {
    tokens,
    promptLength: row.promptTokens.length,
    advantage: row.advantage,
    oldLogprobs: row.logprobs,
    ...(reference === undefined ? {} : { referenceLogprobs: reference }),
  };
}

/** β of a row's task, where β differs per task. */
function klBetaOf({ objective }: UpdateJob, task: string): { klBeta?: number } {
  if (objective.kl.kind === 'none' || typeof objective.kl.beta === 'number') return {};
  return { klBeta: objective.kl.beta[task] ?? 0 };
}

function normaliser({ objective }: UpdateJob, sequences: readonly TrainingSequence[]): { normaliser?: number } {
  if (objective.aggregation !== 'fixed-length') return {};
  const longest = Math.max(...sequences.map(({ tokens, promptLength }) => tokens.length - promptLength));
  return { normaliser: sequences.length * (objective.fixedLength || longest) };
}

/** A minibatch as its graph takes it; `loss` where the graph's own is not the loss. */
async function minibatchOf(
  engine: PolicyEngine,
  job: UpdateJob,
  sequences: readonly TrainingSequence[],
  groups: readonly string[],
): Promise<TrainingBatch & { readonly loss?: number }> {
  const objective = { kind: 'policy-gradient', spec: job.objective } as const;
  const { form } = job.objective;
  if (form?.kind === 'discriminative') {
    return { objective, ...(await discriminativeBatch(engine, sequences, groups, form)) };
  }
  return { objective, sequences, ...normaliser(job, sequences) };
}

/**
 * Runs the job's minibatches. The memory's policy reference is the caller's to renew.
 *
 * @throws {PolicyError} `loss-not-finite`, `gradient-not-finite`: the memory is then no state of the run any more
 */
export async function updatePolicy(
  memory: OptimizerMemory,
  job: UpdateJob,
  rows: readonly BatchRow[],
  { engine, reference, onMinibatch }: UpdateOptions,
): Promise<UpdateMetrics> {
  const { learningRate, betas, epsilon, weightDecay, maxGradientNorm } = job.optimizer;
  const trained = trainedOf(memory);
  const decay = decayRanges(trained.shapes);
  const gradients = new ParameterBuffer(trained.shapes);
  engine.setParameters(memory.parameters.views, memory.adapter);
  const sum = { loss: 0, gradientNorm: 0, clipFraction: 0 };
  let trainedTokens = 0;
  const adamw = { learningRate, beta1: betas[0], beta2: betas[1], epsilon, weightDecay, maxGradientNorm };
  const training = engine.residentTraining();
  await training?.upload(memory.parameters, memory.adam);
  let steps = 0;
  for (let minibatch = 0; minibatch < job.minibatches; minibatch++) {
    const sequences = rows.flatMap((row, index) =>
      row.minibatch === minibatch ? [{ ...trainingSequence(row, reference?.[index]), ...klBetaOf(job, row.task) }] : [],
    );
    if (sequences.length === 0) continue;
    const groups = rows.flatMap((row) => (row.minibatch === minibatch ? [row.group] : []));
    // A discriminative loss scores under the weights of now, which the engine takes from the host.
    if (job.objective.form?.kind === 'discriminative' && training !== null) {
      await training.download();
      engine.setParameters(memory.parameters.views);
    }
    const batch = await minibatchOf(engine, job, sequences, groups);
    gradients.flat.fill(0);
    const resident = await training?.step(batch, adamw);
    const { loss: ofGraph, clipFraction } = resident ?? (await engine.lossAndGradient(batch, gradients));
    const { loss = ofGraph } = batch;
    expectFiniteLoss(job.step, minibatch, loss);
    const { gradientNorm } =
      resident ?? adamwStep(trained.flat, gradients.flat, memory.adam, { ...adamw, decayRanges: decay });
    sum.loss += loss;
    sum.gradientNorm += gradientNorm;
    sum.clipFraction += clipFraction;
    trainedTokens += sequences.reduce((total, { tokens }) => total + tokens.length, 0);
    steps++;
    onMinibatch(minibatch + 1);
  }
  await training?.download();
  const mean = (total: number) => total / Math.max(1, steps);
  return {
    loss: mean(sum.loss),
    gradientNorm: mean(sum.gradientNorm),
    clipFraction: mean(sum.clipFraction),
    trainedTokens,
  };
}
