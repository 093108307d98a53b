import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordEvaluation } from './evaluation.ts';
import { type GroupRewards, openRunFixture, type RunFixture } from './fixtures.ts';
import { runFolder } from './run-folder.ts';

describe('recordEvaluation()', () => {
  let run: RunFixture;
  beforeAll(async () => {
    run = await openRunFixture({ tasks: ['countdown', 'zebra', 'arc'] });
  });
  afterAll(() => run.close());

  async function record(rewards: Readonly<Record<string, GroupRewards['rewards']>>) {
    const groups = Object.entries(rewards).map(([task, own]) => ({ task, rewards: own }));
    const round = await run.finishedRound(0, groups);
    const { configRef: config, state } = run;
    return await recordEvaluation(run.context)({ run: 'r', config, step: 30, policy: state.policy, round });
  }

  test('counts the correct and the well-formed answers of each task, and names the worst', async () => {
    const evaluation = await record({ countdown: [1, 0.1, 0], zebra: [1, 1], arc: [1, 0, 0, 0] });
    expect(evaluation).toEqual({
      step: 30,
      policy: run.state.policy,
      tasks: [
        { task: 'countdown', correct: 1, formatted: 2, total: 3 },
        { task: 'zebra', correct: 2, formatted: 2, total: 2 },
        { task: 'arc', correct: 1, formatted: 1, total: 4 },
      ],
      worst: { task: 'arc', accuracy: 0.25 },
      mean: expect.closeTo((1 / 3 + 1 + 1 / 4) / 3, 12),
    });
    const path = join(runFolder(run.home, 'r'), 'evaluations', '000030.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(evaluation);
  });

  test('leaves out what nobody scored: it is no wrong answer, and its task not the worst', async () => {
    const evaluation = await record({ countdown: [1, null], zebra: [null, 'failed'], arc: [0.1, 1] });
    expect(evaluation.tasks.map(({ correct, total }) => [correct, total])).toEqual([
      [1, 1],
      [0, 0],
      [1, 2],
    ]);
    expect(evaluation.tasks[0]).toMatchObject({ abstained: 1 });
    expect(evaluation.tasks[1]).toMatchObject({ abstained: 1, failed: 1 });
    expect(evaluation.tasks[2]).not.toHaveProperty('failed');
    expect(evaluation.worst).toEqual({ task: 'arc', accuracy: 0.5 });
    expect(evaluation.mean).toBe(0.75);
  });

  test('has no worst task where nothing was scored', async () => {
    expect(await record({ countdown: [null] })).toMatchObject({ worst: { task: '', accuracy: 0 }, mean: 0 });
  });
});
