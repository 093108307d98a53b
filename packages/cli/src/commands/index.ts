import type { Command } from '../command.ts';
import { backupCommand } from './backup.ts';
import { changesCommand } from './changes.ts';
import { checkCommand } from './check.ts';
import { evaluateNowCommand, pauseCommand, pinCommand, resumeCommand, stopCommand, unpinCommand } from './control.ts';
import { dataImportCommand } from './data-import.ts';
import { dataListCommand } from './data-list.ts';
import { doctorCommand } from './doctor.ts';
import { duCommand } from './du.ts';
import { evaluateCommand } from './evaluate.ts';
import { experimentCommand } from './experiment.ts';
import { gcCommand } from './gc.ts';
import { generateCommand } from './generate.ts';
import { methodsCommand } from './methods.ts';
import { modelExportCommand } from './model-export.ts';
import { modelInfoCommand } from './model-info.ts';
import { modelMakeCommand } from './model-make.ts';
import { rollbackCommand } from './rollback.ts';
import { runsCommand } from './runs.ts';
import { scoreCommand } from './score.ts';
import { setCommand } from './set.ts';
import { showCommand } from './show.ts';
import { simulateCommand } from './simulate.ts';
import { taskAddCommand, taskRetireCommand } from './task.ts';
import { train } from './train.ts';
import { verifierAddCommand } from './verifier-add.ts';
import { verifierGenerateCommand } from './verifier-generate.ts';
import { verifierGrantCommand } from './verifier-grant.ts';
import { verifierListCommand } from './verifier-list.ts';
import { verifierNewCommand } from './verifier-new.ts';
import { verifierRemoveCommand } from './verifier-remove.ts';
import { verifierServeCommand } from './verifier-serve.ts';
import { verifierTestCommand } from './verifier-test.ts';
import { verifyCommand } from './verify.ts';
import { workerRollout, workerTrainer, workerVerifier, workerWorkflow } from './worker.ts';

/** Every command, in the order of the overview. */
export const commands: readonly Command[] = [
  train,
  runsCommand,
  showCommand,
  pauseCommand,
  resumeCommand,
  stopCommand,
  setCommand,
  taskAddCommand,
  taskRetireCommand,
  evaluateNowCommand,
  changesCommand,
  rollbackCommand,
  pinCommand,
  unpinCommand,
  gcCommand,
  duCommand,
  checkCommand,
  backupCommand,
  evaluateCommand,
  generateCommand,
  scoreCommand,
  experimentCommand,
  simulateCommand,
  dataImportCommand,
  dataListCommand,
  methodsCommand,
  verifyCommand,
  verifierGenerateCommand,
  verifierServeCommand,
  verifierNewCommand,
  verifierTestCommand,
  verifierAddCommand,
  verifierListCommand,
  verifierGrantCommand,
  verifierRemoveCommand,
  modelInfoCommand,
  modelMakeCommand,
  modelExportCommand,
  workerRollout,
  workerTrainer,
  workerVerifier,
  workerWorkflow,
  doctorCommand,
];
