/**
 * What durability costs an undisturbed run: the default run as it is (Temporal server, worker processes, sockets, sandboxes, commits,
 * journal, records) beside the same run as a bare loop in one process (`bare-run.ts`). Both must end with the same weights.
 *
 *     npm run bench overhead -- [--steps 15] [--repetitions 3] [--config FILE.json] [--json]
 *
 * Compared is the time of the run's work: from the first evaluation to the end of the last, without the start of the processes, which
 * is told beside it; and the processor time of all processes. The two take turns, each in processes of its own, so that a busy minute of the machine meets both. What the difference
 * consists of is read from the recorded histories and the work journal.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseRunConfig } from '@evenkeel/protocol';
import { type JournalEvent, openFolderStore } from '@evenkeel/store';
import { evaluationWorkflowId, stepWorkflowId } from '@evenkeel/workflows';
import type { Client } from '@temporalio/client';
import { type Timeline, timelineOf } from '../support/history.ts';
import { fetchHistory, withHomeTemporal } from '../support/home-temporal.ts';
import { treeProcessorMs } from '../support/processor-time.ts';
import { shippedVerifiers } from '../support/shipped-verifiers.ts';
import { costOf, workOf } from '../support/step-cost.ts';
import { startEvenkeel } from '../support/train-process.ts';
import { type BareRun, bareRun } from './bare-run.ts';
import { median } from './median.ts';

/** The figure to reach: time of the whole beside the bare loop's. */
const MOST = 1.05;

const TINY = fileURLToPath(new URL('../../packages/policy/models/tiny', import.meta.url));

/** Where a run's time went, in milliseconds; by the same names for both. */
interface Parts {
  readonly rollOut: number;
  readonly verify: number;
  /** Planning, puzzles, selection, advantages, reweighing. */
  readonly decide: number;
  readonly update: number;
  readonly evaluate: number;
  /** Nothing of the run is computed: Temporal works. */
  readonly temporal: number;
  /** A job is on its way to a worker, or its answer back. */
  readonly sockets: number;
  /** Opening and closing of the run, and what lies between two steps. */
  readonly between: number;
}

interface Measured {
  readonly sha256: string;
  readonly totalMs: number;
  /** Of the processor, all threads and processes; null where nothing tells. */
  readonly processorMs: number | null;
  readonly parts: Parts;
  /** From the command to the run's first event, and from its last to the command's end. */
  readonly startMs?: number;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

interface BareChild extends BareRun {
  readonly processorMs: number;
}

function fromBare({ sha256, stepMs, evaluationMs, phases, processorMs }: BareChild): Measured {
  const evaluate = sum(evaluationMs);
  const { rollOut, verify, plan, select, update, improvement } = phases;
  return {
    ...{ sha256, processorMs },
    totalMs: sum(stepMs) + evaluate,
    parts: {
      ...{ rollOut, verify, decide: plan + select, update: update + improvement, evaluate },
      ...{ temporal: 0, sockets: 0, between: 0 },
    },
  };
}

async function timeline(client: Client, workflowId: string): Promise<Timeline | null> {
  const history = await fetchHistory(client, workflowId);
  return history === null ? null : timelineOf(history);
}

async function fromHistories(
  client: Client,
  run: string,
  steps: number,
  journal: readonly JournalEvent[],
): Promise<Omit<Measured, 'sha256' | 'processorMs'> & Pick<Timeline, 'from' | 'to'>> {
  const whole = (await timeline(client, run))!;
  const numbers = Array.from({ length: steps + 1 }, (_, step) => step);
  const stepLines = await Promise.all(numbers.slice(1).map((step) => timeline(client, stepWorkflowId(run, step))));
  const evaluations = await Promise.all(numbers.map((step) => timeline(client, evaluationWorkflowId(run, step))));
  const of = (lines: readonly (Timeline | null)[]) => lines.filter((line) => line !== null);
  const activities = of(stepLines).flatMap((line) => line.activities);
  const work = (...types: string[]) =>
    sum(
      activities
        .filter(({ type }) => types.includes(type))
        .flatMap((activity) => workOf(activity, journal))
        .map(({ from, to }) => to - from),
    );
  const costs = of(stepLines).map((line) => costOf(line, journal));
  const evaluate = sum(of(evaluations).map(({ from, to }) => to - from));
  const inSteps = sum(costs.map(({ durationMs }) => durationMs));
  const first = Math.min(...of(evaluations).map(({ from }) => from));
  const last = Math.max(...of(evaluations).map(({ to }) => to));
  return {
    ...{ from: whole.from, to: whole.to, totalMs: last - first },
    parts: {
      rollOut: work('rollOut'),
      verify: work('verify'),
      decide: work('planRound', 'closeRound', 'finishStep'),
      ...{ update: work('update'), evaluate },
      temporal: sum(costs.map(({ temporalMs }) => temporalMs)),
      sockets: sum(costs.map(({ socketsMs }) => socketsMs ?? 0)),
      between: last - first - inSteps - evaluate,
    },
  };
}

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '15' },
    repetitions: { type: 'string', default: '3' },
    config: { type: 'string' },
    json: { type: 'boolean', default: false },
    bare: { type: 'string' },
  },
});

if (values.bare !== undefined) {
  // The child: one bare run of the configuration, alone in its process.
  const config = parseRunConfig(JSON.parse(readFileSync(values.bare, 'utf8')).config);
  const before = process.cpuUsage();
  const result = await bareRun({ config, modelFolder: TINY, verifiers: shippedVerifiers, evaluates: true });
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ ...result, processorMs: (user + system) / 1000 }));
  process.exit(0);
}

