/** How runs stand: asked of their workflows where the home is at work, else as it was written down. */
import { livingSupervisor } from '@evenkeel/infra';
import type { RunStatus } from '@evenkeel/workflows';
import { readResult } from '../run-records.ts';
import { TOLD_FROM_ATTEMPT } from './follow-run.ts';
import { type PauseReason, readPauseReason } from './pause-reason.ts';
import { connectRunClient } from './run-client.ts';

/** A workflow that is not answering at once is not waited for: what was written down is shown. */
const PATIENCE_MS = 2_000;

export interface RunStanding {
  /** `open`: the home's processes are up and the run goes on; `left`: nothing works on it. */
  readonly state: 'finished' | 'paused' | 'open' | 'left';
  /** Why it paused by itself; null where it did not. */
  readonly reason: PauseReason | null;
  /** What fails again and again, and is tried again, such as a job for which no worker is fit; null where nothing does. */
  readonly waits: string | null;
}

interface Live {
  readonly status: RunStatus;
  readonly waits: string | null;
}

/** @returns by run, in the order that was given */
export async function runStandings(home: string, runs: readonly string[]): Promise<RunStanding[]> {
  const isAtWork = livingSupervisor(home) !== null;
  const ends = await Promise.all(runs.map((run) => readResult(home, run)));
  const open = runs.filter((_, place) => ends[place] === null);
  const live = isAtWork && open.length > 0 ? await askAll(home, open) : new Map<string, Live>();
  return await Promise.all(
    runs.map(async (run, place): Promise<RunStanding> => {
      if (ends[place] !== null) return { state: 'finished', reason: null, waits: null };
      const found = live.get(run);
      if (found !== undefined) {
        const { status, waits } = found;
        return { state: status.paused ? 'paused' : 'open', reason: status.paused ? status.reason : null, waits };
      }
      const reason = await readPauseReason(home, run);
      return { state: reason !== null ? 'paused' : isAtWork ? 'open' : 'left', reason, waits: null };
    }),
  );
}

/** What the workflows of a home at work say of themselves; those that say nothing in time are left out. */
async function askAll(home: string, runs: readonly string[]): Promise<Map<string, Live>> {
  const found = new Map<string, Live>();
  const client = await connectRunClient(home).catch(() => null);
  if (client === null) return found;
  const enough = AbortSignal.timeout(PATIENCE_MS);
  const asked = runs.map(async (run) => {
    const status = await client.status(run, enough).catch(() => null);
    if (status === null) return;
    const retries = await client.retries(run).catch(() => []);
    const worst = retries.find(({ attempt }) => attempt >= TOLD_FROM_ATTEMPT);
    const waits = worst && `${worst.activity} fails (attempt ${worst.attempt}) and is tried again: ${worst.message}`;
    found.set(run, { status, waits: waits ?? null });
  });
  await Promise.all(asked);
  await client.close();
  return found;
}
