import { decodeBatch, decodePrompts } from '@evenkeel/store';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { closeRound } from './close-round.ts';
import { configOf, type GroupRewards, openRunFixture, type RunFixture, rewardOf } from './fixtures.ts';
import { groupsOf, readRound } from './groups.ts';
import { trainingDraws } from './plan-round.ts';
import type { FinishedRound, RoundOutcome, RoundPlan } from './types.ts';

const MIXED = [1, 0.1, 0, 0];
const SIZE = { step: 0, maxTokens: 16 };
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

/** What every rollout with a verdict has for parts of a method that read more than its reward. */
const seen = (verdict: number, correct: number, formatted: number) => ({
  components: { verdict, correct, formatted },
  meanLogprob: -1,
});

describe('groupsOf()', () => {
  test('joins prompts, shards and verdicts in the order of the plan', async () => {
    const round = await run.finishedRound(2, groups(['arc', MIXED], ['zebra', [0, 1]], ['arc', [1, 1]]));
    const found = groupsOf(await readRound(run.context, round), rewardOf(run.config), SIZE);
    expect(found.map(({ group }) => [group.id, group.task, group.promptId])).toEqual([
      ['r2p0', 'arc', 'arc-2-0'],
      ['r2p1', 'zebra', 'zebra-2-1'],
      ['r2p2', 'arc', 'arc-2-2'],
    ]);
    expect(found[0]!.group.rollouts).toEqual([
      { id: 'r2p0s0', reward: 1, correct: true, formatted: true, tokens: 1, ...seen(1, 1, 1) },
      { id: 'r2p0s1', reward: 0.1, correct: false, formatted: true, tokens: 2, ...seen(0.1, 0, 1) },
      { id: 'r2p0s2', reward: 0, correct: false, formatted: false, tokens: 3, ...seen(0, 0, 0) },
      { id: 'r2p0s3', reward: 0, correct: false, formatted: false, tokens: 4, ...seen(0, 0, 0) },
    ]);
    expect(found[1]!.rollouts.map(({ tokens }) => tokens.length)).toEqual([1, 2]);
  });

  test('gives a rollout that nobody scored no reward, which is no zero', async () => {
    const round = await run.finishedRound(0, groups(['arc', [null, null, 0, 1]]));
    const [found] = groupsOf(await readRound(run.context, round), rewardOf(run.config), SIZE);
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
    const found = groupsOf(await readRound(run.context, round), rewardOf(weighted), SIZE);
    const rewards = found.flatMap(({ group }) => group.rollouts.map(({ reward }) => reward));
    expect(rewards).toEqual([1.2, 0.1 + 0.2 * 0.5, null, 1]);
    expect(found[0]!.group.rollouts.map(({ correct }) => correct)).toEqual([true, false, false]);
  });

  test('lets a reward that compares rollouts change them, in the places of the plan', async () => {
    const budget = configOf({
      method: { name: 'grpo', reward: { kind: 'budget', correct: 1, length: 1, formatted: 0 } },
      ...{ promptsPerStep: 4, groupSize: 4 },
    });
    const round = await run.finishedRound(0, groups(['arc', [1, 0, null, 0]]));
    const [found] = groupsOf(await readRound(run.context, round), rewardOf(budget), { step: 0, maxTokens: 2 });
    // Lengths 1 to 4 of a budget of 2: 1/2, 1, no verdict, 0.
    expect(found!.group.rollouts.map(({ reward }) => reward)).toEqual([1.5, 1, null, 0]);
  });

  test('refuses verdicts that do not belong to the rollouts', async () => {
    const [one, other] = [
      await run.finishedRound(0, groups(['arc', MIXED])),
      await run.finishedRound(0, groups(['arc', [1]])),
    ];
    await expect(readRound(run.context, { ...one, verdicts: other.verdicts })).rejects.toMatchObject({
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

describe('closeRound() with verdicts that failed', () => {
  async function planOf(rounds: readonly FinishedRound[], fixture = run): Promise<RoundPlan> {
    const outcome = await close(fixture, rounds);
    if (outcome.kind !== 'again') throw new Error(`no further round: ${JSON.stringify(outcome)}`);
    return outcome.plan;
  }

  test('samples the same prompts anew, once for each rollout that failed, and takes what it gets in their places', async () => {
    const round = await run.finishedRound(
      0,
      groups(['arc', [1, 'failed', 0, 'failed']], ['zebra', MIXED], ['arc', [0, 1, 0, 'failed']]),
    );
    const plan = await planOf([round]);
    expect(plan).toMatchObject({ round: 0, replaces: 1, counts: { arc: 3 }, shards: [{ from: 0, to: 3 }] });
    const prompts = decodePrompts(await run.context.store.get(plan.prompts));
    expect(prompts.map(({ puzzle }) => puzzle)).toEqual(['arc-0-0', 'arc-0-0', 'arc-0-2']);

    const outcome = await close(run, [round, await run.finishedReplacement(plan, [0.1, 0, 1])]);
    const rows = await batchOf(outcome);
    expect(rows.map(({ group, reward, tokens }) => [group, reward, tokens.length])).toEqual([
      ['r0p0', 1, 1],
      ['r0p0', 0.1, 40],
      ['r0p0', 0, 3],
      ['r0p0', 0, 41],
      ...MIXED.map((reward, sample) => ['r0p1', reward, 1 + sample]),
      ['r0p2', 0, 1],
      ['r0p2', 1, 2],
      ['r0p2', 0, 3],
      ['r0p2', 1, 42],
    ]);
    const tally = await tallyOf(outcome);
    expect(tally.tasks).toMatchObject({ arc: { groups: 2, rollouts: 8, failed: 3, replaced: 3 } });
    expect(tally.tasks).not.toHaveProperty('zebra.failed');
  });

  test('tries a second time what failed again, and then drops it; both times are counted', async () => {
    const round = await run.finishedRound(0, groups(['arc', ['failed', 'failed', 0, 1]], ['zebra', MIXED]));
    const first = await run.finishedReplacement(await planOf([round]), ['failed', 0.1]);
    const plan = await planOf([round, first]);
    expect(plan).toMatchObject({ round: 0, replaces: 2, counts: { arc: 1 } });
    const outcome = await close(run, [round, first, await run.finishedReplacement(plan, ['failed'])]);
    const rows = (await batchOf(outcome)).filter(({ task }) => task === 'arc');
    expect(rows.map(({ reward, tokens }) => [reward, tokens.length])).toEqual([
      [0.1, 41],
      [0, 3],
      [1, 4],
    ]);
    const tally = await tallyOf(outcome);
    // Two at first, one of the first replacement, one of the second: four failures, three of them replaced.
    expect(tally.tasks).toMatchObject({ arc: { rollouts: 3, failed: 4, replaced: 3 } });
  });

  test('carries on why verdicts failed, of all rounds together, and nothing where none did', async () => {
    const round = await run.finishedRound(0, groups(['arc', ['failed', 'failed', 0, 1]], ['zebra', MIXED]));
    const plan = await planOf([round]);
    const first = await run.finishedReplacement(plan, [1, 1]);
    const outcome = await close(run, [
      { ...round, doubts: { arc: { failures: { crash: 1, timeout: 1 } }, zebra: { retried: 1 } } },
      { ...first, doubts: { arc: { failures: { crash: 3 }, retried: 2 } } },
    ]);
    expect((await tallyOf(outcome)).doubts).toEqual({
      arc: { failures: { crash: 4, timeout: 1 }, retried: 2 },
      zebra: { retried: 1 },
    });
    expect(await tallyOf(await close(run, [round, first]))).not.toHaveProperty('doubts');
  });

  test('is a function of its input with replacements too', async () => {
    const round = await run.finishedRound(0, groups(['arc', ['failed', 'failed', 0, 1]]));
    expect(await close(run, [round])).toEqual(await close(run, [round]));
    const first = await run.finishedReplacement(await planOf([round]), ['failed', 0.1]);
    expect(await close(run, [round, first])).toEqual(await close(run, [round, first]));
  });

  test('does not replace what the verifier abstained from, nor what fails for its ground truth', async () => {
    const outcome = await close(run, [
      await run.finishedRound(0, groups(['arc', [null, 'ground-truth', 0, 1]], ['zebra', MIXED])),
    ]);
    const tally = await tallyOf(outcome);
    expect(tally.tasks).toMatchObject({ arc: { rollouts: 2, failed: 1, abstained: 1 } });
    expect(tally.tasks).not.toHaveProperty('arc.replaced');
  });

  test('gives up a task whose replacements all failed, and replaces the others on', async () => {
    const round = await run.finishedRound(0, groups(['arc', ['failed', 'failed']], ['zebra', ['failed', 'failed']]));
    const first = await run.finishedReplacement(await planOf([round]), ['failed', 'failed', 'failed', 1]);
    expect(await planOf([round, first])).toMatchObject({ replaces: 2, counts: { zebra: 1 } });
  });

  test('of a replacement that does not fit its round is refused', async () => {
    const round = await run.finishedRound(0, groups(['arc', ['failed', 'failed', 0, 1]]));
    const plan = await planOf([round]);
    const short = await run.finishedReplacement(plan, [1]);
    await expect(close(run, [round, short])).rejects.toMatchObject({
      code: 'round-invalid',
      message:
        'Cannot replace in round 0: 2 rollouts failed, and 1 of 2 were sampled in their places, expected one for each',
    });
  });

  test('whatever fails: at most two replacements a round, then a batch of what has a verdict, and counts that add up', async () => {
    const said = fc.constantFrom<GroupRewards['rewards'][number]>(1, 0, null, 'failed', 'failed', 'ground-truth');
    const task = fc.constantFrom('arc', 'zebra');
    const drawn = fc.array(fc.record({ task, rewards: fc.array(said, { minLength: 4, maxLength: 4 }) }), {
      ...{ minLength: 1, maxLength: 4 },
    });
    await fc.assert(
      fc.asyncProperty(drawn, fc.array(said, { minLength: 32, maxLength: 32 }), async (first, later) => {
        const rounds = [await run.finishedRound(0, first)];
        const answers = [...later];
        const failures = [...first.flatMap(({ rewards }) => rewards)];
        let outcome = await close(run, rounds);
        while (outcome.kind === 'again') {
          const total = outcome.plan.shards.at(-1)!.to;
          const replies = answers.splice(0, total);
          failures.push(...replies);
          rounds.push(await run.finishedReplacement(outcome.plan, replies));
          outcome = await close(run, rounds);
        }
        expect(rounds.length).toBeLessThanOrEqual(3);
        const tally = z
          .record(
            z.string(),
            z.looseObject({
              rollouts: z.number(),
              failed: z.number().default(0),
              abstained: z.number().default(0),
              replaced: z.number().default(0),
            }),
          )
          .parse((await tallyOf(outcome)).tasks);
        const sum = (name: 'rollouts' | 'failed' | 'abstained' | 'replaced') =>
          Object.values(tally).reduce((total, stats) => total + stats[name]!, 0);
        expect(sum('failed')).toBe(failures.filter((one) => typeof one === 'string').length);
        expect(sum('abstained')).toBe(failures.filter((one) => one === null).length);
        expect(sum('replaced')).toBe(32 - answers.length);
        expect(sum('rollouts') + sum('abstained') + sum('failed') - sum('replaced')).toBe(4 * first.length);
      }),
      { seed: 20261121, numRuns: 60 },
    );
  });

  test('does not draw a task again of which a round brought no verdict: the step ends', async () => {
    const strict = await openRunFixture({ promptsPerStep: 3, groupSize: 2, tasks: ['arc'] });
    try {
      const round = await strict.finishedRound(0, groups(['arc', ['failed', 'failed']], ['arc', [null, 'failed']]));
      const plan = await planOf([round], strict);
      const again = await strict.finishedReplacement(plan, ['failed', 'failed', 'failed']);
      const outcome = await close(strict, [round, again]);
      expect(outcome).toMatchObject({ kind: 'batch', batch: null, shortfall: 3 });
      const tally = await tallyOf(outcome, strict);
      expect(tally.tasks).toMatchObject({ arc: { groups: 2, rollouts: 0, failed: 6, replaced: 3, abstained: 1 } });
    } finally {
      await strict.close();
    }
  });
});

test("trainingDraws() counts a replacement's prompts nowhere: no puzzle is skipped for it", () => {
  const earlier = [{ counts: { arc: 5 } }, { counts: { arc: 3 }, replaces: 1 }];
  expect(trainingDraws(run.config, run.algorithm, { arc: 1 }, earlier)).toMatchObject([{ task: 'arc', from: 5 }]);
});
