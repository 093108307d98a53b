/**
 * Runs an experiment's runs, several at once, each a durable run like any other: what has ended is left alone, what was begun goes on.
 * It decides nothing of what is compared.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFolder } from '@evenkeel/activities';
import { expectedRollouts, type PlannedRun } from '@evenkeel/experiment';
import type { Store } from '@evenkeel/store';
import type { Invocation } from '../command.ts';
import type { RunClient } from '../train/run-client.ts';
import { startRun } from './start-run.ts';

const LOOK_MS = 1_000;

export type RunAllEvent =
  | {
      readonly kind: 'run';
      readonly run: string;
      readonly state: 'started' | 'done' | 'failed';
      readonly message?: string;
    }
  | {
      readonly kind: 'progress';
      /** Runs that have ended, failed ones among them. */
      readonly ended: number;
      readonly runs: number;
      readonly underWay: readonly { readonly run: string; readonly step: number; readonly steps: number }[];
      /** Null until something is known. */
      readonly secondsLeft: number | null;
    };

export interface RunAllOptions {
  readonly runs: readonly PlannedRun[];
  /** How many at once. */
  readonly jobs: number;
  readonly invocation: Invocation;
  readonly store: Store;
  readonly client: RunClient;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunAllEvent) => void;
}

/** Whether a run has ended: its last record is there. */
export function hasEnded(home: string, run: string): boolean {
  return existsSync(join(runFolder(home, run), 'result.json'));
}

interface UnderWay {
  readonly planned: PlannedRun;
  step: number;
  /** Aborted with the reason where the run waits for somebody to mend it. */
  readonly paused: AbortController;
}

/**
 * Until all have ended, or the signal aborts: then those under way are paused after their step, and go on with the next call.
 *
 * @returns the runs that failed, with the reason
 */
export async function runAll(options: RunAllOptions): Promise<ReadonlyMap<string, string>> {
  const { runs, jobs, invocation, client, signal, onEvent } = options;
  const failed = new Map<string, string>();
  const waiting = runs.filter(({ run }) => !hasEnded(invocation.home, run));
  const already = runs.length - waiting.length;
  const underWay = new Map<string, UnderWay>();
  const pace = new Pace(waiting);
  let ended = already;

  async function one(planned: PlannedRun): Promise<void> {
    const { run } = planned;
    const state: UnderWay = { planned, step: 0, paused: new AbortController() };
    underWay.set(run, state);
    try {
      await startRun(planned.file, options);
      onEvent({ kind: 'run', run, state: 'started' });
      await client.result(run, AbortSignal.any([signal, state.paused.signal]));
      onEvent({ kind: 'run', run, state: 'done' });
    } catch (error) {
      if (signal.aborted) return;
      const found = state.paused.signal.aborted ? state.paused.signal.reason : error;
      const message = found instanceof Error ? found.message : String(found);
      failed.set(run, message);
      onEvent({ kind: 'run', run, state: 'failed', message });
    } finally {
      underWay.delete(run);
      pace.finish(planned);
      if (!signal.aborted) ended += 1;
    }
  }

  const slots = Array.from({ length: jobs }, async () => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) await one(next);
  });
  const all = Promise.all(slots);
  const looking = new AbortController();
  const looks = (async () => {
    while (!looking.signal.aborted) {
      for (const state of underWay.values()) {
        const status = await client.status(state.planned.run).catch(() => null);
        if (status !== null) state.step = status.step;
        if (status?.reason != null) {
          const { code, message } = status.reason;
          state.paused.abort(new Error(`it is paused after step ${status.step}: ${message} (${code})`));
        }
        pace.reach(state.planned, state.step);
      }
      const shown = [...underWay.values()].map(({ planned, step }) => ({
        ...{ run: planned.run, step },
        steps: planned.file.steps ?? 0,
      }));
      onEvent({ kind: 'progress', ended, runs: runs.length, underWay: shown, secondsLeft: pace.secondsLeft() });
      await sleep(LOOK_MS, undefined, { signal: looking.signal }).catch(() => undefined);
    }
  })();
  const begun = new Set<string>();
  signal.addEventListener('abort', () => {
    for (const run of underWay.keys()) begun.add(run);
  });
  await all;
  for (const run of begun) await client.update(run, 'pause').catch(() => undefined);
  looking.abort();
  await looks;
  return failed;
}

/** How long the rest will take, by what was done since the start: in completions, which is what takes time. */
class Pace {
  readonly #startedAt = performance.now();
  readonly #total: number;
  readonly #done = new Map<string, number>();
  /** What was there before this call began counts as nothing done. */
  readonly #before = new Map<string, number>();

  constructor(runs: readonly PlannedRun[]) {
    this.#total = runs.reduce((sum, planned) => sum + expectedRollouts(planned), 0);
  }

  reach(planned: PlannedRun, step: number): void {
    const share = step / Math.max(1, planned.file.steps ?? 1);
    const reached = share * expectedRollouts(planned);
    if (!this.#before.has(planned.run)) this.#before.set(planned.run, reached);
    this.#done.set(planned.run, reached);
  }

  finish(planned: PlannedRun): void {
    this.#done.set(planned.run, expectedRollouts(planned));
  }

  secondsLeft(): number | null {
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
    const [done, before] = [sum(this.#done.values()), sum(this.#before.values())];
    const seconds = (performance.now() - this.#startedAt) / 1000;
    if (done - before <= 0 || seconds < 5) return null;
    return ((this.#total - done) * seconds) / (done - before);
  }
}
