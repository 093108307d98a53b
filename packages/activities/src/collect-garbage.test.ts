import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtefactRef, Json } from '@evenkeel/core';
import { initialiseLora, loadPolicy, putAdapter, putPolicy } from '@evenkeel/policy';
import { keptScriptKey, type RunChange } from '@evenkeel/protocol';
import type { FolderStore } from '@evenkeel/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeRecordName } from './change-record.ts';
import { collectGarbage, type GarbageMoment, type GarbageOptions, garbageMoments } from './collect-garbage.ts';
import { diskUse } from './disk-use.ts';
import { openRunFixture, type RunFixture } from './fixtures.ts';
import { runFolder, writeRunFile, writeRunRecord } from './run-folder.ts';
import { holding, readHolds } from './run-holds.ts';
import { proveState, readStateRecord, recordedSteps, stateRecordName } from './state-record.ts';
import type { RunState, StateRecord } from './types.ts';

const LONG_AGO = new Date('2026-01-05T00:00:00Z');
/** Between two steps of the fixture's runs: more than the grace of the tests. */
const STEP_MS = 2 * 3_600_000;

let fixture: RunFixture;
let store: FolderStore;

beforeEach(async () => {
  fixture = await openRunFixture({ run: 'a', tasks: ['countdown', 'zebra'], steps: 100 });
  store = fixture.context.store as FolderStore;
});

afterEach(() => fixture.close());

type Moment = 'planned' | 'rolled-out' | 'batched' | 'updated' | 'finished';

/** A run of the home as its activities leave it, step by step, long ago. */
class FakeRun {
  readonly run: string;
  readonly checkpointEvery: number;
  state: RunState;
  /** Whether its files are given the age of long ago; else they are as young as they are. */
  isLongAgo = true;
  readonly made: {
    step: number;
    prompts: ArtefactRef;
    rollouts: ArtefactRef;
    batch: ArtefactRef;
    tally: ArtefactRef;
  }[] = [];
  #clock = LONG_AGO.getTime();

  constructor(run: string, checkpointEvery = 3) {
    this.run = run;
    this.checkpointEvery = checkpointEvery;
    this.state = fixture.state;
  }

  async begin(extra: Readonly<Record<string, unknown>> = {}): Promise<this> {
    const record = { version: 1, run: this.run, createdAt: LONG_AGO.toISOString(), config: fixture.config, ...extra };
    await writeRunRecord(fixture.home, this.run, 'run.json', record);
    await this.record();
    return this;
  }

  async record(): Promise<void> {
    const value: StateRecord = { version: 1, step: this.state.step, config: fixture.configRef, state: this.state };
    const path = await writeRunRecord(fixture.home, this.run, stateRecordName(this.state.step), value);
    if (this.isLongAgo) await this.#age(path);
    await this.#ageAll();
  }

  /** What activities and jobs of one step leave behind; `until` cuts it off in the middle. */
  async step(until: Moment = 'finished'): Promise<void> {
    await this.#work(until);
    await this.#ageAll();
    if (until === 'finished') this.#clock += STEP_MS;
  }

