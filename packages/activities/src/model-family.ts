import type { ArtefactRef } from '@evenkeel/core';
import { engineLabel, loadArchitecture } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import type { ActivityContext } from './context.ts';
import type { JobNeeds } from './worker-job.ts';

/** By base model: a policy's family is its base's. */
const families = new Map<string, string>();

/** What a job of the run needs of a worker that holds its policy: whatever may decide a bit of its result. */
export async function modelWish(
  { store }: Pick<ActivityContext, 'store'>,
  config: RunConfig,
  policy: ArtefactRef,
): Promise<JobNeeds> {
  const base = config.inputs.model ?? policy.sha256;
  const family = families.get(base) ?? (await loadArchitecture(store, policy)).config.model_type;
  families.set(base, family);
  return { family, device: config.device, engine: engineLabel(config.device), threads: config.threads };
}
