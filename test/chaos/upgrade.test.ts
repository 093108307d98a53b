/**
 * Upgrade in the middle, with real processes: while a step of a run is under way, its workflow worker is stopped and one with other
 * workflow code takes its place. Behind `patched()`, the run goes on and ends with the same weights; without it, the new code is
 * refused aloud, nothing is lost, and with the code of before the run goes on.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@evenkeel/core';
import { type Supervisor, startSupervisor } from '@evenkeel/infra';
import { openFolderStore, type Store } from '@evenkeel/store';
import { stepWorkflowId } from '@evenkeel/workflows';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeProcesses } from '../../packages/cli/src/train/home-processes.ts';
import { bareRun } from '../bench/bare-run.ts';
import { fetchHistory, withHomeTemporal } from '../support/home-temporal.ts';
import { shippedVerifiers } from '../support/shipped-verifiers.ts';
import { endTrainProcesses, smallRun, startEvenkeel, type TrainProcess } from '../support/train-process.ts';

const STEPS = 4;
const workflowsFolder = fileURLToPath(new URL('../../workflows', import.meta.url));
const workerOf = fileURLToPath(new URL('../support/workflow-worker-of.ts', import.meta.url));
const tiny = fileURLToPath(new URL('../../packages/policy/models/tiny', import.meta.url));

/** One more decision after the plan: another command than the histories of before have at this place. */
const MORE = "await decision('look again').planRound({ run, config, state });";

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-upgrade-'));
const home = join(folder, 'home');
let supervisor: Supervisor;
let store: Store;
let expected = '';

/** The workflows of this checkout, with something said after a step's plan. @returns their entry */
function workflowCode(name: string, more: string): string {
  const code = join(folder, name);
  cpSync(join(workflowsFolder, 'src'), join(code, 'src'), { recursive: true });
  cpSync(join(workflowsFolder, 'package.json'), join(code, 'package.json'));
  symlinkSync(join(workflowsFolder, 'node_modules'), join(code, 'node_modules'));
  const path = join(code, 'src', 'training-step.ts');
  const before = readFileSync(path, 'utf8');
  const plan = /\n +plan = await decision\('plan round 0'\)[^;]*;/;
  expect(before).toMatch(plan);
  const after = before.replace(plan, (statement) => `${statement}\n  ${more}`);
  writeFileSync(path, `import { patched } from '@temporalio/workflow';\n${after}`);
  return join(code, 'src', 'index.ts');
}

/** From its next start on, the workflow worker has this code. */
function useCode(entry: string): void {
  writeFileSync(join(home, 'workflow-code'), entry);
}

function train(run: string): TrainProcess {
  const path = join(folder, `${run}.json`);
  writeFileSync(path, JSON.stringify({ ...smallRun, steps: STEPS, run }));
  return startEvenkeel(['train', path, '--json', '--home', home]);
}

/** Replaces the workflow worker while the run's second step rolls out. */
async function replaceInStep(run: string, entry: string): Promise<void> {
  const rollouts = `${run}/step-000001/train/`;
  while (!(await store.readJournal()).some(({ key, kind }) => kind === 'started' && key.startsWith(rollouts))) {
    await sleep(10);
  }
  useCode(entry);
  supervisor.kill('workflow');
}

async function hasMarker(run: string, step: number, id: string): Promise<boolean> {
  const history = await withHomeTemporal(home, (client) => fetchHistory(client, stepWorkflowId(run, step)));
  const details = JSON.stringify(history!.events.filter(({ eventType }) => eventType.endsWith('MARKER_RECORDED')));
  return (
    details.includes('core_patch') && details.includes(Buffer.from(`{"id":"${id}"`).toString('base64').slice(0, 16))
  );
}

beforeAll(async () => {
  supervisor = await startSupervisorWith(workflowCode('begun', ''));
  store = await openFolderStore(join(home, 'store'));
});

async function startSupervisorWith(entry: string): Promise<Supervisor> {
  const processes = homeProcesses(home, { threads: smallRun.threads }).map((spec) =>
    spec.role === 'workflow' ? { ...spec, args: ['--no-warnings', workerOf, home] } : spec,
  );
  mkdirSync(home, { recursive: true });
  useCode(entry);
  return await startSupervisor({ home, processes, log: silentLogger });
}

afterAll(async () => {
  await endTrainProcesses();
  await store?.close();
  await supervisor?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('another workflow code in the midst of a step', () => {
  test('that is patched carries the run on to the same weights as a bare loop', async () => {
    const run = train('patched');
    await replaceInStep('patched', workflowCode('with-patch', `if (patched('upgrade')) ${MORE}`));
    const { policy } = await run.result();
    const { config } = JSON.parse(readFileSync(join(home, 'runs', 'patched', 'run.json'), 'utf8'));
    const bare = await bareRun({ config, modelFolder: tiny, verifiers: shippedVerifiers, evaluates: false });
    expected = bare.sha256;
    expect(policy.sha256).toBe(expected);
    expect(await hasMarker('patched', 2, 'upgrade')).toBe(false);
    expect(await hasMarker('patched', 3, 'upgrade')).toBe(true);
  });

  test('that is not patched is refused aloud, and with the code of before the run goes on to the same weights', async () => {
    const begun = join(folder, 'begun', 'src', 'index.ts');
    useCode(begun);
    supervisor.kill('workflow');
    const run = train('refused');
    await replaceInStep('refused', workflowCode('without-patch', MORE));
    while (!run.lines.some(({ kind }) => kind === 'retry')) await sleep(50);
    expect(run.lines.find(({ kind }) => kind === 'retry')).toMatchObject({
      activity: 'workflow trainingStep',
      message: expect.stringMatching(
        /^Cannot go on with refused\/step-000002 under evenkeel .*: its history was made by other workflow code, .*nothing is lost: .*go back to the version/,
      ),
    });
    useCode(begun);
    supervisor.kill('workflow');
    const { policy } = await run.result();
    expect(policy.sha256).toBe(expected);
    const again = (await store.readJournal()).filter(
      ({ key, kind }) => kind === 'committed' && key.startsWith('refused/'),
    );
    expect(again.length).toBe(new Set(again.map(({ key }) => key)).size);
  });
});