  async #work(until: Moment): Promise<void> {
    const { step } = this.state;
    const text = (what: string) => new TextEncoder().encode(`${what} of ${this.run} ${step}`);
    const order = ['planned', 'rolled-out', 'batched', 'updated', 'finished'];
    const upTo = (name: string) => order.indexOf(name) <= order.indexOf(until);
    const give = async <R>(result: () => Promise<R>): Promise<R> => {
      const given = await holding(
        fixture.context,
        result as (input: unknown) => Promise<R>,
      )({
        ...{ run: this.run, config: fixture.configRef, state: this.state },
      });
      return given;
    };
    const prompts = await give(() => store.put('prompts', text('prompts')));
    const at = `${this.run}/step-${String(step).padStart(6, '0')}`;
    if (!upTo('rolled-out')) return;
    const rollouts = await give(async () => {
      const ref = await store.put('rollouts', text('rollouts'));
      await store.commit(`${at}/train/round-0/shard-0/rollout/h`, {
        result: { rollouts: ref } as unknown as Json,
        refs: [ref],
        attempt: 1,
      });
      return ref;
    });
    if (!upTo('batched')) return;
    const { batch, tally } = await give(async () => ({
      batch: await store.put('batch', text('batch')),
      tally: await store.put('tally', text('tally')),
    }));
    this.made.push({ step, prompts, rollouts, batch, tally });
    if (!upTo('updated')) return;
    const done = step + 1;
    const { policy, optimizer } = await give(async () => {
      const policy = await newPolicy(`${this.run} ${done}`);
      const optimizer = done % this.checkpointEvery === 0 ? await store.put('optimizer', text('optimizer')) : null;
      const refs = optimizer === null ? [policy] : [policy, optimizer];
      await store.commit(`${at}/update/h`, { result: null, refs, attempt: 1 });
      return { policy, optimizer };
    });
    if (!upTo('finished')) return;
    const algorithm = await give(() => store.put('algorithm-state', text('algorithm')));
    this.state = {
      ...{ ...this.state, step: done, policy, algorithm },
      ...(optimizer === null
        ? { redo: [...this.state.redo, { step, batch, policy }] }
        : { checkpoint: { step: done, policy, optimizer }, redo: [] }),
    };
    await this.record();
  }

  async steps(count: number): Promise<this> {
    for (let made = 0; made < count; made++) await this.step();
    return this;
  }

  async change(number: number, change: RunChange): Promise<void> {
    const record = { version: 1, number, step: this.state.step, change };
    await writeRunRecord(fixture.home, this.run, changeRecordName(number), record);
  }

  async evaluation(step: number, worst: number, mean: number): Promise<void> {
    const value = { step, policy: fixture.state.base, tasks: [], worst: { task: 'zebra', accuracy: worst }, mean };
    await writeRunRecord(fixture.home, this.run, `evaluations/${String(step).padStart(6, '0')}.json`, value);
  }

  async end(): Promise<void> {
    const { step, policy } = this.state;
    await writeRunRecord(fixture.home, this.run, 'result.json', { step, sha256: 'x', path: 'policy', policy });
  }

  async #age(path: string): Promise<void> {
    await utimes(path, new Date(this.#clock), new Date(this.#clock));
  }

  /** All that is new was made at this run's present moment. */
  async #ageAll(): Promise<void> {
    if (!this.isLongAgo) return;
    const recent = Date.now() - 3_600_000;
    for (const part of [
      join(store.folder, 'objects'),
      join(store.folder, 'commits'),
      join(runFolder(fixture.home, this.run), 'holds'),
    ]) {
      for (const entry of await readdir(part, { recursive: true, withFileTypes: true }).catch(() => [])) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && (await stat(path)).mtimeMs > recent) await this.#age(path);
      }
    }
  }
}

async function newPolicy(seed: string): Promise<ArtefactRef> {
  const { architecture, parameters } = await loadPolicy(store, fixture.state.base);
  const flat = parameters.flat.map((weight, at) => (at < seed.length ? seed.charCodeAt(at) : weight));
  return await putPolicy(store, architecture, flat);
}

function collect(options: Partial<GarbageOptions> = {}) {
  return collectGarbage({ home: fixture.home, store, keepLast: 2, keepEvery: 0, graceMs: 60_000, ...options });
}

/** Whether it is there; does not make it young. */
const isThere = (ref: ArtefactRef) => existsSync(store.pathOf(ref));

/** Every state on record and every commit can be read to the end. */
async function expectWhole(): Promise<void> {
  for (const run of await readdir(join(fixture.home, 'runs'))) {
    for (const step of await recordedSteps(fixture.home, run)) {
      const record = (await readStateRecord(fixture.home, run, step))!;
      for (const ref of [record.config, record.state.base, record.state.policy, record.state.algorithm])
        expect(isThere(ref)).toBe(true);
      for (const { batch } of record.state.redo) expect(isThere(batch)).toBe(true);
      if (record.state.checkpoint !== null) expect(isThere(record.state.checkpoint.optimizer)).toBe(true);
    }
  }
  for (const { refs } of await store.listCommits()) for (const ref of refs) expect(isThere(ref)).toBe(true);
}

