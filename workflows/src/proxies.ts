/** The activities as the workflows call them: which queue, which time limits, which label in the Temporal UI. */
import type { ControlActivities, RolloutActivities, TrainActivities, VerifyActivities } from '@evenkeel/activities';
import { type ActivityOptions, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import { taskQueues } from './queues.ts';

/**
 * A worker that dies is seen by the missing heartbeat; its work is attached to again. No limit on attempts: what cannot
 * succeed says so itself (a failure that is not retryable).
 */
const longWork: ActivityOptions = {
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '6 seconds',
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '5 seconds' },
};

/** Puzzles come from the verifier host, so that a control activity may wait for a process to come back. */
const shortWork: ActivityOptions = {
  ...longWork,
  startToCloseTimeout: '10 minutes',
};

export function control(summary: string): ControlActivities {
  return proxyActivities<ControlActivities>({ ...shortWork, taskQueue: taskQueues.control, summary });
}

/**
 * A step's decisions: milliseconds of work that is the same when it is repeated, so they run within the workflow task that asks for
 * them and save two round trips to the server each. A failure that lasts waits by timers, which the Temporal UI shows. Only where no
 * update can come in between: while one runs, what else happens has no place in the history.
 */
export function decision(summary: string): Pick<ControlActivities, 'planRound' | 'closeRound' | 'finishStep'> {
  const { planRound, closeRound, finishStep } = proxyLocalActivities<ControlActivities>({
    startToCloseTimeout: shortWork.startToCloseTimeout!,
    retry: shortWork.retry!,
    localRetryThreshold: '1 second',
    summary,
  });
  return { planRound, closeRound, finishStep };
}

/** Whoever asks for a change waits for the answer: what cannot be checked within a minute is refused. */
export function check(summary: string): Pick<ControlActivities, 'checkChange'> {
  return proxyActivities<ControlActivities>({
    ...{ ...shortWork, taskQueue: taskQueues.control, summary },
    scheduleToCloseTimeout: '1 minute',
  });
}

export function rollout(summary: string): RolloutActivities {
  return proxyActivities<RolloutActivities>({ ...longWork, taskQueue: taskQueues.rollout, summary });
}

export function verification(summary: string): VerifyActivities {
  return proxyActivities<VerifyActivities>({ ...longWork, taskQueue: taskQueues.verify, summary });
}

export function training(summary: string): TrainActivities {
  return proxyActivities<TrainActivities>({ ...longWork, taskQueue: taskQueues.train, summary });
}
