/** Changes of a run under way, and where a run goes on from: on a real store, with the activities that the workflow calls. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import { type AppliedChange, parseRunConfig, type RunChange } from '@evenkeel/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { loadAlgorithmState } from './algorithm-state.ts';
import { applyChanges } from './apply-changes.ts';
import { changeRecordName, readChanges } from './change-record.ts';
import { checkChange } from './check-change.ts';
import { openRunFixture, type RunFixture } from './fixtures.ts';
import { openRun } from './open-run.ts';
import { runFolder, writeRunRecord } from './run-folder.ts';
import { artefactsOf, readStateRecord, recordedSteps, stateRecordName } from './state-record.ts';
import type { QueuedChange, RunState, StateRecord } from './types.ts';

let run: RunFixture;

beforeEach(async () => {
  run = await openRunFixture({
    ...{ tasks: ['countdown', 'arc'], promptsPerStep: 4, groupSize: 2, steps: 20 },
    method: 'mt-grpo',
  });
});
afterEach(() => run.close());

const set = (settings: Extract<RunChange, { kind: 'set' }>['settings']): RunChange => ({ kind: 'set', settings });
const at = (step: number, change: RunChange): QueuedChange => ({ step, change });

async function configAt(ref: ArtefactRef) {
  return parseRunConfig(await run.context.store.getJson(ref, z.unknown()));
}

async function apply(changes: readonly RunChange[], state: RunState, done = 0, config = run.configRef) {
  const queued = changes.map((change) => at(state.step, change));
  return await applyChanges(run.context)({ run: 'r', config, state, changes: queued, done });
}

/** A state some steps on, with a redo log of a batch. */
async function stateAfter(step: number): Promise<RunState> {
  const batch = await run.context.store.put('batch', Buffer.from(`batch of step ${step}`));
  return { ...run.state, step, redo: [{ step: step - 1, batch, policy: run.state.policy }] };
}

async function recordState(step: number, config = run.configRef): Promise<StateRecord> {
  const record: StateRecord = { version: 1, step, config, state: await stateAfter(step) };
  await writeRunRecord(run.home, 'r', stateRecordName(step), record);
  return record;
}

async function damage({ sha256 }: ArtefactRef): Promise<void> {
  await rm(join(run.home, 'store', 'objects', sha256.slice(0, 2), sha256.slice(2)));
}

