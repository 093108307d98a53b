import { decodeBatch } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { closeRound } from './close-round.ts';
import { configOf, type GroupRewards, openRunFixture, type RunFixture, rewardOf } from './fixtures.ts';
import { groupsOf } from './groups.ts';
import type { FinishedRound, RoundOutcome } from './types.ts';

const MIXED = [1, 0.1, 0, 0];
const groups = (...list: readonly [string, GroupRewards['rewards']][]): GroupRewards[] =>
  list.map(([task, rewards]) => ({ task, rewards }));

let run: RunFixture;
beforeAll(async () => {
  run = await openRunFixture({ method: 'grpo', promptsPerStep: 4, groupSize: 4, minibatches: 2, seed: 5 });
});
afterAll(() => run.close());

async function close(fixture: RunFixture, rounds: readonly FinishedRound[]): Promise<RoundOutcome> {
  const { context, configRef: config, state } = fixture;
  return await closeRound(context)({ run: 'r', config, state, rounds });
}

async function batchOf(outcome: RoundOutcome, { context } = run) {
  if (outcome.kind !== 'batch' || outcome.batch === null) throw new Error(`no batch: ${JSON.stringify(outcome)}`);
  return decodeBatch(await context.store.get(outcome.batch));
}

async function tallyOf(outcome: RoundOutcome, { context } = run) {
  if (outcome.kind !== 'batch') throw new Error(`no batch: ${JSON.stringify(outcome)}`);
  return await context.store.getJson(outcome.tally, z.looseObject({}));
}

describe('groupsOf()', () => {
  test('joins prompts, shards and verdicts in the order of the plan', async () => {
    const round = await run.finishedRound(2, groups(['arc', MIXED], ['zebra', [0, 1]], ['arc', [1, 1]]));
    const found = await groupsOf(run.context, round, rewardOf(run.config));
    expect(found.map(({ group }) => [group.id, group.task, group.promptId])).toEqual([
      ['r2p0', 'arc', 'arc-2-0'],
      ['r2p1', 'zebra', 'zebra-2-1'],
      ['r2p2', 'arc', 'arc-2-2'],
    ]);
    expect(found[0]!.group.rollouts).toEqual([
      { id: 'r2p0s0', reward: 1, correct: true, formatted: true, tokens: 1 },
      { id: 'r2p0s1', reward: 0.1, correct: false, formatted: true, tokens: 2 },
      { id: 'r2p0s2', reward: 0, correct: false, formatted: false, tokens: 3 },
      { id: 'r2p0s3', reward: 0, correct: false, formatted: false, tokens: 4 },
    ]);
    expect(found[1]!.rollouts.map(({ tokens }) => tokens.length)).toEqual([1, 2]);
  });

  test('gives a rollout that nobody scored no reward, which is no zero', async () => {
    const round = await run.finishedRound(0, groups(['arc', [null, null, 0, 1]]));
    const [found] = await groupsOf(run.context, round, rewardOf(run.config));
    expect(found!.group.rollouts.map(({ reward, correct }) => [reward, correct])).toEqual([
      [null, false],
      [null, false],
      [0, false],
      [1, true],
    ]);
  });

  test('hands the components of a verdict to the reward by name, beside the verdict itself', async () => {
    const words = (reward: number, format: number) => ({ reward, components: { format, length: 9 } });
    const weighted = configOf({
      method: { name: 'grpo', reward: { kind: 'weighted', weights: { verdict: 1, format: 0.2 } } },
      ...{ promptsPerStep: 4, groupSize: 4, tasks: ['words'] },
    });
    const round = await run.finishedRound(0, groups(['words', [words(1, 1), words(0.1, 0.5), null]], ['arc', [1]]));
    const found = await groupsOf(run.context, round, rewardOf(weighted));
    const rewards = found.flatMap(({ group }) => group.rollouts.map(({ reward }) => reward));
    expect(rewards).toEqual([1.2, 0.1 + 0.2 * 0.5, null, 1]);
    expect(found[0]!.group.rollouts.map(({ correct }) => correct)).toEqual([true, false, false]);
  });

  test('refuses verdicts that do not belong to the rollouts', async () => {
    const [one, other] = [
      await run.finishedRound(0, groups(['arc', MIXED])),
      await run.finishedRound(0, groups(['arc', [1]])),
    ];
    await expect(
      groupsOf(run.context, { ...one, verdicts: other.verdicts }, rewardOf(run.config)),
    ).rejects.toMatchObject({
      code: 'round-invalid',
      message: 'Cannot score round 0: it has 4 rollouts and 1 verdicts, expected one for each',
    });
  });
});