describe('what stays of a run', () => {
  test('the last states, the first, the checkpoints that they need, and the step under way; the rest goes with its commits', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(11);
    await a.step('batched');
    const report = await collect();
    // 11 and 10 are the last; 9 and 6 are the last two checkpoints.
    expect(report.runs).toMatchObject([{ run: 'a', kept: [0, 6, 9, 10, 11], gone: [1, 2, 3, 4, 5, 7, 8] }]);
    const keys = (await store.listCommits('a/')).map(({ key }) => key.split('/')[1]);
    expect([...new Set(keys)]).toEqual(['step-000009', 'step-000010', 'step-000011']);
    await expectWhole();
    for (const step of [6, 9, 10, 11])
      await proveState(fixture.context, (await readStateRecord(fixture.home, 'a', step))!);
    const { prompts, rollouts, batch, tally } = a.made.at(-1)!;
    for (const ref of [prompts, rollouts, batch, tally]) expect(isThere(ref)).toBe(true);
    for (const { rollouts: old } of a.made.slice(0, 8)) expect(isThere(old)).toBe(false);
    expect(report.gone).toMatchObject({
      policy: { count: 7 },
      rollouts: { count: 9 },
      state: { count: 7 },
      hold: { count: 9 },
    });
    expect((await collect()).goneBytes).toBe(0);
  });

  test('a run cut off in mid-step and left for months finds all that its history refers to, at each moment of the step', async () => {
    for (const until of ['planned', 'rolled-out', 'batched', 'updated'] as const) {
      const run = await new FakeRun(`cut-${until}`).begin();
      await run.steps(4);
      await run.step(until);
      // As if it had been copied without its files' times, and another run was at work since.
      const held = (await readHolds(fixture.home, run.run)).at(-1)!;
      await utimes(held.path, LONG_AGO, LONG_AGO);
      await collect({ graceMs: 0 });
      for (const ref of held.refs) expect(isThere(ref), `${until}: ${ref.kind}`).toBe(true);
      await expectWhole();
    }
  });

  test('a configuration that a paused run goes on under is in no state yet, and stays', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(4);
    const changed = await holding(fixture.context, async (_: unknown) => ({
      config: await store.putJson('config', { ...fixture.config, seed: 99 }),
    }))({ run: 'a', config: fixture.configRef, state: a.state, changes: [] });
    await utimes(store.pathOf(changed.config), LONG_AGO, LONG_AGO);
    await collect();
    expect(isThere(changed.config)).toBe(true);
  });

  test('the best evaluated by its worst task and on average, every M-th, and the pinned, until they are unpinned', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(12);
    await a.evaluation(2, 0.4, 0.5);
    await a.evaluation(4, 0.3, 0.7);
    await a.evaluation(8, 0.2, 0.6);
    await a.change(1, { kind: 'pin', step: 1 });
    const kept = async (options: Partial<GarbageOptions>) =>
      (await collect({ ...options, dryRun: true })).runs[0]!.kept;
    expect(await kept({})).toEqual([0, 1, 2, 4, 9, 11, 12]);
    expect(await kept({ keepEvery: 5 })).toEqual([0, 1, 2, 4, 5, 9, 10, 11, 12]);
    expect(await kept({ keepLast: 5 })).toEqual([0, 1, 2, 4, 8, 9, 10, 11, 12]);
    await a.change(2, { kind: 'unpin', step: 1 });
    expect(await kept({})).toEqual([0, 2, 4, 9, 11, 12]);
  });

  test('a pin that was accepted, and waits for the end of the step, is heard', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(7);
    await holding(
      fixture.context,
      async (_: unknown) => null,
    )({
      ...{ run: 'a', config: fixture.configRef, step: 7, change: { kind: 'pin', step: 2 }, queue: [] },
    });
    await collect();
    expect(await recordedSteps(fixture.home, 'a')).toContain(2);
  });

  test('the state from which another run branches off, and what the branch shares with it', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(2);
    const two = a.state;
    await a.steps(5);
    const branch = new FakeRun('branch');
    await writeRunRecord(fixture.home, 'branch', 'run.json', {
      ...{ version: 1, run: 'branch', createdAt: new Date().toISOString(), config: fixture.config },
      branch: { of: 'a', step: 2 },
    });
    await collect();
    await proveState(fixture.context, (await readStateRecord(fixture.home, 'a', 2))!);
    branch.state = two;
    await branch.record();
    await branch.steps(4);
    await collect();
    await expectWhole();
    await proveState(fixture.context, { config: fixture.configRef, state: branch.state });
  });

  test('the base that the adapters of a kept policy stand beside, where no state names it', async () => {
    const run = await new FakeRun('a').begin();
    const [base, nobodys] = [await newPolicy('a base'), await newPolicy('of nobody')];
    const { architecture } = await loadPolicy(store, base);
    const lora = { rank: 1, alpha: 1, targets: ['q_proj'] };
    const policy = await putAdapter(store, architecture, base, initialiseLora(architecture.config, lora, 1));
    await run.steps(3);
    run.state = { ...run.state, step: 4, policy };
    await run.record();
    await collect();
    expect([policy, base, nobodys].map(isThere)).toEqual([true, true, false]);
    await expectWhole();
  });

  test('of a run that has ended the last state and its policy, and no commits of earlier steps', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(7);
    await a.end();
    const report = await collect({ keepLast: 1 });
    expect(report.runs[0]).toMatchObject({ kept: [0, 3, 6, 7] });
    await proveState(fixture.context, { config: fixture.configRef, state: a.state });
  });

  test('what its base showed in the evaluation, for runs that begin later; work that runs share goes with the last that needs it', async () => {
    const text = (what: string) => store.put('rollouts', new TextEncoder().encode(what));
    const [evaluated, drawn] = [await text('of the base'), await text('first draws')];
    const commit = async (run: string, part: string, ref: ArtefactRef) => {
      for (const key of [`shared/${part}/rollout/h`, `${run}/step-000000/${part}/rollout/h`]) {
        await store.commit(key, { result: null, refs: [ref], attempt: 1 });
      }
    };
    const keys = async () => (await store.listCommits('shared/')).map(({ key }) => key.split('/')[1]);
    const [a, b] = [new FakeRun('a'), new FakeRun('b')];
    for (const run of [a, b]) {
      await commit(run.run, 'evaluate/round-0/shard-0', evaluated);
      await commit(run.run, 'train/round-0/shard-0', drawn);
      await run.begin();
    }
    await a.steps(7);
    await a.end();
    await b.steps(1);
    await collect();
    expect(await keys()).toEqual(['evaluate', 'train']);
    await expectWhole();
    await b.steps(6);
    await b.end();
    await collect();
    expect(await keys()).toEqual(['evaluate']);
    expect([isThere(evaluated), isThere(drawn)]).toEqual([true, false]);
    await expectWhole();
  });

  test('at least two states of a run that goes on, whatever is asked', async () => {
    const a = await new FakeRun('a', 100).begin();
    await a.steps(6);
    expect((await collect({ keepLast: 1 })).runs[0]).toMatchObject({ kept: [0, 5, 6] });
  });

  test('older states, where something of the newest is gone: so many whole ones stay as are asked for', async () => {
    const a = await new FakeRun('a', 2).begin();
    await a.steps(8);
    for (const step of [8, 7]) await rm(store.pathOf((await readStateRecord(fixture.home, 'a', step))!.state.policy));
    const { kept } = (await collect()).runs[0]!;
    expect(kept).toEqual([0, 4, 5, 6, 7, 8]);
    await proveState(fixture.context, (await readStateRecord(fixture.home, 'a', 6))!);
  });

  test('everything since it began, of a run of an earlier release that has no record of its states', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(4);
    for (const part of ['states', 'holds']) await rm(join(runFolder(fixture.home, 'a'), part), { recursive: true });
    const report = await collect({ graceMs: 0 });
    expect(report.goneBytes).toBe(0);
    expect(report.runs[0]!.holdsSince).toBe(LONG_AGO.getTime());
  });

  test('the code of verifiers that a run names, and what a prompt set holds; other code goes', async () => {
    const script = (text: string) => store.put('verifier-script', new TextEncoder().encode(text));
    const [named, waiting, other] = [await script('named'), await script('waiting'), await script('other')];
    for (const ref of [named, waiting, other]) {
      await store.commit(keptScriptKey(ref.sha256), { result: null, refs: [ref], attempt: 1 });
      await utimes(store.pathOf(ref), LONG_AGO, LONG_AGO);
    }
    const rows = await store.put('prompts', new TextEncoder().encode('rows'));
    const unheard = await store.put('prompts', new TextEncoder().encode('unheard'));
    for (const ref of [rows, unheard]) await utimes(store.pathOf(ref), LONG_AGO, LONG_AGO);
    await mkdir(join(fixture.home, 'prompt-sets'));
    await writeFile(join(fixture.home, 'prompt-sets', 'mine.json'), JSON.stringify({ name: 'mine', rows }));
    const verifiers = { countdown: { version: '1.0.0', sha256: named.sha256 } };
    const a = await new FakeRun('a').begin({ config: { inputs: { verifiers } } });
    await a.steps(3);
    const verifier = { version: '1.0.0', sha256: waiting.sha256 };
    const task = { name: 'words', verifier: 'words', level: 'tiny', style: 'compact' } as const;
    await holding(
      fixture.context,
      async (_: unknown) => null,
    )({
      ...{ run: 'a', step: 3, change: { kind: 'add-task', task, verifier }, queue: [] },
    });
    await ageCommits();
    await collect();
    expect([named, waiting, other, rows, unheard].map(isThere)).toEqual([true, true, false, true, false]);
    expect(await store.lookup(keptScriptKey(other.sha256))).toBeNull();
  });

  test('only what a named run alone has goes, where runs are named', async () => {
    await (await new FakeRun('a').begin()).steps(5);
    await (await new FakeRun('b').begin()).steps(5);
    const stray = await store.put('text', new TextEncoder().encode('stray'));
    await utimes(store.pathOf(stray), LONG_AGO, LONG_AGO);
    const { runs } = await collect({ runs: ['b'] });
    expect(runs.map(({ run }) => run)).toEqual(['b']);
    expect(await recordedSteps(fixture.home, 'a')).toHaveLength(6);
    expect(await recordedSteps(fixture.home, 'b')).toEqual([0, 3, 4, 5]);
    expect(isThere(stray)).toBe(true);
    await expectWhole();
  });

  test('the commits of a run whose folder somebody removed go after a day of rest', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(3);
    await rm(runFolder(fixture.home, 'a'), { recursive: true });
    await collect();
    expect(await store.listCommits('a/')).toEqual([]);
    const { bytes } = (await collect()).left;
    expect(bytes).toBe(0);
  });

  test('nothing of a run goes whose record cannot be read, and the file is named; other runs are tidied', async () => {
    const damages: readonly [string, string, string][] = [
      ['states/000002.json', '{"version":1', 'it is no record of a state'],
      ['changes/000001.json', '{"version":7}', 'version'],
      ['evaluations/000002.json', 'x', 'JSON'],
    ];
    await (await new FakeRun('good').begin()).steps(5);
    const all = await Promise.all(damages.map((_, index) => new FakeRun(`bad-${index}`).begin()));
    for (const run of all) await run.steps(3);
    for (const [index, [name, content]] of damages.entries())
      await writeRunFile(fixture.home, `bad-${index}`, name, content);
    const report = await collect();
    for (const [index, [name, , reason]] of damages.entries()) {
      expect(report.runs.find(({ run }) => run === `bad-${index}`)).toMatchObject({
        ...{ gone: [], commits: 0 },
        damaged: [
          { file: join(runFolder(fixture.home, `bad-${index}`), name), reason: expect.stringContaining(reason) },
        ],
      });
      for (const { rollouts, tally } of all[index]!.made)
        expect([isThere(rollouts), isThere(tally)]).toEqual([true, true]);
    }
    expect(report.runs.find(({ run }) => run === 'good')!.gone).toEqual([1, 2]);
  });

  test('a prompt set that cannot be read stops it, by name', async () => {
    await mkdir(join(fixture.home, 'prompt-sets'));
    await writeFile(join(fixture.home, 'prompt-sets', 'mine.json'), '{');
    await expect(collect()).rejects.toMatchObject({
      code: 'record-damaged',
      message: expect.stringContaining('mine.json'),
    });
  });
});

