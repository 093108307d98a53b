export { startTrainerWorker } from './trainer-worker.ts';
