/**
 * A long run at full speed: thousands of steps of a stub-sized policy on the real server, real workers and real graphs, to see what
 * grows, slows down or leaks with the number of steps.
 *
 *     npm run bench long-run -- [--steps 2000] [--kill-at 1900] [--disk-budget 200MB] [--home DIR] [--json]
 *
 * Once, at `--kill-at`, the workflow worker is killed: how long until the run works again says how long a replay takes. Ends with 1
 * where the last steps take much more of the processor than the first, a process grew without bound, a history passed the server's own bounds, or a
 * step can no longer be found by the Temporal UI's list. Memory and open files are read from `/proc`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stepRecordName } from '@evenkeel/activities';
import type { Client } from '@temporalio/client';
import { withHomeTemporal } from '../support/home-temporal.ts';
import { writeStubRun } from '../support/stub-run.ts';
import { homeProcessIds, startEvenkeel } from '../support/train-process.ts';
import { median } from './median.ts';

const RUN = 'long';
const SAMPLE_MS = 5_000;
/** The last steps may take so much more of the processor than the first. */
const MOST_SLOWER = 1.25;
/** What a process may grow in the second half of the run, MB: more would be a leak that a run of weeks meets. */
const MOST_GROWTH_MB = 40;
/** The server suggests a new history at 4,096 events and warns at 10,240. */
const MOST_EVENTS = 10_240;

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '2000' },
    'kill-at': { type: 'string' },
    'disk-budget': { type: 'string' },
    home: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
const killAt = values['kill-at'] === undefined ? steps - 100 : Number(values['kill-at']);
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-long-'));
const home = values.home ?? join(folder, 'home');
const say = (line: string) => console.error(line);

/** A process at one moment. */
interface ProcessSample {
  readonly pid: number;
  /** Of the processor since its start. Unlike the clock it does not depend on what else the machine does. */
  readonly cpuMs: number;
  readonly megabytes: number;
  readonly files: number;
}

interface Sample {
  readonly atMs: number;
  readonly step: number;
  readonly processes: Readonly<Record<string, ProcessSample>>;
}

function sampleProcess(pid: number): ProcessSample | null {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kilobytes === undefined) return null;
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it, in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const cpuMs = 10 * (Number(fields[11]) + Number(fields[12]));
    return { pid, cpuMs, megabytes: Number(kilobytes) / 1024, files: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return null;
  }
}

/** Bytes below a folder, by what they are for. */
function bytesByKind(): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name).slice(home.length + 1);
    const [top = '', second = '', third = ''] = path.split('/');
    const kind = top === 'store' ? `store/${second}` : top === 'runs' ? `runs/${third}` : top;
    try {
      sizes[kind] = (sizes[kind] ?? 0) + statSync(join(home, path)).size;
    } catch {
      // Tidied away meanwhile.
    }
  }
  return sizes;
}

/** When each step's table was written: the moment at which it was done. */
function stepTimes(): number[] {
  return Array.from(
    { length: steps },
    (_, step) => statSync(join(home, 'runs', RUN, stepRecordName(step + 1))).mtimeMs,
  );
}

function newestStep(): number {
  try {
    return readdirSync(join(home, 'runs', RUN, 'steps')).length;
  } catch {
    return 0;
  }
}

interface Histories {
  readonly run: readonly { readonly events: number; readonly bytes: number }[];
  readonly steps: number;
  readonly stepEvents: number;
  readonly mostStepEvents: number;
}

/** What the Temporal UI's list finds of the run. */
async function histories(client: Client): Promise<Histories> {
  const run: { events: number; bytes: number }[] = [];
  const events: number[] = [];
  for await (const found of client.workflow.list({ query: `WorkflowId = '${RUN}'` })) {
    run.push({ events: found.historyLength, bytes: found.historySize ?? 0 });
  }
  for await (const found of client.workflow.list({
    query: `EvenkeelRun = '${RUN}' AND WorkflowType = 'trainingStep'`,
  })) {
    if (found.status.name === 'COMPLETED') events.push(found.historyLength);
  }
  return { run, steps: events.length, stepEvents: median(events), mostStepEvents: Math.max(...events) };
}

