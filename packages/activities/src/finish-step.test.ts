import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { advanceRun } from './advance-run.ts';
import { loadAlgorithmState } from './algorithm-state.ts';
import { closeRound } from './close-round.ts';
import { finishStep } from './finish-step.ts';
import { openRunFixture, type RunFixture } from './fixtures.ts';
import { runFolder } from './run-folder.ts';
import type { RoundOutcome, RunState, UpdateResult } from './types.ts';

function ref(kind: string, digit: string): ArtefactRef {
  return { kind, sha256: digit.repeat(64), bytes: 1 };
}

function updateTo(policy: ArtefactRef, optimizer: ArtefactRef | null = null): UpdateResult {
  return {
    ...{
      policy,
      optimizer,
      objectives: { arc: { before: 0.25, after: 0.5 }, countdown: { before: 0.5, after: 0.375 } },
    },
    metrics: {
      ...{ loss: -0.5, gradientNorm: 2, clipFraction: 0.1, entropy: 1.5 },
      ...{ trainedTokens: 99, sequences: 8, redone: 0 },
    },
  };
}

const batchOutcome: Extract<RoundOutcome, { kind: 'batch' }> = {
  ...{ kind: 'batch', batch: ref('batch', 'b'), tally: ref('tally', 'c') },
  ...{ groups: 1, shortfall: 0 },
};

describe('advanceRun()', () => {
  const start: RunState = {
    ...{ step: 0, base: ref('policy', '0'), policy: ref('policy', '0') },
    ...{ algorithm: ref('algorithm-state', '0'), checkpoint: null, redo: [] },
  };
  const algorithm = ref('algorithm-state', '1');
  const advance = (state: RunState, update: UpdateResult | null, outcome = batchOutcome) =>
    advanceRun({ state, outcome, update }, algorithm);

  test('moves on to the new policy, and logs the batch that led to it', () => {
    const one = advance(start, updateTo(ref('policy', '1')));
    expect(one).toEqual({
      ...start,
      ...{ step: 1, algorithm, policy: ref('policy', '1') },
      redo: [{ step: 0, batch: ref('batch', 'b'), policy: ref('policy', '1') }],
    });
    const two = advance(one, updateTo(ref('policy', '2')));
    expect(two.redo.map(({ step, policy }) => [step, policy])).toEqual([
      [0, ref('policy', '1')],
      [1, ref('policy', '2')],
    ]);
  });

  test('begins the log anew at a checkpoint', () => {
    const one = advance(start, updateTo(ref('policy', '1')));
    const kept = advance(one, updateTo(ref('policy', '2'), ref('optimizer', 'd')));
    expect(kept).toMatchObject({
      ...{ step: 2, policy: ref('policy', '2'), redo: [] },
      checkpoint: { step: 2, policy: ref('policy', '2'), optimizer: ref('optimizer', 'd') },
    });
    const next = advance(kept, updateTo(ref('policy', '3')));
    expect(next.checkpoint).toEqual(kept.checkpoint);
    expect(next.redo).toEqual([{ step: 2, batch: ref('batch', 'b'), policy: ref('policy', '3') }]);
  });

  test('keeps the policy and the log where there was nothing to train on', () => {
    const one = advance(start, updateTo(ref('policy', '1')));
    const idle = advance(one, null, { ...batchOutcome, batch: null });
    expect(idle).toEqual({ ...one, step: 2 });
  });
});