const steps = Number(values.steps);
const repetitions = Number(values.repetitions);
const home = mkdtempSync(join(tmpdir(), 'evenkeel-overhead-'));
const file = values.config === undefined ? {} : (JSON.parse(readFileSync(values.config, 'utf8')) as object);
const say = (line: string) => console.error(line);

function runBare(record: string): Measured {
  const args = ['--no-warnings', fileURLToPath(import.meta.url), '--bare', record];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`Cannot measure: the bare loop ended with ${status}`);
  return fromBare(JSON.parse(stdout) as BareChild);
}

interface WholeRun {
  readonly sha256: string;
  readonly processorMs: number | null;
  readonly fromMs: number;
  readonly toMs: number;
}

async function runWhole(run: string): Promise<WholeRun> {
  const path = join(home, `${run}.json`);
  writeFileSync(path, JSON.stringify({ ...file, run, steps }));
  const fromMs = Date.now();
  const train = startEvenkeel(['train', path, '--json', '--home', home]);
  let processor: { readonly first: number; readonly last: number } | null = null;
  const watch = setInterval(() => {
    const said = (kind: string) => train.lines.some((line) => line.kind === kind);
    if (!said('phase') || said('result')) return;
    const last = treeProcessorMs(train.child.pid!);
    if (last !== null) processor = { first: processor?.first ?? last, last };
  }, 100);
  const { policy } = await train.result().finally(() => clearInterval(watch));
  const { first, last } = processor ?? { first: 0, last: 0 };
  const processorMs = processor === null ? null : last - first;
  return { sha256: policy.sha256, processorMs, fromMs, toMs: Date.now() };
}

mkdirSync(home, { recursive: true });
// Warm: the server's program, the bundle of the workflows, the disk's cache.
say('warming up');
await runWhole('warm');
const bare: Measured[] = [];
const ran: (WholeRun & { readonly run: string })[] = [];
for (let repetition = 1; repetition <= repetitions; repetition++) {
  const run = `whole-${repetition}`;
  const measures = [
    async () => void ran.push({ run, ...(await runWhole(run)) }),
    async () => void bare.push(runBare(join(home, 'runs', 'warm', 'run.json'))),
  ];
  for (const measure of repetition % 2 === 1 ? measures : measures.toReversed()) await measure();
  say(`repetition ${repetition} of ${repetitions}: bare ${(bare.at(-1)!.totalMs / 1000).toFixed(1)} s`);
}
const store = await openFolderStore(join(home, 'store'));
const journal = await store.readJournal();
await store.close();
const whole = await withHomeTemporal(home, async (client) => {
  const measured: Measured[] = [];
  for (const { run, sha256, processorMs, fromMs, toMs } of ran) {
    const { from, to, ...read } = await fromHistories(client, run, steps, journal);
    measured.push({ sha256, processorMs, ...read, startMs: from - fromMs + (toMs - to) });
  }
  return measured;
});
rmSync(home, { recursive: true, force: true });

const ratios = whole.map(({ totalMs }, place) => totalMs / bare[place]!.totalMs);
const processorRatios = whole.flatMap(({ processorMs }, place) =>
  processorMs === null ? [] : [processorMs / bare[place]!.processorMs!],
);
const hashes = new Set([...whole, ...bare].map(({ sha256 }) => sha256));
const names = Object.keys(whole[0]!.parts) as (keyof Parts)[];
const perStep = (measured: readonly Measured[], read: (one: Measured) => number) => median(measured.map(read)) / steps;
const rows = names.map((name) => {
  const [a, b] = [perStep(bare, ({ parts }) => parts[name]), perStep(whole, ({ parts }) => parts[name])];
  return { name, bare: a, whole: b };
});
const total = {
  name: 'sum',
  bare: perStep(bare, ({ totalMs }) => totalMs),
  whole: perStep(whole, ({ totalMs }) => totalMs),
};
const result = {
  kind: 'overhead',
  ...{
    steps,
    repetitions,
    ratios,
    ratio: median(ratios),
    processorRatios,
    sha256: [...hashes],
    perStepMs: [...rows, total],
  },
  startMs: median(whole.map(({ startMs }) => startMs!)),
};
if (values.json) console.log(JSON.stringify(result));
else {
  const number = (value: number) => value.toFixed(1).padStart(10);
  console.log(`ms per step        bare  as it is      more  of bare`);
  for (const { name, bare: a, whole: b } of [...rows, total]) {
    const share = `${((100 * (b - a)) / total.bare).toFixed(1)} %`.padStart(9);
    console.log(`${name.padEnd(10)} ${number(a)}${number(b)}${number(b - a)}${share}`);
  }
  const spread = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
  console.log(
    `\nas it is / bare: ${result.ratio.toFixed(3)} (${spread}, ${repetitions} repetitions; expected ${MOST})`,
  );
  if (processorRatios.length > 0) {
    const [least, most] = [Math.min(...processorRatios), Math.max(...processorRatios)];
    console.log(
      `processor time, the same: ${median(processorRatios).toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)}; all processes and threads)`,
    );
  }
  console.log(`start and end of the processes besides: ${(result.startMs / 1000).toFixed(1)} s a run`);
  console.log(
    hashes.size === 1 ? `same weights: ${[...hashes][0]!.slice(0, 12)}` : `NOT the same weights: ${[...hashes]}`,
  );
}
process.exit(hashes.size === 1 ? 0 : 1);
