/**
 * Makes room in a home: states that need not stay go first, then the commits of steps that nobody goes back to, then the artefacts that
 * nobody names any more. Each is durably gone before the next is touched, so that a kill at any moment leaves states and commits that
 * are whole. What stays is said by retention.ts; how an artefact goes beside living processes, by the store's sweep.
 */
import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import { faultPoint } from '@evenkeel/protocol';
import { type Amount, type FolderStore, type SweepMoment, sweepMoments, sweepStore, syncFolder } from '@evenkeel/store';
import {
  commitFates,
  cutoffOf,
  NamedArtefacts,
  promptSetRows,
  type Retention,
  type RunRetention,
  retain,
} from './retention.ts';
import { branchOrigins, type RecordedState, type RunFacts, readRunFacts, runsOf } from './run-facts.ts';
import type { RunHold } from './run-holds.ts';
import { artefactsOf } from './state-record.ts';

/** The moments at which a test may kill it, in their order. */
export const garbageMoments = ['state-dropped', 'states-dropped', 'hold-dropped', ...sweepMoments] as const;
export type GarbageMoment = (typeof garbageMoments)[number] | SweepMoment;

export interface GarbageOptions extends Retention {
  readonly home: string;
  readonly store: FolderStore;
  /** Only these runs lose anything; default: all, and what belongs to no run. */
  readonly runs?: readonly string[];
  /** Nothing is changed: what would go is told. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Files looked at. */
  readonly onProgress?: (looked: number) => void;
  readonly at?: (moment: GarbageMoment) => void | Promise<void>;
  /** Kept between two collections, it saves reading what never changes. */
  readonly memory?: NamedArtefacts;
}

/** What went of a run. */
export interface RunGarbage {
  readonly run: string;
  /** Steps whose states stay, and those whose states went. */
  readonly kept: readonly number[];
  readonly gone: readonly number[];
  readonly commits: number;
  /** Nothing of the run went, for these files cannot be read. */
  readonly damaged: RunFacts['damaged'];
  /** What was used since stays, whosever it is: the run's records do not say what it refers to. Null where they do. */
  readonly holdsSince: number | null;
}

export interface GarbageReport {
  readonly dryRun: boolean;
  readonly runs: readonly RunGarbage[];
  /** By kind of artefact, and `commit`, `state`, `hold`, `journal`; `other` is what nothing names. */
  readonly gone: Readonly<Record<string, Amount>>;
  readonly goneBytes: number;
  /** Artefacts that stay. */
  readonly left: Amount;
  /** Commit records that cannot be read, and were let alone. */
  readonly damagedCommits: readonly string[];
}

