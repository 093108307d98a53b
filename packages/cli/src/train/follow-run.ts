/** A run as it goes: polls its status, reads each finished step's record once, and tells what is new. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Evaluation, runFolder, type StepTable, stepRecordName } from '@evenkeel/activities';
import type { AppliedChange } from '@evenkeel/protocol';
import type { PauseReason, RunResult, RunStatus, StepStatus } from '@evenkeel/workflows';
import { readChange } from '../run-records.ts';
import type { Retry, RunClient } from './run-client.ts';

const POLL_MS = 750;
/** Looks between two looks at what is tried again. */
const RETRIES_EVERY = 3;
/** A worker that is started again costs an attempt or two: what fails more often is told. */
export const TOLD_FROM_ATTEMPT = 3;

export type RunEvent =
  | { readonly kind: 'status'; readonly status: RunStatus; readonly step: StepStatus | null }
  | { readonly kind: 'step'; readonly table: StepTable }
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation }
  /** A change of the run took effect. */
  | { readonly kind: 'change'; readonly change: AppliedChange }
  /** Told once for each reason. */
  | ({ readonly kind: 'retry' } & Retry);

export interface FollowOptions {
  readonly home: string;
  readonly run: string;
  readonly client: RunClient;
  readonly signal: AbortSignal;
  /** What has been told already; grows. */
  readonly seen: Seen;
  readonly onEvent: (event: RunEvent) => void;
}

/** What of a run has been told, so that nothing is told twice where it is followed again over another connection. */
export interface Seen {
  step: number;
  readonly evaluations: Set<number>;
  readonly retries: Set<string>;
  changes: number;
}

/** Nothing but so many changes, which took effect before. */
export function nothingSeen(changes: number): Seen {
  return { step: -1, evaluations: new Set(), retries: new Set(), changes };
}

/** The run waits for a person: what failed for good is its reason. */
export class PausedRun extends Error {
  override readonly name = 'PausedRun';
  readonly reason: PauseReason;

  constructor(reason: PauseReason) {
    super(reason.message);
    this.reason = reason;
  }
}

/**
 * Follows until the run ends or the signal aborts. A server or worker that is just being started again is waited for.
 *
 * @returns the result; null where the signal aborted
 * @throws {PausedRun} where the run paused by itself
 */
export async function followRun({
  home,
  run,
  client,
  signal,
  seen,
  onEvent,
}: FollowOptions): Promise<RunResult | null> {
  let result: RunResult | undefined;
  let failure: unknown;
  // Whoever stops following closes the connection: nobody may still wait on it then.
  const over = new AbortController();
  client.result(run, AbortSignal.any([signal, over.signal])).then(
    (value) => {
      result = value;
    },
    (error: unknown) => {
      failure = error ?? new Error('the run failed');
    },
  );
  for (let look = 1; !signal.aborted && failure === undefined; look++) {
    const ended = result !== undefined;
    const status = await client.status(run).catch(() => null);
    if (status !== null) {
      // Before it is opened a run does not know where it stands.
      if (seen.step < 0 && status.steps > 0) seen.step = status.step;
      while (seen.step >= 0 && seen.step < status.step) {
        seen.step++;
        const table = await readStep(home, run, seen.step);
        if (table !== null) onEvent({ kind: 'step', table });
      }
      for (const evaluation of status.evaluations) {
        if (seen.evaluations.has(evaluation.step)) continue;
        seen.evaluations.add(evaluation.step);
        onEvent({ kind: 'evaluation', evaluation });
      }
      for (let change = await readChange(home, run, seen.changes + 1); change !== null; ) {
        seen.changes++;
        onEvent({ kind: 'change', change });
        change = await readChange(home, run, seen.changes + 1);
      }
      const step = ended ? null : await client.stepStatus(run, status.step + 1).catch(() => null);
      onEvent({ kind: 'status', status, step });
      if (!ended && status.paused && status.reason !== null) {
        over.abort();
        throw new PausedRun(status.reason);
      }
    }
    if (ended) return result!;
    if (look % RETRIES_EVERY === 0) {
      for (const retry of await client.retries(run).catch(() => [])) {
        const reason = `${retry.activity}: ${retry.message}`;
        if (retry.attempt < TOLD_FROM_ATTEMPT || seen.retries.has(reason)) continue;
        seen.retries.add(reason);
        onEvent({ kind: 'retry', ...retry });
      }
    }
    await pause(POLL_MS, signal);
  }
  if (failure !== undefined && !signal.aborted) throw failure;
  return null;
}

/** Waits, or returns at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}

async function readStep(home: string, run: string, step: number): Promise<StepTable | null> {
  try {
    return JSON.parse(await readFile(join(runFolder(home, run), stepRecordName(step)), 'utf8')) as StepTable;
  } catch {
    return null;
  }
}