describe('collectGarbage()', () => {
  test('killed at any of its moments, it leaves whole states and commits, and the next one ends the work', async () => {
    const run = await new FakeRun('a').begin();
    await run.steps(9);
    const counted = new Map<GarbageMoment, number>();
    await writeFile(join(store.folder, 'journal', '4194999-a.jsonl'), '');
    await utimes(join(store.folder, 'journal', '4194999-a.jsonl'), new Date(0), new Date(0));
    // Each collection is killed a little later than the one before, at each kind of moment: together they do all of the work.
    for (const moment of garbageMoments) {
      const killed = collect({
        at: (name) => {
          counted.set(name, (counted.get(name) ?? 0) + 1);
          if (name === moment) throw new Error(`killed at ${moment}`);
        },
      });
      await killed.catch((thrown: Error) => expect(thrown.message).toContain(`killed at ${moment}`));
      await expectWhole();
      await proveState(fixture.context, { config: fixture.configRef, state: run.state });
    }
    expect([...counted.keys()].sort()).toEqual([...garbageMoments].sort());
    await collect();
    expect(await recordedSteps(fixture.home, 'a')).toEqual(
      [0, 3, 6, 7, 8, 9].filter((step) => step !== 3 && step !== 7),
    );
    await expectWhole();
    expect(await readdir(join(store.folder, 'aside'))).toEqual([]);
  });

  test('a dry run tells what would go, and changes nothing', async () => {
    await (await new FakeRun('a').begin()).steps(8);
    const before = await readdir(fixture.home, { recursive: true });
    const told = await collect({ dryRun: true });
    expect(await readdir(fixture.home, { recursive: true })).toEqual(before);
    const done = await collect();
    expect({ ...done, dryRun: true }).toEqual(told);
    expect(told.goneBytes).toBeGreaterThan(0);
  });

  test('a state that is recorded while it is at work stays whole, with what it shares with those that go', async () => {
    const run = await new FakeRun('a').begin();
    await run.steps(8);
    run.isLongAgo = false;
    let further = 0;
    for (const moment of ['states-dropped', 'commits-dropped', 'marked'] as const) {
      await collect({
        at: async (name) => {
          if (name !== moment) return;
          await run.steps(1);
          further++;
        },
      });
      await expectWhole();
      await proveState(fixture.context, { config: fixture.configRef, state: run.state });
    }
    expect(further).toBeGreaterThanOrEqual(3);
  });
});

