/** Task queues by resource. One worker process can serve all of them on one machine. */
export const taskQueues = {
  control: 'evenkeel-control',
  rollout: 'evenkeel-rollout',
  verify: 'evenkeel-verify',
  train: 'evenkeel-train',
} as const;