describe('closeRound()', () => {
  test('makes the batch of whole groups in the order of the plan, with the prompt that the model saw', async () => {
    const round = await run.finishedRound(
      0,
      groups(['arc', MIXED], ['zebra', MIXED], ['arc', [0, 0, 1, 1]], ['zebra', MIXED]),
    );
    const outcome = await close(run, [round]);
    const rows = await batchOf(outcome);
    expect(rows.map(({ group }) => group)).toEqual(['r0p0', 'r0p1', 'r0p2', 'r0p3'].flatMap((id) => [id, id, id, id]));
    expect(rows.map(({ reward }) => reward).slice(0, 4)).toEqual(MIXED);
    for (const id of ['r0p0', 'r0p1', 'r0p2', 'r0p3']) {
      const own = rows.filter(({ group }) => group === id);
      expect(own.reduce((sum, { advantage }) => sum + advantage, 0)).toBeCloseTo(0, 9);
      expect(new Set(own.map(({ minibatch }) => minibatch)).size).toBe(1);
      expect(own.every(({ promptTokens }) => promptTokens.join() === own[0]!.promptTokens.join())).toBe(true);
    }
    expect([0, 1].map((minibatch) => rows.filter((row) => row.minibatch === minibatch).length)).toEqual([8, 8]);
    expect(outcome).toMatchObject({ kind: 'batch', groups: 4, shortfall: 0 });
  });

  test('is a function of its input: the same round gives the same artefacts', async () => {
    const round = await run.finishedRound(0, groups(['arc', MIXED], ['zebra', MIXED]));
    expect(await close(run, [round])).toEqual(await close(run, [round]));
  });

  test('leaves a rollout without a verdict out of the batch, and out of its group', async () => {
    const rows = await batchOf(await close(run, [await run.finishedRound(0, groups(['arc', [1, null, 0, null]]))]));
    expect(rows.map(({ tokens, reward }) => [tokens.length, reward])).toEqual([
      [1, 1],
      [3, 0],
    ]);
    expect(rows[0]!.advantage).toBeCloseTo(-rows[1]!.advantage, 9);
  });

  test('has no batch where nothing was scored, and its tally says so', async () => {
    const outcome = await close(run, [await run.finishedRound(0, groups(['arc', [null, null, null, null]]))]);
    expect(outcome).toMatchObject({ kind: 'batch', batch: null });
    const tally = await tallyOf(outcome);
    expect(tally.tasks).toMatchObject({ arc: { groups: 1, rollouts: 0, correct: 0 } });
  });
});

describe('closeRound() with a filter', () => {
  test('counts what was drawn before the filter, trains on what is left, and ends when the rounds are used up', async () => {
    const strict = await openRunFixture({
      ...{ promptsPerStep: 4, groupSize: 4, tasks: ['arc'] },
      method: { name: 'mt-grpo', planner: { resamplingRounds: 0 } },
    });
    try {
      const flat = [1, 1, 1, 1];
      const round = await strict.finishedRound(0, groups(['arc', flat], ['arc', MIXED], ['arc', flat]));
      const outcome = await close(strict, [round]);
      expect(outcome).toMatchObject({ kind: 'batch', groups: 1, shortfall: 3 });
      const tally = await tallyOf(outcome, strict);
      expect(tally).toMatchObject({
        tasks: { arc: { groups: 3, kept: 1, rollouts: 12, correct: 9 } },
        realised: { arc: 1 },
      });
    } finally {
      await strict.close();
    }
  });

  test('takes no more groups than the step has room for, of all rounds together', async () => {
    const strict = await openRunFixture({ promptsPerStep: 3, groupSize: 4, tasks: ['arc'] });
    try {
      const round = (number: number, count: number) =>
        strict.finishedRound(
          number,
          Array.from({ length: count }, () => ({ task: 'arc', rewards: MIXED })),
        );
      const outcome = await close(strict, [await round(0, 2), await round(1, 4)]);
      expect(outcome).toMatchObject({ kind: 'batch', groups: 3, shortfall: 0 });
      const rows = await batchOf(outcome, strict);
      expect([...new Set(rows.map(({ group }) => group))]).toEqual(['r0p0', 'r0p1', 'r1p0']);
    } finally {
      await strict.close();
    }
  });
});
