import type { Logger } from '@evenkeel/core';
import {
  JobThread,
  type RolloutJob,
  type RolloutResult,
  rolloutJobSchema,
  startWorkerServer,
  type WorkerServer,
} from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import type { RolloutThreadData } from './rollout-thread.ts';

export interface RolloutWorkerOptions {
  /** The store's folder: prompts and policies are read there, rollouts written. */
  readonly storeFolder: string;
  readonly token: string;
  /** The worker's name. */
  readonly worker: string;
  readonly threads: number;
  readonly host?: string;
  readonly port?: number;
  readonly logger?: Logger;
}

/** A process that samples completions: the socket here, the policy in a thread of its own. */
export async function startRolloutWorker(options: RolloutWorkerOptions): Promise<WorkerServer> {
  const { storeFolder, threads, ...server } = options;
  const data: RolloutThreadData = { storeFolder, threads };
  const thread = new JobThread<RolloutJob, RolloutResult>(new URL('./rollout-thread.ts', import.meta.url), data);
  const listening = await startWorkerServer({
    ...server,
    role: 'rollout',
    store: await openFolderStore(storeFolder),
    capabilities: { device: 'cpu', executionProvider: 'cpu', families: ['qwen2'], maxConcurrentJobs: 1 },
    jobSchema: rolloutJobSchema,
    run: async (job, { signal, progress }) => {
      const result = await thread.run(job, { signal, onProgress: progress });
      return { result, refs: [result.rollouts] };
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