describe('finishStep()', () => {
  let run: RunFixture;
  beforeAll(async () => {
    run = await openRunFixture({
      ...{ promptsPerStep: 2, groupSize: 2, tasks: ['countdown', 'arc', 'zebra'], seed: 4 },
      method: { name: 'mt-grpo', planner: { resamplingRounds: 0 } },
    });
  });
  afterAll(() => run.close());

  async function finish() {
    const { context, configRef: config, state } = run;
    const round = await run.finishedRound(0, [
      { task: 'arc', rewards: [1, 0] },
      { task: 'arc', rewards: [1, 1] },
      { task: 'arc', rewards: [0.1, 1] },
      { task: 'zebra', rewards: [null, null] },
      { task: 'countdown', rewards: [1, 0] },
      { task: 'countdown', rewards: [0, 0] },
    ]);
    const outcome = await closeRound(context)({ run: 'r', config, state, rounds: [round] });
    if (outcome.kind === 'again') throw new Error('the test has too few groups');
    const rounds = [
      round.plan,
      { ...round.plan, replaces: 1, counts: { zebra: 2 } },
      { ...round.plan, round: 1, counts: { arc: 10 } },
    ];
    return await finishStep(context)({
      ...{ run: 'r', config, state, outcome, rounds, completionTokens: 18, sequences: 12 },
      update: updateTo(ref('policy', '1')),
    });
  }

  test("writes the step's table: what was drawn, kept and trained, and how well each task did before the filter", async () => {
    const { table } = await finish();
    const row = (task: string) => table.tasks.find((candidate) => candidate.task === task)!;
    expect(table.tasks.map(({ task }) => task)).toEqual(['countdown', 'arc', 'zebra']);
    expect(row('arc')).toMatchObject({ drawn: 3, kept: 2, accuracy: 4 / 6, improvement: 0.25 });
    expect(row('arc').reward).toBeCloseTo(4.1 / 6, 12);
    expect(row('countdown')).toMatchObject({ drawn: 2, kept: 1, accuracy: 1 / 4, improvement: -0.125 });
    expect(row('zebra')).toMatchObject({ drawn: 1, kept: 0, accuracy: 0, improvement: null });
    expect(row('zebra')).toMatchObject({ abstained: 2, silent: true });
    for (const field of ['failed', 'replaced', 'abstained', 'silent']) expect(row('arc')).not.toHaveProperty(field);
    for (const { weight } of table.tasks) expect(weight).toBeCloseTo(1 / 3, 12);
    expect(table.tasks.reduce((sum, { trained }) => sum + trained, 0)).toBe(2);
    expect(table).not.toHaveProperty('empty');
    expect(table).toMatchObject({
      ...{ step: 1, rounds: 2, sequences: 12, completionTokens: 18, trainedTokens: 99 },
      ...{ loss: -0.5, gradientNorm: 2, clipFraction: 0.1, entropy: 1.5 },
    });
    const path = join(runFolder(run.home, 'r'), 'steps', '000001.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(table);
  });

  test('says of a step that trained on nothing that it did, and learns from what it saw all the same', async () => {
    const { context, configRef: config, state } = run;
    const round = await run.finishedRound(0, [
      { task: 'arc', rewards: [1, 1] },
      { task: 'zebra', rewards: [0, 0] },
      { task: 'countdown', rewards: [null, null] },
    ]);
    const outcome = await closeRound(context)({ run: 'e', config, state, rounds: [round] });
    expect(outcome).toMatchObject({ kind: 'batch', batch: null, groups: 0, shortfall: 2 });
    if (outcome.kind === 'again') throw new Error('the test has too few groups');
    const input = { run: 'e', config, state, outcome, rounds: [round.plan], completionTokens: 9, sequences: 6 };
    const { state: next, table } = await finishStep(context)({ ...input, update: null });
    expect(table).toMatchObject({ step: 1, empty: true, trainedTokens: 0, shortfall: 2 });
    expect(next).toMatchObject({ step: 1, policy: state.policy, redo: [] });
    const after = await loadAlgorithmState(context, next.algorithm);
    expect(after.cursors).toEqual({ countdown: 1, arc: 1, zebra: 1 });
    expect(after.method.planner).not.toEqual(run.algorithm.method.planner);
  });

  test('takes a task that nobody could score neither for the worst nor into the mean', async () => {
    const { table } = await finish();
    expect(table.worst).toEqual({ task: 'countdown', accuracy: 1 / 4 });
    expect(table.mean).toBeCloseTo((1 / 4 + 4 / 6) / 2, 12);
  });

  test('moves the cursors on by what all rounds drew, and the weights by what was seen', async () => {
    const { state } = await finish();
    const before = run.algorithm;
    const after = await loadAlgorithmState(run.context, state.algorithm);
    expect(after.cursors).toEqual({ countdown: 2, arc: 13, zebra: 1 });
    expect(after.method).not.toEqual(before.method);
    expect(state).toMatchObject({ step: 1, policy: ref('policy', '1'), base: run.state.base });
  });

  test('gives the same when it is done again', async () => {
    expect(await finish()).toEqual(await finish());
  });
});
