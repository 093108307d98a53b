import type { Logger } from '@evenkeel/core';
import type { Endpoints, WorkerClient, WorkerRole } from '@evenkeel/protocol';
import { ProtocolError } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';

/** What activities work with; made once per process, injected. */
export interface ActivityContext {
  /** The home folder: runs, store, endpoints. */
  readonly home: string;
  readonly store: Store;
  readonly client: WorkerClient;
  /** Reads where the workers are now; called at each connection. */
  readonly endpoints: () => Promise<Endpoints>;
  readonly logger: Logger;
}

/**
 * One worker of a role, chosen by the job's number so that shards spread evenly.
 *
 * @throws {ProtocolError} `worker-unreachable`, retryable, where no worker of the role has announced itself
 */
export async function workerEndpoint(
  context: ActivityContext,
  role: WorkerRole,
  ordinal: number,
): Promise<{ url: string; token: string }> {
  const endpoints = await context.endpoints();
  const urls = endpoints.workers[role];
  const url = urls[ordinal % Math.max(1, urls.length)];
  if (url === undefined) {
    throw new ProtocolError(
      `Cannot reach a ${role} worker: none has announced itself, expected one in endpoints.json`,
      {
        code: 'worker-unreachable',
        retryable: true,
      },
    );
  }
  return { url, token: endpoints.token };
}
