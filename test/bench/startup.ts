/**
 * How long the engine takes to be ready for the tiny policy: in a fresh process each time, what loading the policy and a first call
 * cost beyond a warm one, with graphs built, sessions made and first runs. Sampling and training are apart, because in a run they
 * are two processes that start side by side.
 *
 *     npm run bench startup [-- --repeats 5] [--threads 2] [--json]
 *
 * The shapes are those of the default run: 64 prompts × 8, 16 new tokens. Exits 1 where either takes more than 2 s.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { wholeNumber } from './arguments.ts';
import { machine, warnIfBusy } from './machine.ts';
import { spreadOf } from './side-by-side.ts';
import type { Started } from './startup-point.ts';
import { textTable } from './text-table.ts';

const GOAL_MS = 2000;
const BENCH = 'startup';
const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
warnIfBusy(machine());
const repeats = wholeNumber(BENCH, 'repeats', values.repeats);
const threads = wholeNumber(BENCH, 'threads', values.threads);

const starts: Started[] = [];
for (let repeat = 0; repeat < repeats; repeat++) {
  const path = join(import.meta.dirname, 'startup-point.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', path, String(threads)]);
  const started = JSON.parse(stdout) as Started;
  if (values.json) console.log(JSON.stringify({ kind: 'start', ...started }));
  starts.push(started);
}

const row = (name: string, of: (start: Started) => number): string[] => {
  const { median, least, most } = spreadOf(starts.map(of));
  return [name, median.toFixed(0), `${least.toFixed(0)} to ${most.toFixed(0)}`];
};
/** Loading, and what a first call costs beyond a warm one. */
const readyMs = (start: Started, work: 'generateMs' | 'updateMs'): number =>
  start.loadMs + start[work][0] - start[work][1];
const sampling = spreadOf(starts.map((start) => readyMs(start, 'generateMs')));
const training = spreadOf(starts.map((start) => readyMs(start, 'updateMs')));
if (values.json)
  console.log(
    JSON.stringify({
      kind: 'result',
      samplingMs: sampling,
      trainingMs: training,
      sessions: starts[0]!.sessions,
      threads,
    }),
  );
else {
  console.log(`tiny policy, ${starts[0]!.sessions} sessions, ${threads} threads, ${repeats} fresh processes\n`);
  console.log(
    textTable(
      ['ms', 'median', 'least to most'],
      [
        row('load modules and policy', ({ loadMs }) => loadMs),
        row('make all sessions', ({ sessionMs }) => sessionMs),
        row('first sampling, sessions included', ({ generateMs }) => generateMs[0]),
        row('sampling again', ({ generateMs }) => generateMs[1]),
        row('first update, sessions included', ({ updateMs }) => updateMs[0]),
        row('update again', ({ updateMs }) => updateMs[1]),
        row(`ready to sample (goal ${GOAL_MS})`, (start) => readyMs(start, 'generateMs')),
        row(`ready to train (goal ${GOAL_MS})`, (start) => readyMs(start, 'updateMs')),
      ],
    ),
  );
}
process.exitCode = Math.max(sampling.median, training.median) <= GOAL_MS ? 0 : 1;
