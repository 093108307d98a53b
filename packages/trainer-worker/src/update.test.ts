import { objectives } from '@evenkeel/algorithms';
import {
  type Architecture,
  createAdamWState,
  initialiseParameters,
  type ModelConfig,
  ParameterBuffer,
  PolicyEngine,
  parameterShapes,
  tinyModelConfig,
} from '@evenkeel/policy';
import type { UpdateJob } from '@evenkeel/protocol';
import type { BatchRow } from '@evenkeel/store';
import { afterAll, describe, expect, test } from 'vitest';
import type { DiscriminativeForm } from './discriminative.ts';
import type { OptimizerMemory } from './optimizer-memory.ts';
import { trainingSequence, updatePolicy } from './update.ts';

const config: ModelConfig = { ...tinyModelConfig, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 };
const engine = new PolicyEngine(config);
afterAll(() => engine.dispose());

const ref = { kind: 'policy', sha256: '0'.repeat(64), bytes: 0 };

function memoryOf(seed = 1): OptimizerMemory {
  const parameters = new ParameterBuffer(config, initialiseParameters(parameterShapes(config), { seed, layers: 1 }));
  const architecture = { ref, config } as Architecture;
  return {
    run: 'r',
    lineage: '',
    policy: ref,
    architecture,
    parameters,
    adam: createAdamWState(parameters.flat.length),
  };
}

function row(minibatch: number, advantage: number, tokens: number[]): BatchRow {
  return {
    task: minibatch % 2 === 0 ? 'even' : 'odd',
    group: `g${minibatch}`,
    promptTokens: Int32Array.of(7, 8, 9),
    tokens: Int32Array.from(tokens),
    logprobs: new Float32Array(tokens.length).fill(-5.9),
    advantage,
    reward: 0,
    minibatch,
  };
}

function jobOf(changes: Partial<UpdateJob> = {}): UpdateJob {
  const optimizer: UpdateJob['optimizer'] = {
    learningRate: 1e-3,
    betas: [0.9, 0.99],
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradientNorm: 1,
  };
  return {
    ...{ kind: 'update', run: 'r', step: 0, policy: ref, base: ref, checkpoint: null, redo: [], batch: ref },
    ...{ minibatches: 4, optimizer, objective: objectives['mt-grpo'] },
    ...{ reference: null, improvement: false, checkpointAfter: false },
    ...changes,
  };
}

async function updated(rows: readonly BatchRow[], job: UpdateJob, reference: readonly Float32Array[] | null = null) {
  const memory = memoryOf();
  const seen: number[] = [];
  const metrics = await updatePolicy(memory, job, rows, { engine, reference, onMinibatch: (done) => seen.push(done) });
  return { weights: memory.parameters.flat, adam: memory.adam, metrics, seen };
}

