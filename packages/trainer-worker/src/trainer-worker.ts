import type { Logger } from '@evenkeel/core';
import {
  JobThread,
  startWorkerServer,
  type UpdateJob,
  type UpdateResult,
  updateJobSchema,
  type WorkerServer,
} from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import type { TrainerThreadData } from './trainer-thread.ts';

export interface TrainerWorkerOptions {
  /** The store's folder: batches and checkpoints are read there, policies written. */
  readonly storeFolder: string;
  readonly token: string;
  /** The worker's name. */
  readonly worker: string;
  readonly threads: number;
  readonly host?: string;
  readonly port?: number;
  readonly logger?: Logger;
}

/** A process that updates the policy: the socket here, weights and optimizer in a thread of their own. */
export async function startTrainerWorker(options: TrainerWorkerOptions): Promise<WorkerServer> {
  const { storeFolder, threads, ...server } = options;
  const data: TrainerThreadData = { storeFolder, threads };
  const thread = new JobThread<UpdateJob, UpdateResult>(new URL('./trainer-thread.ts', import.meta.url), data);
  const listening = await startWorkerServer({
    ...server,
    role: 'trainer',
    store: await openFolderStore(storeFolder),
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
    jobSchema: updateJobSchema,
    run: async (job, { signal, progress }) => {
      const result = await thread.run(job, { signal, onProgress: progress });
      const refs = result.optimizer === null ? [result.policy] : [result.policy, result.optimizer];
      return { result, refs };
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