describe('applyChanges()', () => {
  test('makes a configuration of it, records it, and does the same when it is done again', async () => {
    const state = await stateAfter(3);
    const applied = await apply([set({ lambda: 0.9, steps: 30 }), { kind: 'evaluate' }], state, 4);
    expect(applied).toMatchObject({ steps: 30, method: 'mt-grpo', tasks: ['countdown', 'arc'] });
    expect((await configAt(applied.config)).method.weighter.lambda).toBe(0.9);
    const folder = join(runFolder(run.home, 'r'), 'changes');
    expect(await readdir(folder)).toEqual(['000005.json', '000006.json']);
    const bytes = await readFile(join(folder, '000005.json'), 'utf8');
    const expected: AppliedChange = { version: 1, number: 5, step: 3, change: set({ lambda: 0.9, steps: 30 }) };
    expect(JSON.parse(bytes)).toEqual(expected);
    expect(await apply([set({ lambda: 0.9, steps: 30 }), { kind: 'evaluate' }], state, 4)).toEqual(applied);
    expect(await readFile(join(folder, '000005.json'), 'utf8')).toBe(bytes);
  });

  test('stamps the open redo log with what it was made under, once', async () => {
    const state = await stateAfter(3);
    const { optimizer, minibatches, method } = run.config;
    const settings = { optimizer, minibatches, objective: method.objective };
    const first = await apply([set({ learningRate: 1e-5 })], state);
    expect(first.state.redo).toEqual([{ ...state.redo[0]!, settings }]);
    const second = await apply([set({ minibatches: 1 })], first.state, 1, first.config);
    expect(second.state.redo).toEqual(first.state.redo);
  });

  test('leaves redo log and algorithm state as they are where neither is touched', async () => {
    const state = await stateAfter(3);
    const quiet: RunChange[] = [set({ lambda: 1, temperature: 0.5, learningRate: run.config.optimizer.learningRate })];
    const { state: after } = await apply([...quiet, { kind: 'pin', step: 2 }, { kind: 'pause' }], state);
    expect(after).toEqual(state);
    expect((await apply([{ kind: 'pause' }], state)).config).toEqual(run.configRef);
  });

  test('adds a task and retires one; a task that comes back goes on in its puzzles where it was', async () => {
    const method = run.algorithm.method;
    const cursors = { countdown: 40, arc: 17 };
    const algorithm = await run.context.store.putJson('algorithm-state', { version: 1, method, cursors });
    const state = { ...(await stateAfter(3)), algorithm };
    const zebra = { name: 'zebra', verifier: 'zebra', level: 'tiny', style: 'compact' } as const;
    const verifier = { version: '1.0.0', sha256: 'a'.repeat(64) };
    const one = await apply(
      [
        { kind: 'add-task', task: zebra, verifier },
        { kind: 'retire-task', task: 'arc' },
      ],
      state,
    );
    expect(one.tasks).toEqual(['countdown', 'zebra']);
    const after = await loadAlgorithmState(run.context, one.state.algorithm);
    expect(after.cursors).toEqual({ countdown: 40, arc: 17, zebra: 0 });
    expect(after.method.weighter).toMatchObject({ tasks: ['countdown', 'zebra'] });
    expect(after.method.planner).toMatchObject({ tasks: ['countdown', 'zebra'] });
    const back = await apply([{ kind: 'add-task', task: run.config.tasks[1]!, verifier }], one.state, 2, one.config);
    expect((await loadAlgorithmState(run.context, back.state.algorithm)).cursors).toEqual(after.cursors);
  });
});