describe('diskUse()', () => {
  test('counts each artefact once: by run and kind, as shared, or as named by nobody', async () => {
    const a = await new FakeRun('a').begin();
    await a.steps(4);
    await (await new FakeRun('b').begin()).steps(2);
    await store.put('text', new TextEncoder().encode('stray'));
    const use = await diskUse(fixture.home, store);
    expect(use.runs.map(({ run, states }) => [run, states.length])).toEqual([
      ['a', 5],
      ['b', 3],
    ]);
    expect(use.runs[0]!.kinds).toMatchObject({
      policy: { count: 4 },
      rollouts: { count: 4 },
      batch: { count: 4 },
      tally: { count: 4 },
    });
    expect(use.shared).toMatchObject({ architecture: { count: 1 }, policy: { count: 1 }, config: { count: 1 } });
    expect(use.unnamed).toEqual({ other: { count: 1, bytes: 5 } });
    const objects = (await readdir(join(store.folder, 'objects'), { recursive: true, withFileTypes: true })).filter(
      (entry) => entry.isFile(),
    );
    const counted = [
      ...use.runs.map(({ kinds: { commit: _commit, ...kinds } }) => kinds),
      use.shared,
      use.unnamed,
    ].flatMap((kinds) => Object.values(kinds).map(({ count }) => count));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(objects.length);
  });
});

