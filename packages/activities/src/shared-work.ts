/**
 * Work that runs have in common. Before the first update a run's policy is its base, so what is asked of a worker until then (the base's
 * evaluation, the first step's rollouts, their verdicts) does not depend on who asks: runs of one base that ask for the same are given
 * the same, and only the first of them has it made. That is so for the arms of a comparison: one evaluation for all, and for those with
 * the same seed and plan the same first draws.
 *
 * The job is done under a key that names its content, the engine and the release, and of no run; what came of it is committed again under
 * the run's own key, so that a run's commits are whole without another's, and whoever tidies the store looks at them alone.
 */
import { type ArtefactRef, hashOf } from '@evenkeel/core';
import { type JobResults, resultSchemas, version } from '@evenkeel/protocol';
import { Context } from '@temporalio/activity';
import type { z } from 'zod';
import type { ActivityContext } from './context.ts';
import { runWorkerJob, type WorkerJob } from './worker-job.ts';

/** Kinds of jobs that say nothing of whose they are. */
type SharedKind = 'rollout' | 'verify';

const refsOf: { readonly [K in SharedKind]: (result: JobResults[K]) => readonly ArtefactRef[] } = {
  rollout: ({ rollouts }) => [rollouts],
  verify: ({ verdicts }) => [verdicts],
};

/** Whether a commit is of work that is no run's own. A run's own keys go on with a step. */
export function isSharedKey(key: string): boolean {
  return /^shared\/(train|evaluate)\//.test(key);
}

/**
 * As `runWorkerJob`, for a job of a run's first step whose key is `<run>/step-000000/<place>/<hash>`.
 *
 * @param place of the job within the step
 */
export async function runSharedJob<K extends SharedKind>(
  context: ActivityContext,
  work: WorkerJob<K>,
  place: string,
): Promise<JobResults[K]> {
  const { store } = context;
  const { kind } = work.job as { readonly kind: K };
  const own = await store.lookup(work.key);
  if (own !== null) return (resultSchemas[kind] as unknown as z.ZodType<JobResults[K]>).parse(own.result);
  const key = `shared/${place}/${hashOf({ job: work.job, wish: work.wish ?? null, version })}`;
  // Two runs that ask at once ask the same worker, where the second one joins.
  const result = await runWorkerJob(context, { ...work, key, affinity: key });
  await store.commit(work.key, { result, refs: refsOf[kind](result), attempt: Context.current().info.attempt });
  return result;
}
