/**
 * Whether the host survives what it runs: hostile items among good ones, three ways. Every good one must get its right verdict, every
 * hostile one a failure or a score; the throughput of the good ones is measured without and with the hostile ones in the same run.
 *
 *     npm run bench hostile-mix -- [good=100000] [hostile=10000] [variants=12]
 *
 * `variants`: of how many different items an attack comes; the same item again is not asked again, once it is known to kill.
 */
import { openVerifier } from '../src/index.ts';
import { attackNames } from '../test-fixtures/hostile/src/index.ts';
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
  type Tally,
} from './mix.ts';

const [good = 100_000, hostile = 10_000, variants = 12] = process.argv.slice(2).map(Number);
const share = Math.ceil(good / 3);
let wrong = 0;

function sum(tallies: readonly Tally[]): Tally {
  const became: Record<string, number> = {};
  for (const tally of tallies)
    for (const [kind, count] of Object.entries(tally.became)) became[kind] = (became[kind] ?? 0) + count;
  const add = (of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    good: add((tally) => tally.good),
    hostile: add((tally) => tally.hostile),
    wrong: add((tally) => tally.wrong),
    became,
    goodMs: Math.max(...tallies.map(({ goodMs }) => goodMs)),
  };
}

function print(what: string, without: Tally, withThem: Tally, rest: object = {}): void {
  wrong += without.wrong + withThem.wrong;
  const perSecond = ({ good: count, goodMs }: Tally): number => Math.round((count / goodMs) * 1000);
  console.log(
    JSON.stringify({
      what,
      good: withThem.good,
      wrong: withThem.wrong,
      hostile: withThem.hostile,
      ...(Object.keys(withThem.became).length === 0 ? {} : { became: withThem.became }),
      goodPerSecond: { without: perSecond(without), with: perSecond(withThem) },
      ratio: Number((perSecond(withThem) / perSecond(without)).toFixed(2)),
      ...rest,
    }),
  );
}

const all = async (
  tasks: readonly GoodVerifier[],
  items: (task: GoodVerifier) => ReturnType<typeof cycle>,
): Promise<Tally> => sum(await Promise.all(tasks.map((task) => stream(task.open, items(task)))));

const tasks = await openTasks(1000, 1);
// Everybody warm: the first thousands are slower.
await all(tasks, ({ items }) => cycle(items, 4000));

const alone = await all(tasks, ({ items }) => cycle(items, share));
const mixes = new Map(
  tasks.map((task) => [task, mixed(cycle(task.items, share), hostileTexts(task, Math.ceil(hostile / 3)))]),
);
const texts = await all(tasks, (task) => mixes.get(task)!);
const megabytes =
  [...mixes.values()]
    .flat()
    .reduce((sum, { submission, hostile: hurts }) => sum + (hurts === true ? submission.completion.length : 0), 0) /
  1e6;
print('hostile texts among the good ones', alone, texts, { hostileMb: Math.round(megabytes) });

// Beside them: a verifier that does nothing but harm, as long as the good ones take and then to its end.
const beside = await openVerifier({ verifier: hostileFolder });
const before = await all(tasks, ({ items }) => cycle(items, share));
const harm = stream(beside, hostileItems(hostile, variants));
const during = await all(tasks, ({ items }) => cycle(items, share));
const { became, hostile: asked } = await harm;
print('a hostile verifier beside them', before, { ...during, became, hostile: asked }, { counts: beside.counts() });
await beside.close();
for (const { open } of tasks) await open.close();

// The same verifier is good and hostile: nobody can be quick here, each attack costs what its limit allows.
const both = await openVerifier({ verifier: hostileFolder });
await stream(both, goodOfHostile(4000));
const kept = await stream(both, goodOfHostile(good));
const split = await stream(both, mixed(goodOfHostile(good), hostileItems(hostile, variants)));
print('hostile items of the same verifier', kept, split, { counts: both.counts() });
await both.close();

const costs = await openVerifier({ verifier: hostileFolder });
const msPerItem: Record<string, number> = {};
for (const name of attackNames) {
  const from = performance.now();
  // Other items than above, each a new one.
  await stream(costs, hostileItems(3, 3, [name]));
  msPerItem[name] = Math.round((performance.now() - from) / 3);
}
console.log(JSON.stringify({ what: 'cost of one hostile item that was never seen', msPerItem }));
await costs.close();
if (wrong > 0) {
  console.error(`Cannot vouch for the host: ${wrong} good items got another verdict, expected none`);
  process.exitCode = 1;
}
