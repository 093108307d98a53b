import type { Command } from '../command.ts';
import { pauseCommand, resumeCommand, stopCommand } from './control.ts';
import { train } from './train.ts';
import { workerRollout, workerTrainer, workerVerifier, workerWorkflow } from './worker.ts';

/** Every command, in the order of the overview. */
export const commands: readonly Command[] = [
  train,
  pauseCommand,
  resumeCommand,
  stopCommand,
  workerRollout,
  workerTrainer,
  workerVerifier,
  workerWorkflow,
];
