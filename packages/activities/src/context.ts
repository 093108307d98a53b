import type { Logger } from '@evenkeel/core';
import type { ChooseOptions, Endpoints, WorkerClient, WorkerEndpoint } from '@evenkeel/protocol';
import { WorkerChoice } from '@evenkeel/protocol';
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
  /** So long without progress a worker counts as hung, and its job is moved. Default: `defaultStallMs`. */
  readonly stallMs?: number;
}

/** Which workers answered and what was said of them: one memory per client. */
const choices = new WeakMap<WorkerClient, WorkerChoice>();

/**
 * The worker that a job goes to: one of the role's that answers and fits, the one with the least to do, of equals the one that the
 * job's number points to, so that shards spread evenly.
 *
 * @throws {ProtocolError} `worker-unreachable`, `worker-unfit`, both retryable; see {@link WorkerChoice.choose}
 */
export async function workerEndpoint(
  { client, endpoints, logger }: ActivityContext,
  job: Omit<ChooseOptions, 'urls' | 'token'>,
): Promise<WorkerEndpoint> {
  const { workers, token } = await endpoints();
  const choice = choices.get(client) ?? new WorkerChoice(client, { logger });
  choices.set(client, choice);
  return await choice.choose({ ...job, urls: workers[job.wish.role], token });
}