describe('holding()', () => {
  test('writes what an activity is given and gives, before the activity has given it', async () => {
    const ref = (digit: string): ArtefactRef => ({ kind: 'prompts', sha256: digit.repeat(64), bytes: 7 });
    const path = join(runFolder(fixture.home, 'h'), 'holds', '000004.txt');
    const activity = holding(fixture.context, async (_: unknown) => {
      expect(await readFile(path, 'utf8')).toContain(ref('a').sha256);
      return { plan: { prompts: ref('b') }, rounds: [{ verdicts: ref('c') }] };
    });
    await activity({ run: 'h', step: 4, policy: ref('a') });
    const [hold] = await readHolds(fixture.home, 'h');
    expect(hold).toMatchObject({ step: 4, refs: [ref('a'), ref('b'), ref('c')] });
    const { size } = await stat(path);
    await activity({ run: 'h', step: 4, policy: ref('a') });
    expect((await stat(path)).size).toBe(size);
  });

  test('a line that a kill cut off spoils nothing of what is written after it', async () => {
    const activity = holding(fixture.context, async (_: unknown) => ({
      kind: 'batch',
      sha256: 'e'.repeat(64),
      bytes: 1,
    }));
    await writeRunFile(fixture.home, 'cut', 'holds/000001.txt', `\n${'d'.repeat(64)} batch 12\n${'f'.repeat(30)}`);
    await activity({ run: 'cut', step: 1 });
    const [hold] = await readHolds(fixture.home, 'cut');
    expect(hold!.refs.map(({ sha256 }) => sha256[0])).toEqual(['d', 'e']);
  });
});

async function ageCommits(): Promise<void> {
  for (const entry of await readdir(join(store.folder, 'commits'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), LONG_AGO, LONG_AGO);
  }
}
