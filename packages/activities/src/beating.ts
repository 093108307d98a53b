import { asyncLocalStorage } from '@temporalio/activity';

const HEARTBEAT_MS = 1_000;

/** An activity that reads or writes much: it tells Temporal each second that its process lives. */
export function beating<A extends unknown[], R>(run: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    const activity = asyncLocalStorage.getStore();
    const heartbeat = setInterval(() => activity?.heartbeat(), HEARTBEAT_MS);
    try {
      return await run(...args);
    } finally {
      clearInterval(heartbeat);
    }
  };
}
