/** A run whose filter lets nothing pass: every answer of its task is wrong, whoever answers. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeOwnVerifier } from '../support/own-verifier.ts';
import { writeStubRun } from '../support/stub-run.ts';
import { endTrainProcesses, startEvenkeel } from '../support/train-process.ts';

let folder = '';
let settings: Record<string, unknown> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-empty-step-'));
  const tasks = [
    writeOwnVerifier(join(folder, 'wrong'), {
      ...{ id: 'wrong', version: '1.0.0', first: `return scored(0.1, '', completion);` },
    }),
  ];
  const run = await writeStubRun(join(folder, 'stub'), {
    ...{ tasks, steps: 2, method: { name: 'dapo', planner: { maxRounds: 2 } } },
    evaluation: { every: 0, promptsPerTask: 2 },
  });
  settings = JSON.parse(await readFile(run, 'utf8'));
});

afterAll(async () => {
  await endTrainProcesses();
  await rm(folder, { recursive: true, force: true });
});

async function train(run: string, emptyStep: 'go-on' | 'pause') {
  const path = join(folder, `${run}.json`);
  await writeFile(path, JSON.stringify({ ...settings, run, emptyStep }));
  return startEvenkeel(['train', path, '--yes', '--json', '--home', join(folder, 'home')]);
}

const SAID = 'trained on nothing: the filter let none of its 24 groups (2 rounds) pass; the policy stayed as it was';

test('goes on as long as it is told to, says so of each step, and ends with the base', async () => {
  const going = await train('going', 'go-on');
  expect((await going.result()).step).toBe(2);
  const said = going.lines
    .filter(({ kind, level }) => kind === 'log' && level === 'warn')
    .map(({ message }) => message);
  for (const step of [1, 2]) expect(said).toContain(`Step ${step} ${SAID}`);
  const steps = going.lines.filter(({ kind }) => kind === 'step');
  expect(steps).toMatchObject([
    { empty: true, rounds: 2, trainedTokens: 0 },
    { empty: true, rounds: 2, trainedTokens: 0 },
  ]);
  const evaluations = going.lines.filter(({ kind }) => kind === 'evaluation');
  const policies = evaluations.map(({ policy }) => (policy as { sha256: string }).sha256);
  expect(policies).toHaveLength(2);
  expect(new Set(policies).size).toBe(1);
});

test('waits after the first where it is configured to, and goes on with the next step when it is resumed', async () => {
  const waiting = await train('waiting', 'pause');
  expect((await waiting.ended).code).toBe(1);
  expect(waiting.lines.find(({ kind }) => kind === 'paused')).toMatchObject({
    step: 1,
    reason: { code: 'step-empty', message: `Step 1 ${SAID}` },
  });
  // The second step is the last: there is nothing to wait with.
  const resumed = await train('waiting', 'pause');
  expect((await resumed.result()).step).toBe(2);
  expect(resumed.lines.filter(({ kind }) => kind === 'step')).toMatchObject([{ step: 2, empty: true }]);
});
