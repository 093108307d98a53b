import { engineLabel, modelFamilies } from '@evenkeel/policy';
import {
  type PolicyWorkerOptions,
  startPolicyWorker,
  type UpdateJob,
  type UpdateResult,
  updateJobSchema,
  type WorkerServer,
} from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';

/** A process that updates the policy: the socket here, weights and optimizer in a thread of their own. */
export async function startTrainerWorker(options: PolicyWorkerOptions): Promise<WorkerServer> {
  return await startPolicyWorker<UpdateJob, UpdateResult>(options, {
    role: 'trainer',
    entry: new URL('./trainer-thread.ts', import.meta.url),
    engine: engineLabel(options.device),
    families: modelFamilies,
    memoryShare: 0.25,
    store: await openFolderStore(options.storeFolder),
    jobSchema: updateJobSchema,
    refsOf: ({ policy, optimizer }) => (optimizer === null ? [policy] : [policy, optimizer]),
  });
}
