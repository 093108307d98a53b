/**
 * Which states of a run stay, and with them which artefacts and commits: the newest, every so many steps, the best evaluated, the pinned,
 * those from which another run branches off, and what a run needs to go on from where it is, whatever is killed or lost. It decides from a
 * run's records; it deletes nothing.
 *
 * A run that has not ended may refer to more than its newest state: the jobs, tables and decisions of the step under way, which only
 * its history knows. They are kept three times over: by what its activities were given and gave (run-holds.ts), by the keys of its
 * commits, and by age: everything that was last used while the run was at work on its last two steps.
 */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtefactRef, ConfigError, hashOf } from '@evenkeel/core';
import { namedByPolicy } from '@evenkeel/policy';
import { keptScriptKey, parseRunConfig, type RunConfig } from '@evenkeel/protocol';
import type { AgedCommit, CommitFate, FolderStore } from '@evenkeel/store';
import { drawOf } from './plan-round.ts';
import type { RecordedState, RunFacts } from './run-facts.ts';
import { holdLines, type RunHold } from './run-holds.ts';
import { isSharedKey } from './shared-work.ts';
import { artefactsOf } from './state-record.ts';

/** What is to be kept of each run beyond what it needs. */
export interface Retention {
  /** The last so many states, from 1; of a run that has not ended at least two stay. */
  readonly keepLast: number;
  /** The states of every so many steps; 0: none for that. */
  readonly keepEvery: number;
  /** What was made or used so shortly before stays. */
  readonly graceMs: number;
}

/** A time within which something was last used. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** What becomes of one run. */
export interface RunRetention {
  readonly facts: RunFacts;
  /** Steps whose states stay. */
  readonly kept: readonly number[];
  readonly going: readonly RecordedState[];
  readonly goingHolds: readonly RunHold[];
  /** Commits of steps that began when so many were done stay; −∞: all. */
  readonly commitsFrom: number;
  /** What was last used in it stays, whosever it is; null where the run has ended. */
  readonly period: Period | null;
  /** The run is let alone because of files that cannot be read. */
  readonly refused: boolean;
}

const DAY_MS = 86_400_000;
/** A run at work gives a sign of life every half minute: whatever is used so long after the last one may be its own. */
const LIFE_MS = 10 * 60_000;
/** A file's time may be that of the kernel's coarse clock, a tick behind. */
const CLOCK_TICK_MS = 100;

/** What was last used at this moment or later stays, for that alone. */
export function cutoffOf({ graceMs }: Pick<Retention, 'graceMs'>, now: number): number {
  return now - graceMs - CLOCK_TICK_MS;
}

/**
 * Decides over one run.
 *
 * @param origins steps of the run from which other runs branch off
 * @param isWhole whether all artefacts of a state are there, as far as can be seen without reading them
 */
export async function retain(
  facts: RunFacts,
  origins: readonly number[],
  retention: Retention & { readonly now: number },
  isWhole: (state: RecordedState) => Promise<boolean>,
): Promise<RunRetention> {
  const { states, holds, begunAt, endedAfter, damaged } = facts;
  const { graceMs, keepEvery } = retention;
  const always = { from: begunAt - graceMs, to: Number.POSITIVE_INFINITY };
  if (damaged.length > 0) {
    const all = { going: [], goingHolds: [], commitsFrom: Number.NEGATIVE_INFINITY, period: always, refused: true };
    return { facts, kept: states.map(({ step }) => step), ...all };
  }
  const newest = states.at(-1);
  const ended = endedAfter !== null && endedAfter >= (newest?.step ?? 0);
  const keepLast = Math.max(retention.keepLast, ended ? 1 : 2);
  const kept = new Set<number>([0, ...origins, ...pinnedSteps(facts), ...bestSteps(facts)]);
  const whole: RecordedState[] = [];
  for (const state of states.toReversed()) {
    kept.add(state.step);
    if (await isWhole(state)) whole.push(state);
    if (whole.length === keepLast) break;
  }
  const checkpoints = checkpointSteps(states, whole[0]);
  for (const step of checkpoints) kept.add(step);
  if (keepEvery > 0) for (const { step } of states) if (step % keepEvery === 0) kept.add(step);

  const second = whole[1];
  const last = whole[0]?.state.checkpoint?.step ?? 0;
  // An earlier release recorded no states: of what it ended, the result is what stays.
  const unrecorded = ended && newest === undefined ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const commitsFrom = second === undefined ? unrecorded : Math.min(second.step, last);
  const cutoff = cutoffOf(retention, retention.now);
  const youngest = holds.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...holds.map(({ at }) => at));
  const to = holds.length === 0 ? Number.POSITIVE_INFINITY : youngest + Math.max(graceMs, LIFE_MS);
  const before = states.at(-2);
  const period = before === undefined ? { ...always, to } : { from: Math.min(before.at, youngest - graceMs), to };
  return {
    facts,
    kept: states.map(({ step }) => step).filter((step) => kept.has(step)),
    going: states.filter(({ step, at }) => !kept.has(step) && at < cutoff),
    goingHolds: holds.filter(({ step, at }) => step < commitsFrom && at < cutoff),
    commitsFrom,
    period: ended ? null : period,
    refused: false,
  };
}

