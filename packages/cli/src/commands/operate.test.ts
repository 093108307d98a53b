/** `changes`, `rollback`, and what `runs` and `show` say of paused, changed and branched runs: on records and a store, without a server. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeRecordName, runFolder, stateRecordName, stepRecordName, writeRunRecord } from '@evenkeel/activities';
import type { ArtefactRef } from '@evenkeel/core';
import { importModel } from '@evenkeel/policy';
import { type RunChange, type RunConfig, resolveRunConfig } from '@evenkeel/protocol';
import { openFolderStore, type Store } from '@evenkeel/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelFolder } from '../model/model-folder.ts';
import { currentConfig } from '../train/current-config.ts';
import { writePauseReason } from '../train/pause-reason.ts';
import { claimRun, readRunRecord } from '../train/run-record.ts';
import { changesCommand } from './changes.ts';
import { evaluateNowCommand, pauseCommand, pinCommand, stopCommand } from './control.ts';
import { invoke } from './invoke.fixtures.ts';
import { rollbackCommand } from './rollback.ts';
import { runsCommand } from './runs.ts';
import { setCommand } from './set.ts';
import { showCommand } from './show.ts';
import { taskRetireCommand } from './task.ts';

const home = mkdtempSync(join(tmpdir(), 'evenkeel-operate-'));
const createdAt = '2026-11-21T10:00:00.000Z';
afterAll(() => rmSync(home, { recursive: true, force: true }));

let store: Store;
let config: RunConfig;

/** What a run leaves behind after a step. */
async function leaveState(run: string, step: number): Promise<{ policy: ArtefactRef; algorithm: ArtefactRef }> {
  const policy = await importModel(store, modelFolder('tiny', home));
  const algorithm = await store.putJson('algorithm-state', { version: 1, method: {}, cursors: { countdown: step } });
  const state = { step, base: policy, policy, algorithm, checkpoint: null, redo: [] };
  const record = { version: 1, step, config: await store.putJson('config', config), state };
  await writeRunRecord(home, run, stateRecordName(step), record);
  if (step > 0) await writeRunRecord(home, run, stepRecordName(step), { step });
  return { policy, algorithm };
}

async function change(run: string, number: number, step: number, what: RunChange): Promise<void> {
  await writeRunRecord(home, run, changeRecordName(number), { version: 1, number, step, change: what });
}

beforeAll(async () => {
  store = await openFolderStore(join(home, 'store'));
  const verifiers = ['countdown', 'arc'].map((id) => ({ id, levels: ['tiny'] }));
  config = resolveRunConfig({ run: 'mine', tasks: ['countdown', 'arc'], steps: 9 }, verifiers);
  await claimRun(home, config, createdAt);
  for (const step of [0, 1, 2, 3, 4]) await leaveState('mine', step);
  await change('mine', 1, 1, { kind: 'pause' });
  await change('mine', 2, 1, { kind: 'resume' });
  await change('mine', 3, 3, { kind: 'set', settings: { lambda: 0.4, steps: 12 } });
  await change('mine', 4, 3, { kind: 'retire-task', task: 'arc' });
});
afterAll(async () => await store.close());

describe('changes', () => {
  test('lists what took effect, and after which step', async () => {
    expect((await invoke(changesCommand, home, 'mine')).lines).toEqual([
      'number  after step  change',
      '     1           1  pause',
      '     2           1  resume',
      '     3           3  set lambda 0.4, steps 12',
      '     4           3  retire task arc',
    ]);
    const { json } = await invoke(changesCommand, home, 'mine', '--json');
    expect(json[3]).toEqual({
      ...{ kind: 'change', run: 'mine', version: 1, number: 4, step: 3 },
      change: { kind: 'retire-task', task: 'arc' },
    });
    await expect(invoke(changesCommand, home, 'theirs')).rejects.toThrow(/expected one of mine$/);
  });

  test('are in the configuration as it is now', async () => {
    const now = await currentConfig(home, await readRunRecord(home, 'mine'));
    expect(now).toMatchObject({ steps: 12, tasks: [{ name: 'countdown' }], method: { weighter: { lambda: 0.4 } } });
  });
});

