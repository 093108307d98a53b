/**
 * Verdicts per second on one core: in process, and through the sandbox. By task and kind of completion: right answers, wrong ones, no
 * box at all, and right answers behind two kilobytes of working out.
 *
 *     npm run bench verdicts [-- --cpu-ms 150] [--sandbox 40000] [--level easy] [--json]
 *
 * In process, the clock is the CPU time of this thread: what a busy machine does not change much. Through the sandbox it is the clock
 * of the wall, as two processes work side by side; the CPU time of both is told beside it. `--sandbox 0` leaves it out. Exits 1 where
 * a reward is not the one expected.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Submission, TaskVerifier, Verdict } from '@evenkeel/verifier';
import { fuzzTaskOf, fuzzTasks } from '../fuzz/tasks.ts';
import { median } from './median.ts';

/** The figures to reach. */
const IN_PROCESS = 100_000;
const THROUGH_SANDBOX = 20_000;
const PUZZLES = 500;
const REPEATS = 3;
const WORKING_OUT = 2000;

type Kind = 'gold' | 'decoy' | 'no box' | 'long' | 'mix';

interface Case extends Submission {
  readonly reward: number;
}

const kinds: readonly Exclude<Kind, 'mix'>[] = ['gold', 'decoy', 'no box', 'long'];

function casesOf(verifier: TaskVerifier, level: string, kind: Kind): Case[] {
  if (kind === 'mix') {
    const each = kinds.map((one) => casesOf(verifier, level, one));
    return Array.from({ length: PUZZLES }, (_, at) => each.map((cases) => cases[at]!)).flat();
  }
  return Array.from({ length: PUZZLES }, (_, index): Case => {
    const puzzle = verifier.generate({ seed: 1, index, level, split: 'train' });
    const { groundTruth } = puzzle;
    const style = index % 2 === 0 ? 'compact' : 'chat';
    const gold = verifier.gold(puzzle, style);
    const prompt = verifier.prompt(puzzle, 'chat');
    const workingOut = `${prompt.replaceAll('\\boxed', 'a box')}\n`.repeat(10).slice(0, WORKING_OUT);
    if (kind === 'gold') return { groundTruth, completion: gold, reward: 1 };
    if (kind === 'decoy') return { groundTruth, completion: verifier.decoy(puzzle, style, index), reward: 0.1 };
    if (kind === 'no box') return { groundTruth, completion: workingOut.slice(0, 300), reward: 0 };
    return { groundTruth, completion: `${workingOut}${gold}`, reward: 1 };
  });
}

const rewardOf = (verdict: Verdict): number => (verdict.kind === 'scored' ? verdict.reward : Number.NaN);

/** Verdicts per second of CPU time of this thread, the median of some repeats. */
function inProcess(verifier: TaskVerifier, cases: readonly Case[], cpuMs: number): number {
  const rates = Array.from({ length: REPEATS }, () => {
    const start = process.threadCpuUsage();
    let wrong = 0;
    for (let rounds = 1; ; rounds++) {
      for (const submission of cases) if (rewardOf(verifier.score(submission)) !== submission.reward) wrong++;
      const { user, system } = process.threadCpuUsage(start);
      if (user + system < cpuMs * 1000) continue;
      if (wrong > 0) throw new Error(`Cannot bench verdicts: ${wrong} rewards were not those expected`);
      return ((rounds * cases.length) / (user + system)) * 1e6;
    }
  });
  return median(rates);
}

interface SandboxRate {
  readonly perSecond: number;
  readonly hostUs: number;
  readonly sandboxUs: number;
}

async function throughSandbox(task: string, cases: readonly Case[], count: number): Promise<SandboxRate> {
  const { openSandbox } = await import('@evenkeel/verifier-host');
  const sandbox = await openSandbox({ verifier: task });
  try {
    const submissions = Array.from({ length: count }, (_, at) => cases[at % cases.length]!);
    await sandbox.score(submissions.slice(0, cases.length));
    const host = process.cpuUsage();
    const before = cpuUsOf(sandbox.pid!);
    const start = performance.now();
    const verdicts = await sandbox.score(submissions);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(host);
    const wrong = verdicts.filter((verdict, at) => rewardOf(verdict) !== submissions[at]!.reward).length;
    if (wrong > 0) throw new Error(`Cannot bench verdicts: ${wrong} rewards from the sandbox were not those expected`);
    const sandboxUs = (cpuUsOf(sandbox.pid!) - before) / count;
    return { perSecond: count / seconds, hostUs: (user + system) / count, sandboxUs };
  } finally {
    await sandbox.close();
  }
}

/** CPU time of a process, as the kernel tells it in hundredths of a second; 0 where there is no `/proc`. */
function cpuUsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0;
  }
}

const { values } = parseArgs({
  options: {
    'cpu-ms': { type: 'string', default: '150' },
    sandbox: { type: 'string', default: '40000' },
    level: { type: 'string', default: 'tiny,easy,medium,hard,very_hard' },
    json: { type: 'boolean', default: false },
  },
});
const [cpuMs, sandboxCount] = [Number(values['cpu-ms']), Number(values.sandbox)];
const rate = (perSecond: number): string => String(Math.round(perSecond)).padStart(10);
if (!values.json)
  console.log(`in process, verdicts/s per core   ${[...kinds, 'mix'].map((kind) => kind.padStart(10)).join('')}`);
let lowest = Number.POSITIVE_INFINITY;
for (const task of fuzzTasks) {
  const { verifier } = fuzzTaskOf(task);
  for (const level of values.level.split(',')) {
    const rates = [...kinds, 'mix' as const].map((kind) => {
      const cases = casesOf(verifier, level, kind);
      inProcess(verifier, cases, cpuMs / 10);
      const perSecond = inProcess(verifier, cases, cpuMs);
      if (values.json) console.log(JSON.stringify({ kind: 'in-process', task, level, completions: kind, perSecond }));
      return perSecond;
    });
    lowest = Math.min(lowest, ...rates);
    if (!values.json) console.log(`  ${task.padEnd(12)} ${level.padEnd(18)} ${rates.map(rate).join('')}`);
  }
}
if (!values.json) console.log(`  lowest: ${Math.round(lowest)} (expected at least ${IN_PROCESS})`);
let slowest = Number.POSITIVE_INFINITY;
if (sandboxCount > 0) {
  if (!values.json)
    console.log(
      `\nthrough the sandbox, verdicts/s     ${['mix', 'host µs', 'sandbox µs'].map((name) => name.padStart(11)).join('')}`,
    );
  for (const task of fuzzTasks) {
    const cases = casesOf(fuzzTaskOf(task).verifier, 'easy', 'mix');
    const { perSecond, hostUs, sandboxUs } = await throughSandbox(task, cases, sandboxCount);
    slowest = Math.min(slowest, perSecond);
    if (values.json) console.log(JSON.stringify({ kind: 'sandbox', task, perSecond, hostUs, sandboxUs }));
    else
      console.log(
        `  ${task.padEnd(32)} ${rate(perSecond)} ${hostUs.toFixed(1).padStart(10)} ${sandboxUs.toFixed(1).padStart(10)}`,
      );
  }
  if (!values.json) console.log(`  lowest: ${Math.round(slowest)} (expected at least ${THROUGH_SANDBOX})`);
}
