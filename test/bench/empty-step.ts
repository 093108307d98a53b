/** The skeleton of a training step with one round, with nothing in it: the same round trips to the server. Workflow code. */
import { executeChild, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';

interface Nothing {
  nothing(): Promise<void>;
}

const limit = { startToCloseTimeout: '1 minute' } as const;
const { nothing: decide } = proxyLocalActivities<Nothing>(limit);

export async function emptyStep(queues: readonly string[]): Promise<void> {
  const [rollout, verify, train] = queues.map((taskQueue) => proxyActivities<Nothing>({ ...limit, taskQueue }));
  await decide();
  await rollout!.nothing();
  await verify!.nothing();
  await decide();
  await train!.nothing();
  await decide();
}

export async function emptyRun(steps: number, queues: readonly string[]): Promise<void> {
  const { workflowId } = workflowInfo();
  for (let step = 1; step <= steps; step++) {
    await executeChild(emptyStep, { workflowId: `${workflowId}/${step}`, args: [queues] });
  }
}