describe('runs and show', () => {
  test('say what was changed, why a run is paused, and how it goes on', async () => {
    const before = (await invoke(showCommand, home, 'mine')).lines.join('\n');
    expect(before).toMatch(/^state +not finished; npm start -- --run mine goes on with it$/m);
    expect(before).toMatch(/^steps +12, each/m);
    expect(before).toMatch(/^changed after\n +3 {2}set lambda 0\.4, steps 12\n +3 {2}retire task arc$/m);
    await writePauseReason(home, 'mine', { code: 'policy-not-finite', message: 'the update gave NaN', step: 4 });
    const { lines } = await invoke(runsCommand, home);
    expect(lines[1]).toMatch(/^mine +mt-grpo +0 +paused +4\/12 /);
    expect(lines.slice(-2)).toEqual([
      'mine: changed 2 times; evenkeel changes mine',
      'mine: paused after step 4: the update gave NaN (policy-not-finite)',
    ]);
    const after = (await invoke(showCommand, home, 'mine')).lines.join('\n');
    expect(after).toMatch(/^state +paused after step 4: the update gave NaN \(policy-not-finite\)$/m);
    const { json } = await invoke(showCommand, home, 'mine', '--json');
    expect(json[0]).toMatchObject({ kind: 'run', state: 'paused', reason: { code: 'policy-not-finite' } });
    expect(json.filter(({ kind }) => kind === 'change')).toHaveLength(4);
  });
});

describe('rollback', () => {
  test('makes a branch that knows where it comes from, with what was written down until then', async () => {
    const { lines } = await invoke(rollbackCommand, home, 'mine', '--to', '2');
    expect(lines).toEqual([
      'mine-at-2: branch of mine after step 2',
      'mine: is kept; it is paused when the branch begins',
      'Go on with the branch: evenkeel train --run mine-at-2',
    ]);
    const record = await readRunRecord(home, 'mine-at-2');
    expect(record).toMatchObject({ branch: { of: 'mine', step: 2 }, config: { ...config, run: 'mine-at-2' } });
    expect(record).not.toHaveProperty('scheduled');
    expect(record).not.toHaveProperty('engine');
    const folder = runFolder(home, 'mine-at-2');
    expect([1, 2, 3].map((step) => existsSync(join(folder, stepRecordName(step))))).toEqual([true, true, false]);
    expect(JSON.parse(readFileSync(join(folder, stepRecordName(2)), 'utf8'))).toEqual({ step: 2 });
    const shown = (await invoke(showCommand, home, 'mine-at-2')).lines.join('\n');
    expect(shown).toMatch(/^branch +of mine, after step 2$/m);
  });

  test('gives the branch settings of its own, which take effect where it begins', async () => {
    const args = ['--to', '2', '--name', 'calmer', '--set', 'lambda=1', '--set', 'learning-rate=5e-5', '--json'];
    const { json } = await invoke(rollbackCommand, home, 'mine', ...args);
    expect(json).toEqual([{ kind: 'rollback', run: 'mine', step: 2, branch: 'calmer', origin: 'at-rest' }]);
    expect((await readRunRecord(home, 'calmer')).scheduled).toEqual([
      { step: 2, change: { kind: 'set', settings: { lambda: 1, learningRate: 5e-5 } } },
    ]);
    const again = await invoke(rollbackCommand, home, 'mine', '--to', '2');
    expect(again.lines[0]).toBe('mine-at-2-2: branch of mine after step 2');
  });

  test('is refused with the steps that can be reached, and where nothing would be left to do', async () => {
    const roll = async (...args: string[]) => await invoke(rollbackCommand, home, 'mine', ...args);
    await expect(roll()).rejects.toThrow('Cannot roll back "mine": no step is given, expected --to N');
    await expect(roll('--to', '9')).rejects.toThrow(
      'Cannot roll back "mine" to step 9: only 4 steps are done, expected one of 0 to 4',
    );
    await expect(roll('--to', '2', '--set', 'lambda=-1')).rejects.toThrow(/λ is -1, expected 0 or more/);
    await expect(roll('--to', '4', '--set', 'steps=4')).rejects.toThrow(
      'Cannot roll back "mine" to step 4: the run has 4 steps, so the branch would have nothing to do, expected more: --set steps=19',
    );
    await expect(roll('--to', '2', '--name', 'calmer')).rejects.toThrow(
      /to go on with that one: evenkeel train --run calmer$/,
    );
    await expect(roll('--to', '2', '--name', 'Not so')).rejects.toThrow(
      /^Cannot name the branch "Not so": expected 1 to 40/,
    );
    rmSync(join(runFolder(home, 'mine'), stateRecordName(1)));
    await expect(roll('--to', '1')).rejects.toThrow(
      'Cannot roll back "mine" to step 1: its state is not kept any more, expected one of 0, 2 to 4',
    );
    const { algorithm } = await leaveState('mine', 3);
    rmSync(join(home, 'store', 'objects', algorithm.sha256.slice(0, 2), algorithm.sha256.slice(2)));
    await expect(roll('--to', '3')).rejects.toThrow(
      'Cannot roll back "mine" to step 3: something of its state is gone or damaged, expected one of 0, 2, 4',
    );
  });
});

