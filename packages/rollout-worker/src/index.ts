export type { RolloutWorkerOptions } from './rollout-worker.ts';
export { startRolloutWorker } from './rollout-worker.ts';
