import { engineLabel, modelFamilies } from '@evenkeel/policy';
import {
  type PolicyWorkerOptions,
  type RolloutJob,
  type RolloutResult,
  rolloutJobSchema,
  startPolicyWorker,
  type WorkerServer,
} from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';

/** A process that samples completions: the socket here, the policy in a thread of its own. */
export async function startRolloutWorker(options: PolicyWorkerOptions): Promise<WorkerServer> {
  return await startPolicyWorker<RolloutJob, RolloutResult>(options, {
    role: 'rollout',
    entry: new URL('./rollout-thread.ts', import.meta.url),
    engine: engineLabel(options.device),
    families: modelFamilies,
    memoryShare: 0.125,
    store: await openFolderStore(options.storeFolder),
    jobSchema: rolloutJobSchema,
    refsOf: ({ rollouts }) => [rollouts],
  });
}