describe('what is asked of a run while nothing works on the home', () => {
  test('is refused with how to start it, or with why the run could not do it anyway', async () => {
    const set = async (...settings: string[]) => await invoke(setCommand, home, 'mine', ...settings);
    await expect(set('lambda=0.3')).rejects.toThrow(
      `Cannot change run "mine": nothing works on ${home}, expected a home at work: start it in another terminal, evenkeel train --run mine, and say this again; or both at once: evenkeel train --run mine --set lambda=0.3; or let this command start what it needs: --start`,
    );
    await expect(set('lambda=-0.3')).rejects.toThrow(/λ is -0\.3, expected 0 or more/);
    await expect(set('steps=3')).rejects.toThrow(/it is 3, and 4 are done, expected 4 or more/);
    await expect(set()).rejects.toThrow('Cannot set: no setting is given, expected evenkeel set RUN NAME=VALUE');
    await expect(invoke(setCommand, home, 'lambda=1')).rejects.toThrow('no run is named before the settings');
    await expect(invoke(taskRetireCommand, home, 'mine', 'arc')).rejects.toThrow(/expected one of countdown$/);
    await expect(invoke(taskRetireCommand, home, 'mine', 'countdown')).rejects.toThrow(/it is the only one/);
    await expect(invoke(stopCommand, home, 'mine', '--after', '2')).rejects.toThrow(/it is done, expected 4 or more/);
    await expect(invoke(stopCommand, home, 'mine')).rejects.toThrow(/evenkeel train --run mine --stop; or let/);
    await expect(invoke(pinCommand, home, 'mine')).rejects.toThrow('none is given, expected --step N');
    await expect(invoke(pauseCommand, home, 'mine')).rejects.toMatchObject({ code: 'home-not-running' });
    await expect(invoke(evaluateNowCommand, home)).rejects.toThrow(
      'Cannot evaluate-now: 0 runs are named, expected one: evenkeel evaluate-now RUN',
    );
  });

  test('of a finished run it is refused with the way to train on', async () => {
    await writeRunRecord(home, 'calmer', 'result.json', { step: 9, sha256: 'ab'.repeat(32) });
    await expect(invoke(setCommand, home, 'calmer', 'lambda=1')).rejects.toThrow(
      'Cannot change run "calmer": it is finished after step 9, expected a run under way: to train on from any of its steps, evenkeel rollback calmer --to STEP --set steps=N',
    );
  });
});