describe('checkChange()', () => {
  const check = (change: RunChange, queue: readonly QueuedChange[] = [], step = 3) =>
    checkChange(run.context)({ run: 'r', config: run.configRef, step, change, queue });

  test('accepts what the run can go on with, and leaves no trace', async () => {
    const before = await readdir(run.home);
    expect(await check(set({ lambda: 0.5 }))).toBeNull();
    expect(await readdir(run.home)).toEqual(before);
  });

  test('refuses against what was accepted before it', async () => {
    await expect(
      check({ kind: 'retire-task', task: 'arc' }, [at(3, { kind: 'retire-task', task: 'countdown' })]),
    ).rejects.toThrow('Cannot retire task "arc" in run "r": it is the only one, expected at least one task to stay');
    await expect(check(set({ steps: 2 }))).rejects.toThrow('it is 2, and 3 are done, expected 3 or more');
  });

  test('refuses what would make a scheduled change impossible', async () => {
    const later = [at(9, { kind: 'retire-task', task: 'countdown' })];
    await expect(check({ kind: 'retire-task', task: 'arc' }, later)).rejects.toThrow(
      /^Cannot change run "r": a change that is scheduled for a later step would fail then \(Cannot retire task "countdown"/,
    );
  });

  test('refuses what is no change', async () => {
    await expect(check({ kind: 'explode' } as unknown as RunChange)).rejects.toMatchObject({ code: 'change-invalid' });
  });
});

describe('openRun()', () => {
  const open = (input: Partial<Parameters<ReturnType<typeof openRun>>[0]> = {}) =>
    openRun(run.context, () => join(run.home, 'model'))({ run: 'r', config: run.configRef, ...input });

  test('begins with the base, and puts that state on record', async () => {
    const opened = await open();
    expect(opened).toMatchObject({ state: run.state, config: run.configRef, changes: 0, queue: [], evaluations: [] });
    expect(await readStateRecord(run.home, 'r', 0)).toEqual({
      ...{ version: 1, step: 0, config: run.configRef },
      state: run.state,
    });
    expect(await open()).toEqual(opened);
  });

  test('goes on from the newest state on record, with its evaluations and table', async () => {
    await open();
    for (const step of [1, 2, 10]) await recordState(step);
    for (const step of [0, 5, 10, 15]) {
      await writeRunRecord(run.home, 'r', `evaluations/${String(step).padStart(6, '0')}.json`, { step });
    }
    await writeRunRecord(run.home, 'r', 'steps/000010.json', { step: 10 });
    const opened = await open();
    expect(opened.state).toEqual(await stateAfter(10));
    expect(opened.evaluations).toEqual([{ step: 0 }, { step: 10 }]);
    expect(opened.table).toEqual({ step: 10 });
  });

  test('passes over a state of which something is gone or damaged', async () => {
    await open();
    await recordState(1);
    const two = await recordState(2);
    const three = await recordState(3);
    await damage(two.state.redo[0]!.batch);
    await writeFile(join(run.home, 'store', 'objects', pathOf(three.state.redo[0]!.batch)), 'other bytes');
    await writeRunRecord(run.home, 'r', stateRecordName(4), { ...three, step: 4 });
    await mkdir(dirname(join(runFolder(run.home, 'r'), stateRecordName(5))), { recursive: true });
    await writeFile(join(runFolder(run.home, 'r'), stateRecordName(5)), '{"version": 1, "ste');
    expect(await recordedSteps(run.home, 'r')).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await open()).state.step).toBe(1);
  });

  test('makes the changes again that took effect after that state, and then those that were scheduled', async () => {
    await open();
    const early = await apply([set({ lambda: 0.9 })], await stateAfter(1));
    const record = { ...(await recordState(2)), config: early.config };
    await writeRunRecord(run.home, 'r', stateRecordName(2), record);
    const scheduled = [at(4, set({ steps: 30 })), at(8, { kind: 'evaluate' })];
    const late: QueuedChange[] = [{ ...at(4, set({ steps: 30 })), scheduled: true }, at(4, { kind: 'pause' })];
    const state = await stateAfter(4);
    await applyChanges(run.context)({ run: 'r', config: early.config, state, changes: late, done: 1 });
    const opened = await open({ scheduled });
    expect(opened.changes).toBe(1);
    expect((await configAt(opened.config!)).method.weighter.lambda).toBe(0.9);
    expect(opened.queue).toEqual([
      { ...at(4, set({ steps: 30 })), again: true, scheduled: true },
      { ...at(4, { kind: 'pause' }), again: true },
      { ...at(8, { kind: 'evaluate' }), scheduled: true },
    ]);
  });

  test('begins a branch with the state of another run, and refuses one that is not whole', async () => {
    const { step, config, state } = await recordState(6);
    const branch = { of: 'r', step, config, state };
    const opened = await open({ run: 'branch', branch });
    expect(opened).toMatchObject({ state, changes: 0, evaluations: [], table: null });
    expect(await recordedSteps(run.home, 'branch')).toEqual([6]);
    await damage(artefactsOf(branch).at(-1)!);
    await expect(open({ run: 'other', branch })).rejects.toMatchObject({ code: 'artefact-missing' });
  });

  test('refuses a scheduled change that could not be made, before anything runs', async () => {
    await expect(open({ scheduled: [at(3, { kind: 'retire-task', task: 'zebra' })] })).rejects.toThrow(
      'Cannot retire task "zebra" in run "r": it has no such task, expected one of countdown, arc',
    );
  });

  test('refuses to go on where a change that took effect is not on record any more', async () => {
    await open();
    await apply([set({ lambda: 1 }), set({ lambda: 2 })], await stateAfter(1));
    await rm(join(runFolder(run.home, 'r'), changeRecordName(1)));
    await expect(open()).rejects.toMatchObject({ code: 'changes-damaged' });
    await expect(readChanges(run.home, 'r')).rejects.toThrow(/number 1 is not there, expected each change/);
    expect(await readChanges(run.home, 'unknown')).toEqual([]);
  });
});

function pathOf({ sha256 }: ArtefactRef): string {
  return join(sha256.slice(0, 2), sha256.slice(2));
}
