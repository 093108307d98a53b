import { encodePrompts, type PromptRow } from '@evenkeel/store';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRunFixture, type RunFixture } from './fixtures.ts';
import { drawRound } from './plan-round.ts';
import { drawFromSet, promptSplit, rowsOfTask, type SetDraw } from './prompt-set.ts';

function row(index: number, verifier = 'countdown', level = 'easy'): PromptRow {
  const text = { prompt: `${verifier} ${level} ${index}`, groundTruth: `{"target":${index}}` };
  return { task: verifier, verifier, level, puzzle: `p${index}`, index, ...text };
}

const rows = [
  ...Array.from({ length: 60 }, (_, index) => row(index)),
  ...Array.from({ length: 30 }, (_, index) => row(index, 'countdown', 'hard')),
  ...Array.from({ length: 30 }, (_, index) => row(index, 'words', 'plain')),
];

let run: RunFixture;
let draw: SetDraw;
beforeAll(async () => {
  run = await openRunFixture({ tasks: ['countdown'] });
  const set = await run.context.store.put('prompt-set', encodePrompts(rows));
  draw = {
    set,
    task: 'mine',
    verifier: 'countdown',
    level: 'all',
    split: 'train',
    seed: 3,
    from: 0,
    count: 0,
    epochs: 'many',
  };
});
afterAll(() => run.close());

const drawn = async (changes: Partial<SetDraw>) => await drawFromSet(run.context.store, { ...draw, ...changes });
const prompts = (found: readonly PromptRow[]) => found.map(({ prompt }) => prompt);

describe('drawFromSet()', () => {
  test('cuts one sequence, wherever the cuts are: each epoch has every row of the split once, in an order of its own', async () => {
    const own = rowsOfTask(rows, draw);
    const three = prompts(await drawn({ count: 3 * own.length }));
    const epochs = [0, 1, 2].map((epoch) => three.slice(epoch * own.length, (epoch + 1) * own.length));
    for (const epoch of epochs) expect(epoch.toSorted()).toEqual(prompts(own).toSorted());
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(3);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 * own.length }), fc.nat({ max: own.length }), async (from, count) => {
        expect(prompts(await drawn({ from, count }))).toEqual(three.slice(from, from + count));
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  test('has another order for another seed, and the same for another name of the task', async () => {
    const first = prompts(await drawn({ count: 20 }));
    expect(prompts(await drawn({ count: 20, seed: 4 }))).not.toEqual(first);
    const renamed = await drawn({ count: 20, task: 'yours', verifier: 'countdown@1.0.0' });
    expect(prompts(renamed)).toEqual(first);
    expect(renamed[3]).toMatchObject({ task: 'yours', verifier: 'countdown@1.0.0', index: 3 });
  });

  test('never gives a prompt that is evaluated on for training: a prompt has one split, in whichever set', async () => {
    const train = new Set(prompts(await drawn({ count: 500 })));
    for (const split of ['heldout', 'tune'] as const) {
      const own = await drawn({ split, count: 500, epochs: 'one' });
      expect(own.length).toBeGreaterThan(3);
      expect(own.length).toBe(new Set(prompts(own)).size);
      expect(own.filter(({ prompt }) => train.has(prompt))).toEqual([]);
      expect(own.every(({ prompt }) => promptSplit(prompt) === split)).toBe(true);
    }
  });

  test('takes the rows of its verifier, of all levels or of one', async () => {
    const levels = async (level: string) => [...new Set((await drawn({ level, count: 90 })).map((one) => one.level))];
    expect((await levels('all')).toSorted()).toEqual(['easy', 'hard']);
    expect(await levels('hard')).toEqual(['hard']);
    const words = await drawn({ verifier: 'words', count: 24, epochs: 'one' });
    expect(words.every(({ prompt }) => prompt.startsWith('words'))).toBe(true);
  });

  test('of a split without rows is refused', async () => {
    await expect(drawn({ level: 'odd', count: 1 })).rejects.toMatchObject({
      code: 'prompts-empty',
      message:
        'Cannot draw prompts of task "mine": its prompt set has no rows for split "train", expected at least one',
    });
  });
});

test('drawRound() needs no verifier host where all tasks have prompt sets, and counts what there was', async () => {
  const { context, config } = run;
  const draws: SetDraw[] = [
    { ...draw, count: 5 },
    { ...draw, task: 'words', verifier: 'words', split: 'heldout', count: 500, epochs: 'one' },
  ];
  const plan = await drawRound(context, config, { round: 2, draws });
  const held = rowsOfTask(rows, { verifier: 'words', level: 'all', split: 'heldout' }).length;
  expect(plan).toMatchObject({ round: 2, counts: { mine: 5, words: held }, shards: [{ from: 0, to: 5 + held }] });
  expect(await drawRound(context, config, { round: 2, draws })).toEqual(plan);
});
