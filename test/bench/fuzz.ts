/**
 * Fuzzes the verifiers with structure-aware completions, see `test/fuzz/campaign.ts` for what is asked of each verdict.
 *
 *     npm run bench fuzz -- --count 1000000 [--task countdown,zebra,arc] [--seed 0] [--workers N] [--json]
 *     npm run bench fuzz -- --count 100000 --sandbox      through the real sandbox: each verdict is that of the verifier itself
 *     npm run bench fuzz -- --task zebra --seed 0 --index 123      one case again, with what it was and what it got
 *     npm run bench fuzz -- --count 20000 --coverage      which blocks of the scoring code were never run
 *
 * Each worker is a thread; one that stays at a case for longer than half a minute is ended, and that case is a `hang`. Exits 1 where
 * anything was found. Progress goes to stderr.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { canonicalJson } from '@evenkeel/core';
import { emptyTally, FuzzCampaign, type FuzzFinding, type FuzzTally } from '../fuzz/campaign.ts';
import { startScoringCoverage } from '../fuzz/coverage.ts';
import { fuzzTaskOf, fuzzTasks } from '../fuzz/tasks.ts';

const HANG_MS = 30_000;
const PROGRESS_MS = 5000;
const MOST_SHOWN = 20;
/** Cases that are sent to the sandbox together. */
const SANDBOX_BLOCK = 500;
/** A completion of which the sandbox may say that it is too much for its memory. */
const LARGE = 1_000_000;

interface Share {
  readonly task: string;
  readonly seed: number;
  readonly first: number;
  readonly step: number;
  readonly end: number;
  /** Index under way and cases done, as the main thread sees them. */
  readonly progress: SharedArrayBuffer;
}

interface Outcome {
  readonly tally: FuzzTally;
  readonly findings: readonly FuzzFinding[];
}

function* indicesOf({ first, step, end }: Share): Generator<number> {
  for (let index = first; index < end; index += step) yield index;
}

function runShare(share: Share): Outcome {
  const campaign = new FuzzCampaign(share.task, share.seed);
  const progress = new Float64Array(share.progress);
  campaign.run(indicesOf(share), (index) => {
    progress[0] = index;
    progress[1]!++;
  });
  return { tally: campaign.tally, findings: campaign.findings };
}

/** A share in a thread of its own, watched. */
function inThread(share: Share): Promise<Outcome> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  const progress = new Float64Array(share.progress);
  return new Promise((resolve, reject) => {
    let seen = -1;
    let since = performance.now();
    const watch = setInterval(() => {
      if (progress[1] !== seen) {
        seen = progress[1]!;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        const { task, seed } = share;
        const message = `not done after ${HANG_MS / 1000} s, expected less; the cases behind it were not run`;
        resolve({ tally: emptyTally(), findings: [{ task, seed, index: progress[0]!, fault: 'hang', message }] });
        void worker.terminate();
      }
    }, 1000);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => clearInterval(watch));
  });
}

/** Loaded where it is needed: the threads fuzz without it. */
async function sandboxOf(task: string) {
  const { openSandbox } = await import('@evenkeel/verifier-host');
  return await openSandbox({ verifier: task });
}

async function throughSandbox({ task, seed, first, end, progress }: Share): Promise<Outcome> {
  const campaign = new FuzzCampaign(task, seed);
  const done = new Float64Array(progress);
  const { outcomes } = campaign.tally;
  const sandbox = await sandboxOf(task);
  try {
    for (let start = first; start < end; start += SANDBOX_BLOCK) {
      const count = Math.min(SANDBOX_BLOCK, end - start);
      const cases = Array.from({ length: count }, (_, at) => campaign.caseOf(start + at));
      const expected = cases.map((at) => campaign.check(at));
      const verdicts = await sandbox.score(cases.map(({ submission }) => submission));
      for (const [at, verdict] of verdicts.entries()) {
        const { index, submission } = cases[at]!;
        if (canonicalJson(verdict) === expected[at]) continue;
        const large =
          submission.completion.length > LARGE && verdict.kind === 'failed' && verdict.error.code === 'memory';
        if (large) outcomes['sandbox: too large'] = (outcomes['sandbox: too large'] ?? 0) + 1;
        else campaign.report(index, 'sandbox', `gave ${canonicalJson(verdict)}, expected ${expected[at]}`);
      }
      done[1]! += count;
    }
  } finally {
    await sandbox.close();
  }
  return { tally: campaign.tally, findings: campaign.findings };
}

