export type { TrainerWorkerOptions } from './trainer-worker.ts';
export { startTrainerWorker } from './trainer-worker.ts';