/** Pinned and not unpinned since; a pin that waits to take effect counts too. */
function pinnedSteps({ changes, holds }: RunFacts): number[] {
  const pinned = new Set<number>();
  for (const change of changes) {
    if (change.kind === 'pin') pinned.add(change.step);
    if (change.kind === 'unpin') pinned.delete(change.step);
  }
  return [...pinned, ...holds.flatMap(({ pins }) => pins)];
}

/** The steps after which the worst task, and the tasks on average, were best; of equals the latest. */
function bestSteps({ evaluated }: RunFacts): number[] {
  const best = (value: (one: RunFacts['evaluated'][number]) => number): number[] => {
    const most = Math.max(...evaluated.map(value));
    return evaluated.flatMap((one) => (value(one) === most ? one.step : [])).slice(-1);
  };
  return [...best(({ worst }) => worst), ...best(({ mean }) => mean)];
}

/** The state at the last checkpoint and that at the one before: a damaged optimizer must not be the only one. */
function checkpointSteps(states: readonly RecordedState[], newest: RecordedState | undefined): number[] {
  const last = newest?.state.checkpoint?.step;
  if (last === undefined) return [];
  const earlier = states.filter(({ step, state }) => step < last && state.checkpoint?.step === step).at(-1);
  return earlier === undefined ? [last] : [last, earlier.step];
}

/** Reads of a home what its runs' artefacts name in their turn; what it has read it remembers, for artefacts never change. */
export class NamedArtefacts {
  readonly #store: FolderStore;
  readonly #architectures = new Map<string, string>();
  readonly #bases = new Map<string, string>();
  readonly #configs = new Map<string, { readonly named: readonly string[]; readonly puzzles: string | null }>();

  constructor(store: FolderStore) {
    this.#store = store;
  }

