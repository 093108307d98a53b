/** How runs stand: asked of their workflows where the home is at work, else as it was written down. */
import { livingSupervisor } from '@evenkeel/infra';
import type { RunStatus } from '@evenkeel/workflows';
import { readResult } from '../run-records.ts';
import { type PauseReason, readPauseReason } from './pause-reason.ts';
import { connectRunClient } from './run-client.ts';

/** A workflow that is not answering at once is not waited for: what was written down is shown. */
const PATIENCE_MS = 2_000;

export interface RunStanding {
  /** `open`: the home's processes are up and the run goes on; `left`: nothing works on it. */
  readonly state: 'finished' | 'paused' | 'open' | 'left';
  /** Why it paused by itself; null where it did not. */
  readonly reason: PauseReason | null;
}

/** @returns by run, in the order that was given */
export async function runStandings(home: string, runs: readonly string[]): Promise<RunStanding[]> {
  const isAtWork = livingSupervisor(home) !== null;
  const ends = await Promise.all(runs.map((run) => readResult(home, run)));
  const open = runs.filter((_, place) => ends[place] === null);
  const live = isAtWork && open.length > 0 ? await askAll(home, open) : new Map<string, RunStatus>();
  return await Promise.all(
    runs.map(async (run, place): Promise<RunStanding> => {
      if (ends[place] !== null) return { state: 'finished', reason: null };
      const status = live.get(run);
      if (status !== undefined) {
        return { state: status.paused ? 'paused' : 'open', reason: status.paused ? status.reason : null };
      }
      const reason = await readPauseReason(home, run);
      return { state: reason !== null ? 'paused' : isAtWork ? 'open' : 'left', reason };
    }),
  );
}

/** What the workflows of a home at work say of themselves; those that say nothing in time are left out. */
async function askAll(home: string, runs: readonly string[]): Promise<Map<string, RunStatus>> {
  const found = new Map<string, RunStatus>();
  const client = await connectRunClient(home).catch(() => null);
  if (client === null) return found;
  const enough = AbortSignal.timeout(PATIENCE_MS);
  const asked = runs.map(async (run) => {
    const status = await client.status(run, enough).catch(() => null);
    if (status !== null) found.set(run, status);
  });
  await Promise.all(asked);
  await client.close();
  return found;
}
