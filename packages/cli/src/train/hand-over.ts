/**
 * A home that is handed over: its supervisor is the first `train` that came, and when that one ends (its run is done, it was
 * interrupted or killed), another one that is still attached takes the home and starts the processes again. Its run goes on: what
 * was under way is attached to or done again, as after any other end of the processes.
 */
import { EvenkeelError } from '@evenkeel/core';
import { livingSupervisor } from '@evenkeel/infra';
import { PausedRun } from './follow-run.ts';
import { connectRunClient, type RunClient } from './run-client.ts';

const LOOK_MS = 250;
/** How long a supervisor may take to start its server, or to end its processes and give the home free. */
const PATIENCE_MS = 60_000;

/** Looks after whether the home of an attached command is still run by somebody. */
export interface HomeWatch {
  /** Aborts when nobody runs the home any more. */
  readonly left: AbortSignal;
  /** Waits for that, since the server does not answer any more: true where the home is free; false where somebody still runs it after all patience. */
  untilLeft(signal: AbortSignal): Promise<boolean>;
  stop(): void;
}

export function watchHome(home: string): HomeWatch {
  const controller = new AbortController();
  const look = () => {
    if (livingSupervisor(home) === null) controller.abort();
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    left: controller.signal,
    async untilLeft(signal) {
      const deadline = performance.now() + PATIENCE_MS;
      while (!controller.signal.aborted && !signal.aborted && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        look();
      }
      return controller.signal.aborted;
    },
    stop: () => clearInterval(timer),
  };
}

/** Whether a failure says something of the run, and not only that its server cannot be reached. */
export function isOfTheRun(error: unknown): boolean {
  return error instanceof PausedRun || (error instanceof EvenkeelError && !isStarting(error));
}

function isStarting(error: unknown): boolean {
  return error instanceof EvenkeelError && (error.code === 'home-not-running' || error.code === 'temporal-starting');
}

/**
 * Connects as soon as the home's server is up; another command may only just have begun to start it.
 *
 * @returns null where a signal aborted
 * @throws {InfraError} `home-not-running` or {EvenkeelError} `temporal-starting` after all patience
 */
export async function connectWhenUp(home: string, signal: AbortSignal): Promise<RunClient | null> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!signal.aborted) {
    try {
      return await connectRunClient(home);
    } catch (error) {
      if (isOfTheRun(error) || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}

export async function untilAborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return null;
  return await new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}
