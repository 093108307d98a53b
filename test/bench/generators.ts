/**
 * The generators: how fast they draw, whether a million puzzles come without a throw, and how hard the puzzles are.
 *
 *     npm run bench generators [-- --tasks countdown,zebra,arc] [--levels tiny,easy] [--cpu-ms 1000] [--json]
 *     npm run bench generators -- --puzzles 1000000 [--sample-every 20] [--seed 1]
 *     npm run bench generators -- --difficulty 1000
 *
 * The first says puzzles per second of CPU time of one thread, in process, by task, level and split; the easy levels (tiny and easy)
 * are expected to reach 10,000. A held-out puzzle costs ten draws, as nine of ten lie in another split. The second draws over all
 * tasks, levels, splits and seeds, and prompts a sample and scores its gold answers and decoys. The third tells for each level how the
 * difficulty of so many puzzles is spread; the tables of the READMEs are its. Exits 1 where something was found.
 */
import { parseArgs } from 'node:util';
import type { Split, TaskVerifier } from '@evenkeel/verifier';
import arc from '@evenkeel/verifier-arc';
import countdown from '@evenkeel/verifier-countdown';
import zebra from '@evenkeel/verifier-zebra';
import { arcDifficulty } from '../../verifiers/arc/bench/difficulty.ts';
import { countdownDifficulty } from '../../verifiers/countdown/bench/difficulty.ts';
import { zebraDifficulty } from '../../verifiers/zebra/bench/difficulty.ts';
import { drawMany } from './draw-many.ts';
import { median } from './median.ts';

/** The figure to reach at the easy levels. */
const EXPECTED = 10_000;
const EASY_LEVELS = ['tiny', 'easy'];
const REPEATS = 5;
const splits: readonly Split[] = ['train', 'tune', 'heldout'];

interface Row {
  readonly [column: string]: string | number;
}

const verifiers: Readonly<Record<string, TaskVerifier>> = { countdown, zebra, arc } as never;
const difficulties: Readonly<Record<string, (level: string, puzzles: number) => Row>> = {
  countdown: countdownDifficulty,
  zebra: zebraDifficulty,
  arc: arcDifficulty,
};

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: Object.keys(verifiers).join(',') },
    levels: { type: 'string', default: countdown.manifest.levels.join(',') },
    'cpu-ms': { type: 'string', default: '1000' },
    puzzles: { type: 'string' },
    'sample-every': { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    difficulty: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const tasks = values.tasks.split(',');
const levels = values.levels.split(',');
const unknown = [
  ...tasks.filter((task) => !Object.hasOwn(verifiers, task)),
  ...levels.filter((level) => !countdown.manifest.levels.includes(level)),
];
if (unknown.length > 0) {
  console.error(
    `Cannot bench generators: there is no task or level ${unknown.join(', ')}, expected some of those above`,
  );
  process.exit(2);
}

if (values.puzzles !== undefined) await drawMillions(Number(values.puzzles));
else if (values.difficulty !== undefined) tellDifficulty(Number(values.difficulty));
else tellSpeeds(Number(values['cpu-ms']));

/** CPU time of this thread: what a busy machine does not change much. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function tellSpeeds(budgetMs: number): void {
  let slowest = Number.POSITIVE_INFINITY;
  for (const task of tasks) {
    for (const level of levels) {
      const speeds = splits.map((split) => speedOf(verifiers[task]!, level, split, budgetMs));
      if (EASY_LEVELS.includes(level)) slowest = Math.min(slowest, ...speeds);
      const [train, tune, heldout] = speeds.map((speed) => Math.round(speed));
      print({ task, level, train: train!, tune: tune!, heldout: heldout! });
    }
  }
  if (slowest === Number.POSITIVE_INFINITY || values.json) return;
  console.log(
    `\npuzzles per second of CPU time; slowest at the easy levels ${Math.round(slowest)} (expected ${EXPECTED})`,
  );
}

/** Puzzles per second: the median of some repeats, each of puzzles of its own. */
function speedOf(verifier: TaskVerifier, level: string, split: Split, budgetMs: number): number {
  const speeds: number[] = [];
  // The first repeat warms up, and is not counted.
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const start = cpuMs();
    let index = 0;
    while (cpuMs() - start < budgetMs / REPEATS) {
      for (const end = index + 50; index < end; index++) verifier.generate({ seed: 100 + repeat, index, level, split });
    }
    if (repeat > 0) speeds.push((index / (cpuMs() - start)) * 1000);
  }
  return median(speeds);
}

async function drawMillions(puzzles: number): Promise<void> {
  const started = cpuMs();
  const options = { puzzles, sampleEvery: Number(values['sample-every']), seed: Number(values.seed) };
  const { drawn, sampled, findings } = drawMany(
    tasks.map((task) => verifiers[task]!),
    options,
  );
  const seconds = Math.round((cpuMs() - started) / 1000);
  if (values.json) console.log(JSON.stringify({ drawn, sampled, seconds, findings }));
  else console.log(`${drawn} puzzles drawn, ${sampled} of them prompted and scored, in ${seconds} s of CPU time`);
  for (const finding of findings) console.error(finding);
  console.log(findings.length === 0 ? 'no finding' : `${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

function tellDifficulty(puzzles: number): void {
  for (const task of tasks) {
    for (const level of levels) print({ task, level, ...difficulties[task]!(level, puzzles) });
    if (!values.json) console.log('');
  }
}

function print(row: Row): void {
  if (values.json) console.log(JSON.stringify(row));
  else
    console.log(
      Object.entries(row)
        .map(([name, value]) => (name === 'task' || name === 'level' ? String(value).padEnd(10) : `${name} ${value}`))
        .join('  '),
    );
}