/**
 * Collects what no run of the home needs, once. Safe beside the home's processes and beside itself.
 *
 * @throws {ConfigError} `record-damaged` where a prompt set's record cannot be read
 * @throws {StoreError} where the disk refuses
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const { home, store, dryRun = false, at = killHere } = options;
  const now = Date.now();
  const memory = options.memory ?? new NamedArtefacts(store);
  const only = options.runs === undefined ? null : new Set(options.runs);
  const first = await planHome(options, memory, now);
  const kinds = new Map<string, string>();
  for (const { facts } of first.values()) nameKinds(kinds, facts);

  const gone: Record<string, { count: number; bytes: number }> = {};
  const count = (kind: string, bytes: number) => {
    gone[kind] ??= { count: 0, bytes: 0 };
    gone[kind].count++;
    gone[kind].bytes += bytes;
  };
  const goingStates: RecordedState[] = [];
  const goingHolds: RunHold[] = [];
  for (const [run, planned] of first) {
    if (only?.has(run) === false || options.signal?.aborted === true) continue;
    // Read again: somebody may have pinned a step, or branched off from one, since.
    const plan = dryRun || planned.going.length === 0 ? planned : await planRun(options, memory, now, run);
    const still = new Set(plan.going.map(({ path }) => path));
    for (const state of planned.going) {
      if (!still.has(state.path)) continue;
      if (!dryRun) {
        await unlink(state.path).catch(absentIsFine);
        await at('state-dropped');
      }
      goingStates.push(state);
      count('state', state.bytes);
    }
    if (!dryRun && still.size > 0) await syncFolder(dirname(planned.going[0]!.path));
    await at('states-dropped');
    for (const hold of planned.goingHolds) {
      if (!dryRun) {
        await unlink(hold.path).catch(absentIsFine);
        await at('hold-dropped');
      }
      goingHolds.push(hold);
      count('hold', hold.bytes);
    }
  }

  const without = { states: dryRun ? goingStates : [], holds: dryRun ? goingHolds : [] };
  /** Of what is there now: a state that was recorded in the meantime counts, and so does one that was let alone. */
  const marked = async () => {
    const named = new Set(await promptSetRows(home));
    for (const run of await runsOf(home)) {
      for (const hash of await memory.ofRun(await readRunFacts(home, run), without)) named.add(hash);
    }
    return named;
  };
  const periods = [...first.values()].flatMap(({ period }) => period ?? []);
  const cutoff = cutoffOf(options, now);
  const named = await marked();
  const puzzles = await Promise.all([...first.values()].map(({ facts }) => memory.evaluationPuzzles(facts)));
  const swept = await sweepStore(store, {
    fates: (commits) => {
      for (const { refs } of commits) for (const ref of refs) kinds.set(ref.sha256, ref.kind);
      const judgement = { runs: first, only, named, puzzles: new Set(puzzles.flat()), retention: options, now };
      return commitFates(commits, judgement);
    },
    marked,
    staysByAge: (usedAt) => usedAt >= cutoff || periods.some(({ from, to }) => from <= usedAt && usedAt <= to),
    ...(only === null
      ? {}
      : {
          only: (dropped) =>
            new Set([
              ...goingStates.flatMap((state) => artefactsOf(state).map(({ sha256 }) => sha256)),
              ...goingHolds.flatMap(({ hashes }) => hashes),
              ...dropped.flatMap(({ refs }) => refs.map(({ sha256 }) => sha256)),
            ]),
        }),
    dryRun,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    at,
  });
  for (const { sha256, bytes } of swept.artefacts) count(kinds.get(sha256) ?? 'other', bytes);
  if (swept.commits.count > 0) gone.commit = swept.commits;
  if (swept.journal.count > 0) gone.journal = swept.journal;
  const commits = new Map<string, number>();
  for (const { key } of swept.dropped) {
    const run = key.split('/', 1)[0]!;
    commits.set(run, (commits.get(run) ?? 0) + 1);
  }
  return {
    dryRun,
    runs: [...first.values()]
      .filter(({ facts }) => only?.has(facts.run) !== false)
      .map((plan) => runGarbage(plan, goingStates, commits.get(plan.facts.run) ?? 0)),
    gone,
    goneBytes: Object.values(gone).reduce((sum, { bytes }) => sum + bytes, 0),
    left: swept.left,
    damagedCommits: swept.damaged,
  };
}

async function planHome(
  options: Pick<GarbageOptions, 'home' | keyof Retention>,
  memory: NamedArtefacts,
  now: number,
): Promise<Map<string, RunRetention>> {
  const plans = new Map<string, RunRetention>();
  for (const run of await runsOf(options.home)) plans.set(run, await planRun(options, memory, now, run));
  return plans;
}

async function planRun(
  { home, keepLast, keepEvery, graceMs }: Pick<GarbageOptions, 'home' | keyof Retention>,
  memory: NamedArtefacts,
  now: number,
  run: string,
): Promise<RunRetention> {
  const [facts, origins] = await Promise.all([readRunFacts(home, run), branchOrigins(home, run)]);
  const isWhole = (state: RecordedState) => memory.isWhole(state);
  return await retain(facts, origins, { keepLast, keepEvery, graceMs, now }, isWhole);
}

function runGarbage(plan: RunRetention, going: readonly RecordedState[], commits: number): RunGarbage {
  const { facts, period } = plan;
  const gone = facts.states.filter((state) => going.includes(state)).map(({ step }) => step);
  return {
    run: facts.run,
    kept: facts.states.map(({ step }) => step).filter((step) => !gone.includes(step)),
    gone,
    commits,
    damaged: facts.damaged,
    holdsSince: period?.to === Number.POSITIVE_INFINITY ? period.from : null,
  };
}

function nameKinds(kinds: Map<string, string>, { states, holds, refs }: RunFacts): void {
  const named: ArtefactRef[] = [...refs, ...states.flatMap(artefactsOf), ...holds.flatMap((hold) => hold.refs)];
  for (const { sha256, kind } of named) kinds.set(sha256, kind);
}

/** `EVENKEEL_FAULT=gc/moved-aside` */
function killHere(moment: GarbageMoment): void {
  faultPoint(`gc/${moment}`);
}

function absentIsFine(thrown: unknown): void {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
}