  /** Whether all of a state is there, by name and size: a look does not make it young. */
  async isWhole(state: Pick<RecordedState, 'config' | 'state'>): Promise<boolean> {
    for (const ref of artefactsOf(state)) {
      const found = await stat(this.#store.pathOf(ref)).catch(() => null);
      if (found?.size !== ref.bytes) return false;
    }
    return true;
  }

  /** Every hash that a run may ask for, or that its kept states need; the states `without` and their like are left out. */
  async ofRun(
    facts: RunFacts,
    without: { readonly states: readonly RecordedState[]; readonly holds: readonly RunHold[] },
  ): Promise<Set<string>> {
    const named = new Set(facts.named);
    const states = facts.states.filter(({ path }) => !without.states.some((other) => other.path === path));
    const holds = facts.holds.filter(({ path }) => !without.holds.some((other) => other.path === path));
    const refs = [...facts.refs, ...states.flatMap(artefactsOf), ...holds.flatMap((hold) => hold.refs)];
    for (const { sha256 } of refs) named.add(sha256);
    for (const hash of holds.flatMap(({ hashes }) => hashes)) named.add(hash);
    for (const ref of refs) {
      if (ref.kind === 'policy') {
        named.add((await this.#architecture(ref)) ?? ref.sha256);
        // Adapters are a policy beside their base alone.
        named.add(this.#bases.get(ref.sha256) ?? ref.sha256);
      }
      if (ref.kind === 'config') for (const hash of (await this.#config(ref)).named) named.add(hash);
    }
    return named;
  }

  /** The hashes of the architectures that were seen. */
  architectures(): string[] {
    return [...this.#architectures.values()];
  }

  /** The keys of the puzzles on which the runs are evaluated: drawn once, asked for again and again. */
  async evaluationPuzzles(facts: RunFacts): Promise<string[]> {
    const refs = [...facts.states.map(({ config }) => config), ...facts.holds.flatMap((hold) => hold.refs)];
    const configs = new Map(refs.filter(({ kind }) => kind === 'config').map((ref) => [ref.sha256, ref]));
    const keys = await Promise.all([...configs.values()].map(async (ref) => (await this.#config(ref)).puzzles));
    return keys.filter((key) => key !== null);
  }

  /** Null where the policy is not there, or is none: the run's other policies name the same. */
  async #architecture(policy: ArtefactRef): Promise<string | null> {
    const known = this.#architectures.get(policy.sha256);
    if (known !== undefined) return known;
    const file = await open(this.#store.pathOf(policy), 'r').catch(() => null);
    if (file === null) return null;
    try {
      const { architecture, base } = await namedByPolicy(async (from, to) => {
        const bytes = new Uint8Array(to - from);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
        return bytes.subarray(0, bytesRead);
      });
      this.#architectures.set(policy.sha256, architecture.sha256);
      if (base !== null) this.#bases.set(policy.sha256, base.sha256);
      return architecture.sha256;
    } catch {
      return null;
    } finally {
      await file.close();
    }
  }

  /** What a configuration names is in its run's record and changes too, so one that cannot be read loses nothing. */
  async #config(ref: ArtefactRef): Promise<{ readonly named: readonly string[]; readonly puzzles: string | null }> {
    const known = this.#configs.get(ref.sha256);
    if (known !== undefined) return known;
    try {
      const json: unknown = JSON.parse(await readFile(this.#store.pathOf(ref), 'utf8'));
      const named = [...holdLines(json)].flatMap((line) => /^[0-9a-f]{64}/.exec(line) ?? []);
      const read = { named, puzzles: evaluationPuzzlesKey(parseRunConfig(json)) };
      this.#configs.set(ref.sha256, read);
      return read;
    } catch {
      return { named: [], puzzles: null };
    }
  }
}

/** As `planEvaluation` asks for them. */
function evaluationPuzzlesKey(config: RunConfig): string | null {
  const { split, seed, promptsPerTask } = config.evaluation;
  const which = { split, seed, from: 0, count: promptsPerTask, epochs: 'one' as const };
  const draws = config.tasks.map(({ name }) => drawOf(config, name, which)).filter((draw) => !('set' in draw));
  return draws.length === 0 ? null : `puzzles/${hashOf({ kind: 'puzzles', draws })}`;
}

/** The rows of the home's prompt sets. @throws {ConfigError} `record-damaged` where a set's record cannot be read */
export async function promptSetRows(home: string): Promise<string[]> {
  const folder = join(home, 'prompt-sets');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const rows: string[] = [];
  for (const name of names) {
    try {
      const lines = holdLines(JSON.parse(await readFile(join(folder, name), 'utf8')));
      rows.push(...[...lines].flatMap((line) => /^[0-9a-f]{64}/.exec(line) ?? []));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new ConfigError(
        `Cannot tidy ${home}: ${join(folder, name)} cannot be read (${(thrown as Error).message}), expected the record of a prompt set: restore it or remove it`,
        { code: 'record-damaged', cause: thrown },
      );
    }
  }
  return rows;
}

/** How commits are judged. */
export interface CommitJudgement {
  readonly runs: ReadonlyMap<string, RunRetention>;
  /** Runs whose commits may go; null: all, and what belongs to no run. */
  readonly only: ReadonlySet<string> | null;
  readonly named: ReadonlySet<string>;
  readonly puzzles: ReadonlySet<string>;
  readonly retention: Retention;
  readonly now: number;
}

/** The fate of each commit of a store; see `sweepStore`. */
export function commitFates(commits: readonly AgedCommit[], judgement: CommitJudgement): CommitFate[] {
  const { runs, only, named, puzzles, retention, now } = judgement;
  const cutoff = cutoffOf(retention, now);
  const scripts = new Set([...named].map(keptScriptKey));
  const lastOf = new Map<string, number>();
  for (const { key, at } of commits) {
    const run = key.split('/', 1)[0]!;
    lastOf.set(run, Math.max(at, lastOf.get(run) ?? 0));
  }
  return commits.map(({ key, at }): CommitFate => {
    if (at >= cutoff) return 'keep';
    if (/^(puzzles|verifier-scripts)\//.test(key)) {
      return only !== null || puzzles.has(key) || scripts.has(key) ? 'keep' : 'follow';
    }
    // The runs that it was done for have commits of their own, which decide.
    if (isSharedKey(key)) return only !== null ? 'keep' : 'follow';
    const [, run, step] = /^([^/]+)\/step-(\d+)\//.exec(key) ?? [];
    if (run === undefined || only?.has(run) === false) return 'keep';
    const plan = runs.get(run);
    // A run whose folder somebody removed; a day of rest, lest it be at work all the same.
    if (plan === undefined) return lastOf.get(run)! < now - Math.max(DAY_MS, retention.graceMs) ? 'drop' : 'keep';
    if (plan.refused || Number(step) >= plan.commitsFrom) return 'keep';
    // What was found out about the base stays as the base does: a run that begins later from the same asks for it again.
    if (/^[^/]+\/step-0+\/evaluate\//.test(key)) return 'keep';
    return plan.period !== null && plan.period.from <= at && at <= plan.period.to ? 'keep' : 'drop';
  });
}
