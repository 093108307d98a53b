/** What the workers that hold a policy have in common: the socket in the process, the heavy session in a thread of its own. */
import { totalmem } from 'node:os';
import type { ArtefactRef, Logger } from '@evenkeel/core';
import type { z } from 'zod';
import type { RunConfig } from './config.ts';
import type { WorkerRole } from './endpoints.ts';
import type { JobOutcome, JobStore, StallOptions } from './job-table.ts';
import { JobThread } from './job-thread.ts';
import { startWorkerServer, type WorkerServer } from './worker-server.ts';

export interface PolicyWorkerOptions {
  /** The store's folder: jobs' inputs are read there, their artefacts written. */
  readonly storeFolder: string;
  readonly token: string;
  /** The worker's name. */
  readonly worker: string;
  /** Threads of each inference session, where a job does not say its own. */
  readonly threads: number;
  /** What it computes on; it takes no job of a run for another. Default: the CPU. */
  readonly device?: RunConfig['device'] | undefined;
  /** How much of the runs' weights and moments is kept in memory between two jobs. Default: a share of the machine's memory. */
  readonly memoryBytes?: number;
  readonly host?: string;
  readonly port?: number;
  readonly logger?: Logger;
  /** See `WorkerServerOptions`, as the next two. */
  readonly session?: string;
  readonly logPath?: string;
  readonly stall?: StallOptions;
}

/** What the thread finds as its `workerData`. */
export type PolicyThreadData = Required<Pick<PolicyWorkerOptions, 'storeFolder' | 'memoryBytes'>> & {
  readonly device: RunConfig['device'];
};

/** What the thread is given to do. */
export interface PolicyThreadJob<J> {
  readonly job: J;
  /** Of each inference session. */
  readonly threads: number;
}

export interface PolicyWorkerKind<J, R> {
  readonly role: WorkerRole;
  /** The thread's module, which calls `serveJobs`. */
  readonly entry: URL;
  /** What decides the bits of its results; see `capabilitiesSchema`. */
  readonly engine: string;
  /** The model families that it can load. */
  readonly families: readonly string[];
  /** Which share of the machine's memory the runs' weights may have where nothing else is said. */
  readonly memoryShare: number;
  readonly store: JobStore;
  readonly jobSchema: z.ZodType<J>;
  /** The artefacts that a result names. */
  readonly refsOf: (result: R) => readonly ArtefactRef[];
}

/** Starts a worker whose jobs run one at a time in a thread. @throws {ProtocolError} `address-unavailable` */
export async function startPolicyWorker<J extends { readonly kind: string }, R extends JobOutcome['result']>(
  { storeFolder, threads, device = 'cpu', memoryBytes, ...server }: PolicyWorkerOptions,
  { role, entry, engine, families, memoryShare, store, jobSchema, refsOf }: PolicyWorkerKind<J, R>,
): Promise<WorkerServer> {
  const thread = new JobThread<PolicyThreadJob<J>, R>(entry, {
    storeFolder,
    device,
    memoryBytes: memoryBytes ?? memoryShare * machineMemory(),
  } satisfies PolicyThreadData);
  const listening = await startWorkerServer({
    ...server,
    role,
    store,
    jobSchema,
    capabilities: { device, executionProvider: device, families: [...families], maxConcurrentJobs: 1, engine },
    run: async (job, { signal, progress, ...asked }) => {
      const result = await thread.run({ job, threads: asked.threads ?? threads }, { signal, onProgress: progress });
      return { result, refs: refsOf(result) };
    },
  });
  return {
    ...listening,
    close: async () => {
      await listening.close();
      await thread.close();
    },
  };
}

/** What this process may use at most: the container's bound where there is one. */
export function machineMemory(): number {
  const bound = process.constrainedMemory();
  return bound > 0 ? Math.min(bound, totalmem()) : totalmem();
}
