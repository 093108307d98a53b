/**
 * The gate, the same for a person and for the continuous integration: form and lint, types (and those of a browser for what runs there), layers, dead code, examples of the
 * documentation, tests. `node infra/gate/ok.ts [filters for the tests]`. The checks of the text run side by side, then the tests alone,
 * as some of them look at the clock. One table at the end, and a last line that a machine can read. What does not come to an end is
 * ended, with its whole process group, and is a failure that names the tests under way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { readRunningTests } from './running-tests.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'node_modules/.bin');
/** What a check may take, and what the tests may take: several times what they do. */
const CHECK_LIMIT_MS = 5 * 60_000;
const TESTS_LIMIT_MS = 45 * 60_000;
const REPORT = join(ROOT, 'node_modules/.cache/evenkeel-tests.json');

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly ms: number;
  readonly said: string;
}

const CHECKS: readonly Check[] = [
  { name: 'types', command: [join(BIN, 'tsc'), '-p', ROOT] },
  { name: 'browser types', command: [join(BIN, 'tsc'), '-p', join(ROOT, 'tsconfig.pure.json')] },
  { name: 'form and lint', command: [join(BIN, 'biome'), 'check', '--error-on-warnings', ROOT] },
  { name: 'layers', command: [process.execPath, join(import.meta.dirname, 'layers.ts')] },
  { name: 'dead code', command: [join(BIN, 'knip'), '--no-progress', '--no-config-hints'] },
  {
    name: 'examples',
    command: [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'doc-examples.ts')],
  },
];

function run({ name, command: [program, ...args] }: Check, live = false): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    // A group of its own, so that whatever it started can be ended with it.
    const output = live ? 'inherit' : 'pipe';
    const child: ChildProcess = spawn(program, args, { cwd: ROOT, detached: true, stdio: ['ignore', output, output] });
    let said = '';
    const endGroup = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, 'SIGKILL');
    };
    const limitMs = live ? TESTS_LIMIT_MS : CHECK_LIMIT_MS;
    const limit = setTimeout(() => {
      const running = live ? readRunningTests().map((test) => `\n  ${test}`) : [];
      const report = `${name}: not at its end after ${seconds(limitMs)}, ended. Under way:${running.join('')}`;
      said += report;
      if (live) console.error(report);
      endGroup();
    }, limitMs);
    const interrupt = (): void => {
      endGroup();
      process.exit(130);
    };
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    const hear = (data: Buffer): void => {
      said += data;
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    const end = (passed: boolean): void => {
      clearTimeout(limit);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      resolve({ name, passed, ms: performance.now() - start, said: said.trim() });
    };
    child.once('error', (error) => {
      said += error.message;
      end(false);
    });
    child.once(live ? 'exit' : 'close', (code) => end(code === 0));
  });
}

/** Runs the checks, no more at a time than there are cores; what a failed one says is shown at once. */
async function runChecks(): Promise<Outcome[]> {
  const waiting = [...CHECKS];
  const outcomes: Outcome[] = [];
  async function work(): Promise<void> {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await run(check);
      outcomes.push(outcome);
      console.log(`${outcome.passed ? 'ok    ' : 'FAILED'} ${outcome.name} (${seconds(outcome.ms)})`);
      if (!outcome.passed) console.log(outcome.said);
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  return CHECKS.map(({ name }) => outcomes.find((outcome) => outcome.name === name)!);
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What vitest counted. A file that could not even be loaded has no tests to fail, and counts as one. */
function readCounts(runPassed: boolean): TestCounts {
  let report: z.infer<typeof reportSchema>;
  try {
    report = reportSchema.parse(JSON.parse(readFileSync(REPORT, 'utf8')));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  // An error outside every test fails the run, and no test.
  return {
    passed: report.numPassedTests,
    failed: runPassed ? failed : Math.max(1, failed),
    skipped: report.numPendingTests,
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const filters = process.argv.slice(2);
const outcomes = await runChecks();
mkdirSync(join(ROOT, 'node_modules/.cache'), { recursive: true });
rmSync(REPORT, { force: true });
const reporters = [
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${REPORT}`,
  `--reporter=${join(import.meta.dirname, 'running-tests.ts')}`,
];
const tests = await run(
  { name: 'tests', command: [join(BIN, 'vitest'), 'run', '--root', ROOT, ...reporters, ...filters] },
  true,
);
const counts = readCounts(tests.passed);

console.log('');
for (const { name, passed, ms } of [...outcomes, tests]) {
  console.log(`${name.padEnd(16)}${passed ? 'ok' : 'FAILED'}`.padEnd(26) + seconds(ms).padStart(9));
}
const passed = counts.passed + outcomes.filter((outcome) => outcome.passed).length;
const failed = counts.failed + outcomes.filter((outcome) => !outcome.passed).length;
console.log(`\n${counts.passed} tests and ${passed - counts.passed} checks in order, ${counts.skipped} tests skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && tests.passed ? 0 : 1;
