export { startRolloutWorker } from './rollout-worker.ts';
