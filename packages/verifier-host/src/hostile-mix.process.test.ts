/** The bench `hostile-mix`, smaller, for what came out; how long it took is not looked at. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  cycle,
  type GoodVerifier,
  goodOfHostile,
  hostileFolder,
  hostileItems,
  hostileTexts,
  mixed,
  openTasks,
  stream,
} from '../bench/mix.ts';
import { openVerifier } from './open-verifier.ts';

const GOOD = 3400;
const HOSTILE = 1000;
const HOSTILE_TEXTS = 340;
const kinds = ['scored', 'abstained', 'timeout', 'memory', 'crash', 'contract'];

let tasks: GoodVerifier[];
beforeAll(async () => {
  tasks = await openTasks(300, 1);
});
afterAll(async () => {
  for (const { open } of tasks) await open.close();
});

test('hostile texts among good ones: each verdict is the one that the verifier gives by itself', async () => {
  for (const task of tasks) {
    const tally = await stream(task.open, mixed(cycle(task.items, GOOD), hostileTexts(task, HOSTILE_TEXTS)));
    expect(tally).toMatchObject({ good: GOOD, hostile: HOSTILE_TEXTS, wrong: 0 });
  }
});

test('a hostile verifier beside good ones, and one that is both: every good item gets its right verdict', async () => {
  const hostile = await openVerifier({ verifier: hostileFolder });
  try {
    const attacked = stream(hostile, mixed(goodOfHostile(3 * GOOD), hostileItems(HOSTILE, 1)));
    const tallies = await Promise.all(tasks.map(({ open, items }) => stream(open, cycle(items, GOOD))));
    for (const tally of tallies) expect(tally).toMatchObject({ good: GOOD, wrong: 0 });
    const both = await attacked;
    expect(both).toMatchObject({ good: 3 * GOOD, wrong: 0, hostile: HOSTILE });
    expect(Object.keys(both.became).filter((kind) => !kinds.includes(kind))).toEqual([]);
    expect(hostile.counts().failed.nondeterministic).toBe(0);
  } finally {
    await hostile.close();
  }
});