function merged(outcomes: readonly Outcome[]): Outcome {
  const tally = emptyTally();
  for (const { tally: part } of outcomes) {
    tally.cases += part.cases;
    tally.longestCompletion = Math.max(tally.longestCompletion, part.longestCompletion);
    tally.slowestMs = Math.max(tally.slowestMs, part.slowestMs);
    for (const [name, count] of Object.entries(part.outcomes))
      tally.outcomes[name] = (tally.outcomes[name] ?? 0) + count;
  }
  return { tally, findings: outcomes.flatMap(({ findings }) => findings) };
}

async function fuzz(task: string): Promise<boolean> {
  const shares = Array.from({ length: sandboxed || coverage ? 1 : workers }, (_, first): Share => {
    const step = sandboxed || coverage ? 1 : workers;
    return { task, seed, first, step, end: count, progress: new SharedArrayBuffer(16) };
  });
  const started = performance.now();
  const showing = setInterval(() => {
    const done = shares.reduce((sum, { progress }) => sum + new Float64Array(progress)[1]!, 0);
    console.error(`${task}: ${done} of ${count}`);
  }, PROGRESS_MS);
  const stopCoverage = coverage ? await startScoringCoverage() : null;
  const outcome = merged(
    await Promise.all(
      shares.map((share) => (sandboxed ? throughSandbox(share) : coverage ? runShare(share) : inThread(share))),
    ),
  );
  clearInterval(showing);
  const seconds = (performance.now() - started) / 1000;
  const { tally, findings } = outcome;
  const covered = stopCoverage === null ? {} : { coverage: await stopCoverage() };
  const sorted = Object.entries(tally.outcomes).sort(([, a], [, b]) => b - a);
  if (json) {
    for (const finding of findings) console.log(JSON.stringify({ kind: 'finding', ...finding }));
    const place = sandboxed ? 'sandbox' : 'process';
    const perSecond = Math.round(tally.cases / seconds);
    const result = { kind: 'result', task, seed, place, ...tally, perSecond, findings: findings.length, ...covered };
    console.log(JSON.stringify({ ...result, outcomes: Object.fromEntries(sorted) }));
  } else {
    console.log(`${task}, seed ${seed}: ${tally.cases} cases in ${seconds.toFixed(1)} s, ${findings.length} findings`);
    console.log(`  longest ${tally.longestCompletion} characters, slowest verdict ${tally.slowestMs.toFixed(1)} ms`);
    for (const [name, cases] of sorted) console.log(`  ${name.padEnd(28)} ${String(cases).padStart(9)}`);
    for (const { index, fault, message } of findings.slice(0, MOST_SHOWN)) {
      console.log(`  ${fault} in case ${index}: ${message}; again: --task ${task} --seed ${seed} --index ${index}`);
    }
    if (findings.length > MOST_SHOWN) console.log(`  and ${findings.length - MOST_SHOWN} more findings`);
    if (covered.coverage !== undefined) {
      console.log(
        `  blocks of the scoring code: ${covered.coverage.blocks}, not run: ${covered.coverage.missed.length}`,
      );
      for (const missed of covered.coverage.missed) console.log(`    ${missed}`);
    }
  }
  return findings.length === 0;
}

/** One case once more. */
async function replay(task: string, index: number): Promise<boolean> {
  const campaign = new FuzzCampaign(task, seed);
  const at = campaign.caseOf(index);
  const inProcess = campaign.check(at);
  let inSandbox: unknown;
  if (sandboxed) {
    const sandbox = await sandboxOf(task);
    [inSandbox] = await sandbox.score([at.submission]);
    await sandbox.close();
  }
  const { submission, deserved } = at;
  const verdict = inProcess === null ? null : JSON.parse(inProcess);
  console.log(
    JSON.stringify(
      { task, seed, index, deserved, verdict, inSandbox, findings: campaign.findings, submission },
      null,
      2,
    ),
  );
  return campaign.findings.length === 0;
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    task: { type: 'string', default: fuzzTasks.join(',') },
    seed: { type: 'string', default: '0' },
    index: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    sandbox: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const numberOf = (name: 'count' | 'seed' | 'index' | 'workers', smallest: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= smallest) return number;
  console.error(`Cannot fuzz: --${name} is "${values[name]}", expected a whole number from ${smallest} on`);
  process.exit(2);
};
const { sandbox: sandboxed, coverage, json } = values;
const [count, seed, workers] = [numberOf('count', 1), numberOf('seed', 0), numberOf('workers', 1)];

if (!isMainThread) {
  parentPort!.postMessage(runShare(workerData as Share));
} else {
  const names = values.task.split(',');
  try {
    for (const name of names) fuzzTaskOf(name);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
  let passed = true;
  for (const name of names) {
    const clean = values.index === undefined ? await fuzz(name) : await replay(name, numberOf('index', 0));
    passed &&= clean;
  }
  process.exitCode = passed ? 0 : 1;
}