describe('updatePolicy()', () => {
  test('goes through the minibatches in their order, whatever the order of the rows, and skips one without rows', async () => {
    const rows = [row(3, -1, [3, 4]), row(0, 1, [1, 2]), row(1, 0.5, [5])];
    const sorted = await updated([rows[1]!, rows[2]!, rows[0]!], jobOf());
    const mixed = await updated(rows, jobOf());
    expect(mixed.seen).toEqual([1, 2, 4]);
    expect(mixed.adam.step).toBe(3);
    expect(mixed.weights).toEqual(sorted.weights);
    expect(mixed.metrics).toEqual(sorted.metrics);
    expect(mixed.metrics.trainedTokens).toBe(3 * 3 + 5);
  });

  test('makes no step without rows', async () => {
    const { weights, metrics, adam } = await updated([], jobOf());
    expect(weights).toEqual(memoryOf().parameters.flat);
    expect(adam.step).toBe(0);
    expect(metrics).toEqual({ loss: 0, gradientNorm: 0, clipFraction: 0, trainedTokens: 0 });
  });

  test('divides by rollouts × the longest of the minibatch where the length is fixed: the token mean of equal lengths', async () => {
    const fixed = { ...objectives['mt-grpo'], aggregation: 'fixed-length' } as const;
    const equal = [row(0, 1, [1, 2]), row(0, -1, [3, 4])];
    expect((await updated(equal, jobOf({ objective: fixed }))).weights).toEqual(
      (await updated(equal, jobOf())).weights,
    );
    const mixed = [row(0, 1, [1, 2]), row(0, -1, [3])];
    const [byLength, byToken] = [await updated(mixed, jobOf({ objective: fixed })), await updated(mixed, jobOf())];
    expect(byLength.metrics.loss / byToken.metrics.loss).toBeCloseTo(3 / 4, 5);
  });

  test('divides by a constant length where there is one', async () => {
    const rows = [row(0, 1, [1, 2]), row(0, -1, [3])];
    const of = (fixedLength: number) =>
      updated(rows, jobOf({ objective: { ...objectives['mt-grpo'], aggregation: 'fixed-length', fixedLength } }));
    const [one, eight] = [await of(1), await of(8)];
    expect(one.metrics.loss / eight.metrics.loss).toBeCloseTo(8, 5);
  });

  test('trains on a discriminative loss by whole groups; the loss is the one before the step', async () => {
    const form: DiscriminativeForm = {
      ...{ kind: 'discriminative', score: 'ratio', negatives: 'log-mean-exp' },
      ...{ temperature: 1, klBound: 1e9, klPenalty: 1 },
    };
    const objective = { ...objectives.grpo, form };
    const rows = [row(0, 1, [1, 2]), row(0, -0.5, [3, 4]), row(0, -0.5, [5]), row(1, 1, [6]), row(1, -1, [7, 8])];
    const { metrics, weights, adam } = await updated(rows, jobOf({ objective }));
    expect(adam.step).toBe(2);
    expect(metrics.clipFraction).toBe(0);
    expect(metrics.gradientNorm).toBeGreaterThan(0);
    expect(weights.every(Number.isFinite)).toBe(true);
    // The redo log depends on it: the same batch from the same weights is the same update, bit for bit.
    expect((await updated(rows, jobOf({ objective }))).weights).toEqual(weights);
    // One group whose answers are all alike has nothing to tell apart.
    const alike = [row(0, 1, [1, 2]), row(0, -1, [1, 2])];
    const same = await updated(alike, jobOf({ objective }));
    expect(same.metrics.loss).toBeCloseTo(0, 6);
    expect(same.metrics.gradientNorm).toBeLessThan(1e-5);
  });

  test("weighs the KL term by each task's β; a task without one has none", async () => {
    const rows = [row(0, 0, [1, 2]), row(1, 0, [3, 4])];
    const reference = rows.map(({ tokens }) => new Float32Array(tokens.length).fill(-3));
    const withBeta = (beta: number | Record<string, number>) =>
      updated(
        rows,
        jobOf({ objective: { ...objectives['mt-grpo'], kl: { kind: 'k3', beta } }, reference: ref }),
        reference,
      );
    const none = await withBeta({});
    expect(none.metrics).toMatchObject({ loss: 0, gradientNorm: 0 });
    const [all, even] = [await withBeta(0.5), await withBeta({ even: 0.5 })];
    expect(all.metrics.gradientNorm).toBeGreaterThan(even.metrics.gradientNorm);
    expect(even.metrics.gradientNorm).toBeGreaterThan(0);
    expect((await withBeta({ even: 0.5, odd: 0.5 })).weights).toEqual(all.weights);
  });
});

test('trainingSequence() is the prompt and its completion, with what the loss needs', () => {
  expect(trainingSequence(row(0, 0.25, [1, 2]))).toEqual({
    tokens: Int32Array.of(7, 8, 9, 1, 2),
    promptLength: 3,
    advantage: 0.25,
    oldLogprobs: Float32Array.of(-5.9, -5.9),
  });
  const reference = Float32Array.of(-1, -2);
  expect(trainingSequence(row(0, 1, [1, 2]), reference).referenceLogprobs).toBe(reference);
});
