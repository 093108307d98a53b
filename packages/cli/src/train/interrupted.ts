/**
 * What becomes of a run whose command is told to end. Ctrl-C pauses it after its step. SIGTERM is the notice that the machine is taken
 * away: the same, within the notice's time; where the step does not end in time, or the server is going down too, the jobs under way
 * are still ended and committed as far as the time allows. What is then lost is at most one job of each worker.
 */
import type { Logger } from '@evenkeel/core';
import type { Supervisor } from '@evenkeel/infra';
import type { RunStatus } from '@evenkeel/workflows';
import { exitCodes } from '../command.ts';
import { pause } from './follow-run.ts';
import { drainMs } from './home-processes.ts';
import type { RunClient } from './run-client.ts';

/** npm, the set-up and the terminal may each deliver the same Ctrl-C: what comes so soon after the first is that one again. */
const SAME_SIGNAL_MS = 1_000;
/** How long Ctrl-C gives a run to end its step before the processes are stopped. */
const PAUSE_MS = 15_000;
const POLL_MS = 200;
const LAST_MS = 500;
/** After a notice: how long each process gets to close before it is killed. Nothing can be lost any more. */
export const NOTICE_GRACE_MS = 1_500;

export interface InterruptedOptions {
  readonly run: string;
  readonly signal: 'SIGINT' | 'SIGTERM';
  readonly noticeSeconds: number;
  readonly supervisor: Supervisor;
  readonly client: RunClient;
  readonly logger: Logger;
  readonly onStatus: (status: RunStatus) => void;
}

/** @returns whether the run rests between two steps; the processes are the caller's to stop */
export async function pauseInterrupted(options: InterruptedOptions): Promise<boolean> {
  const { run, signal, noticeSeconds, supervisor, logger } = options;
  const isNotice = signal === 'SIGTERM';
  const withinMs = isNotice ? drainMs(noticeSeconds) : PAUSE_MS;
  const toldAt = performance.now();
  const hurry = new AbortController();
  const onSignal = () => {
    if (performance.now() - toldAt > SAME_SIGNAL_MS) hurry.abort();
  };
  process.on('SIGINT', onSignal);
  // A second notice is the first again: whoever sends them wants an orderly end.
  const onNotice = isNotice ? () => {} : onSignal;
  process.on('SIGTERM', onNotice);
  const giveUp = setTimeout(() => hurry.abort(), withinMs);
  if (isNotice) {
    logger.info(
      `Told to end: pausing run "${run}" after its step, or ending what is under way, within ${withinMs / 1000} s`,
    );
    supervisor.notice();
    // Whatever might still hold this process: at the notice's end it would be killed.
    setTimeout(() => process.exit(exitCodes.interrupted), 1000 * noticeSeconds - LAST_MS).unref();
  } else logger.info(`Pausing run "${run}" after its step; Ctrl-C again stops at once`);
  try {
    const isAtRest = await rest(options, hurry.signal);
    if (isNotice && !hurry.signal.aborted) {
      const leftMs = withinMs - (performance.now() - toldAt);
      await Promise.race([supervisor.drain(leftMs), aborted(hurry.signal)]);
    }
    return isAtRest;
  } finally {
    // Also for what still asks a server that is gone: it would keep this process from ending.
    hurry.abort();
    clearTimeout(giveUp);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onNotice);
  }
}

/** Waits until the run rests. False where that is given up: the time is over, or the home's other processes are ending too. */
async function rest(
  { run, signal, supervisor, client, onStatus }: InterruptedOptions,
  over: AbortSignal,
): Promise<boolean> {
  const isGoingDown = () => signal === 'SIGTERM' && supervisor.processes().some(({ state }) => state === 'stopped');
  let isAtRest = false;
  const asked = (async () => {
    await client.update(run, 'pause').catch(() => undefined);
    while (!isAtRest && !over.aborted) {
      const status = await client.status(run).catch(() => null);
      isAtRest = status?.phase === 'paused' || status?.phase === 'done';
      if (status !== null && !over.aborted) onStatus(status);
      if (!isAtRest) await pause(POLL_MS, over);
    }
  })();
  // Beside it: a server that is gone lets a question wait for longer than there is time.
  while (!isAtRest && !over.aborted && !isGoingDown()) {
    await Promise.race([asked, pause(POLL_MS, over)]);
  }
  return isAtRest;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