interface Recovery {
  readonly step: number;
  readonly recoveryMs: number;
}

/** Kills the workflow worker, and waits for the end of the step under way: it is this worker that writes it down. */
async function killWorkflowWorker(): Promise<Recovery> {
  process.kill(homeProcessIds(home).workflow!, 'SIGKILL');
  const at = Date.now();
  const step = newestStep();
  while (newestStep() === step) await sleep(20);
  return { step, recoveryMs: Date.now() - at };
}

const config = await writeStubRun(folder, { run: RUN, steps, evaluation: { every: 500, promptsPerTask: 8 } });
const budget = values['disk-budget'] === undefined ? [] : ['--disk-budget', values['disk-budget']];
const train = startEvenkeel(['train', config, '--yes', '--json', '--home', home, ...budget]);
const samples: Sample[] = [];
let recovery: Recovery | null = null;
let ended = false;
const end = train.ended.then((exit) => {
  ended = true;
  return exit;
});
const startedAt = Date.now();
while (!ended) {
  const step = newestStep();
  if (step > 0) {
    const ids = { ...homeProcessIds(home), cli: train.child.pid! };
    const processes = Object.entries(ids).flatMap(([name, pid]) => {
      const sample = sampleProcess(pid);
      return sample === null ? [] : [[name, sample] as const];
    });
    samples.push({ atMs: Date.now() - startedAt, step, processes: Object.fromEntries(processes) });
    const { workflow, trainer, rollout } = samples.at(-1)!.processes;
    const megabytes = [workflow, trainer, rollout].map((one) => one?.megabytes.toFixed(0) ?? '–').join('/');
    say(`${(samples.at(-1)!.atMs / 1000).toFixed(0)} s: step ${step}, workflow/trainer/rollout ${megabytes} MB`);
    if (recovery === null && step >= killAt) recovery = await killWorkflowWorker();
  }
  await Promise.race([sleep(SAMPLE_MS), end]);
}
const result = await train.result();
const bytes = bytesByKind();
// The home is at rest: nothing has to be spared for what is just being made.
await startEvenkeel(['gc', '--grace-minutes', '0', '--json', '--home', home]).ended;
const tidied = bytesByKind();
const found = await withHomeTemporal(home, histories);

const times = stepTimes();
const rate = (from: number, to: number) => (1000 * (to - from)) / (times[to - 1]! - times[Math.max(0, from - 1)]!);
const window = Math.min(100, Math.floor(steps / 4));
const cold = Math.floor(window / 2);
/** The first steps are of cold code; where the worker was killed, its absence is no slowness. */
const first = rate(cold, cold + window);
const last =
  recovery === null || killAt > steps - window ? rate(steps - 2 * window, steps - window) : rate(steps - window, steps);
const rates = Array.from({ length: Math.floor(steps / 100) }, (_, hundred) => rate(hundred * 100, hundred * 100 + 100));
const names = [...new Set(samples.flatMap((sample) => Object.keys(sample.processes)))];
const processes = names.map((name) => {
  const own = samples.flatMap(({ step, processes: all }) => (all[name] === undefined ? [] : [{ step, ...all[name] }]));
  const near = (step: number) => own.find((sample) => sample.step >= step) ?? own.at(-1)!;
  const beforeKill = own.filter(({ step }) => step < killAt);
  const [early, middle, late] = [near(window), near(steps / 2), beforeKill.at(-1) ?? own.at(-1)!];
  /** Milliseconds of the processor for each step between two moments of the same process. */
  const cpuPerStep = (from: number, to: number) => {
    const [a, b] = [near(from), near(to)];
    return a.pid === b.pid && b.step > a.step ? (b.cpuMs - a.cpuMs) / (b.step - a.step) : Number.NaN;
  };
  return {
    ...{ name, earlyMb: early.megabytes, middleMb: middle.megabytes, lateMb: late.megabytes },
    cpuFirstMs: cpuPerStep(window, 3 * window),
    cpuLastMs: cpuPerStep(killAt - 3 * window, killAt - window),
    mostMb: Math.max(...own.map(({ megabytes }) => megabytes)),
    ...{ earlyFiles: early.files, lateFiles: late.files },
  };
});
const perStep = Object.entries(bytes).map(([kind, all]) => ({
  ...{ kind, bytes: all, perStep: all / steps, tidied: tidied[kind] ?? 0 },
}));

