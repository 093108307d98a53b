import type { BatchRow } from '@evenkeel/store';
import { describe, expect, test } from 'vitest';
import { taskObjectives } from './task-objectives.ts';

const objective = {
  ratio: 'token',
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: 'token-mean',
  kl: { kind: 'none' },
} as const;

function row(task: string, advantage: number, logprobs: number[]): BatchRow {
  const length = logprobs.length;
  return {
    task,
    group: 'g',
    promptTokens: new Int32Array(2),
    tokens: new Int32Array(length),
    logprobs: Float32Array.from(logprobs),
    advantage,
    reward: 0,
    minibatch: 0,
  };
}

describe('taskObjectives()', () => {
  const rows = [row('a', 1, [-1, -1]), row('a', -0.5, [-2]), row('b', 2, [-1])];

  test('is the mean advantage per token under the policy that sampled the batch', () => {
    expect(taskObjectives(rows, null, objective)).toEqual({ a: (1 + 1 - 0.5) / 3, b: 2 });
  });

  test('is the mean advantage per rollout where the objective aggregates by rollout', () => {
    expect(taskObjectives(rows, null, { ...objective, aggregation: 'sequence-mean' })).toEqual({ a: 0.25, b: 2 });
  });

  test('clips the gain of a rising ratio and keeps the loss of a falling one', () => {
    const up = Math.fround(-1 + Math.log(2));
    const after = [Float32Array.of(up, -1), Float32Array.of(-2), Float32Array.of(-1 + Math.log(0.5))];
    const found = taskObjectives(rows, after, objective);
    expect(found.a).toBeCloseTo((1.28 + 1 - 0.5) / 3, 6);
    expect(found.b).toBeCloseTo(2 * 0.5, 6);
  });

  test('does not clip what makes a bad rollout more probable', () => {
    const worse = [Float32Array.of(-2 + Math.log(3))];
    expect(taskObjectives([row('a', -0.5, [-2])], worse, objective).a).toBeCloseTo(-1.5, 6);
  });
});
