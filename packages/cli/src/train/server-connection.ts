/**
 * A connection to the Temporal server that can be closed while a call is being tried again. The SDK's own tries again by a timer that
 * nothing stops; where the connection has been closed meanwhile, that timer throws, and ends the process.
 */
import { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';

/** A call waits no longer than this before it is tried again: the server of a home is near, and back within seconds. */
const LONGEST_WAIT_MS = 1_000;
/** As many as before, with the shorter waits. */
const ATTEMPTS = 25;

export interface ServerConnection {
  readonly connection: Connection;
  close(): Promise<void>;
}

export async function connectServer(address: string): Promise<ServerConnection> {
  const { retryableDecider, delayFunction } = defaultGrpcRetryOptions({ maxAttempts: ATTEMPTS });
  let closing = false;
  let lastTryAt = 0;
  const retry = makeGrpcRetryInterceptor({
    retryableDecider: (attempt, status) => !closing && retryableDecider(attempt, status),
    delayFunction(attempt, status) {
      const delayMs = Math.min(delayFunction(attempt, status), LONGEST_WAIT_MS);
      lastTryAt = Math.max(lastTryAt, performance.now() + delayMs);
      return delayMs;
    },
  });
  const connection = await Connection.connect({ address, interceptors: [retry] });
  return {
    connection,
    async close() {
      closing = true;
      // The timers that run come to their calls, which fail and are not tried again.
      for (let left = lastTryAt - performance.now(); left > -20; left = lastTryAt - performance.now()) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(10, left)));
      }
      await connection.close();
    },
  };
}