const cpuOf = (read: (process: (typeof processes)[number]) => number) =>
  processes
    .map(read)
    .filter((value) => Number.isFinite(value))
    .reduce((total, value) => total + value, 0);
const slower = cpuOf(({ cpuLastMs }) => cpuLastMs) / cpuOf(({ cpuFirstMs }) => cpuFirstMs);

const wrong = [
  ...(slower > MOST_SLOWER ? [`the last steps take ${slower.toFixed(2)} times the processor time of the first`] : []),
  ...processes
    .filter(({ middleMb, lateMb }) => lateMb - middleMb > MOST_GROWTH_MB)
    .map(({ name, middleMb, lateMb }) => `${name} grew from ${middleMb.toFixed(0)} to ${lateMb.toFixed(0)} MB`),
  ...(found.steps < steps ? [`${found.steps} of ${steps} steps are found by the list`] : []),
  ...found.run.filter(({ events }) => events > MOST_EVENTS).map(({ events }) => `a history has ${events} events`),
];
const report = {
  ...{ kind: 'long-run', steps, sha256: result.policy.sha256, first, last, slower, rates, recovery },
  ...{ histories: found, processes, bytes: perStep, wrong },
};
if (values.json) console.log(JSON.stringify(report));
else print(report);
if (values.home === undefined) rmSync(folder, { recursive: true, force: true });
process.exit(wrong.length === 0 ? 0 : 1);

function print(of: typeof report): void {
  const megabytes = (value: number) => (value / 1e6).toFixed(1);
  console.log(
    `steps ${steps} in ${((times.at(-1)! - times[0]!) / 1000).toFixed(0)} s, weights ${of.sha256.slice(0, 12)}`,
  );
  console.log(`steps/s: first hundred ${of.first.toFixed(2)}, last ${of.last.toFixed(2)}`);
  console.log(`by hundreds: ${of.rates.map((value) => value.toFixed(1)).join(' ')}`);
  const { run, steps: listed, stepEvents, mostStepEvents } = of.histories;
  console.log(`\nhistories of the run: ${run.length}, events ${run.map(({ events }) => events).join(' ')}`);
  console.log(`  KB ${run.map(({ bytes: size }) => (size / 1000).toFixed(0)).join(' ')}`);
  console.log(
    `steps in the list: ${listed} of ${steps}; events of a step: median ${stepEvents}, most ${mostStepEvents}`,
  );
  if (of.recovery !== null) {
    const { step, recoveryMs } = of.recovery;
    console.log(
      `workflow worker killed at step ${step}: the next step was done after ${(recoveryMs / 1000).toFixed(1)} s`,
    );
  }
  console.log(`processor time of a step, last beside first: ${of.slower.toFixed(2)}`);
  console.log(
    `\nprocess      MB early  middle    late    most   files early  late   ms of the processor a step, first  last`,
  );
  for (const one of of.processes) {
    const { name, earlyMb, middleMb, lateMb, mostMb, earlyFiles, lateFiles, cpuFirstMs, cpuLastMs } = one;
    const mb = [earlyMb, middleMb, lateMb, mostMb].map((value) => value.toFixed(0).padStart(8)).join('');
    console.log(
      `${name.padEnd(13)}${mb}${String(earlyFiles).padStart(14)}${String(lateFiles).padStart(6)}${cpuFirstMs.toFixed(0).padStart(36)}${cpuLastMs.toFixed(0).padStart(6)}`,
    );
  }
  console.log(`\nhome${''.padEnd(20)}MB   KB/step   after gc, MB`);
  for (const { kind, bytes: all, perStep: each, tidied: left } of of.bytes.toSorted((a, b) => b.bytes - a.bytes)) {
    console.log(
      `${kind.padEnd(18)}${megabytes(all).padStart(8)}${(each / 1000).toFixed(2).padStart(10)}${megabytes(left).padStart(15)}`,
    );
  }
  for (const line of of.wrong) console.log(`\nNOT as it should be: ${line}`);
}
