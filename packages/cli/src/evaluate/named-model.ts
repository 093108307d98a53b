import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { modelFolder } from '../model/model-folder.ts';
import { type RunRecord, readRunRecord, runNames } from '../train/run-record.ts';

/** A model as the command line names it. */
export interface NamedModel {
  readonly folder: string;
  /** The run whose trained policy it is; null for a shipped one or a folder. */
  readonly record: RunRecord | null;
}

/**
 * Finds a model by the name of a shipped one, of a run, or by its folder.
 *
 * @throws {ConfigError} `policy-unfinished` for a run that is not finished; `model-not-found`, naming the runs that there are
 */
export async function namedModel(model: string, home: string): Promise<NamedModel> {
  const names = await runNames(home);
  try {
    const folder = modelFolder(model, home);
    const ofRun = names.includes(model) && folder === join(runFolder(home, model), 'policy');
    return { folder, record: ofRun ? await readRunRecord(home, model) : null };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'model-not-found') throw error;
    if (names.includes(model)) {
      throw new ConfigError(
        `Cannot open the policy of run "${model}": the run is not finished, expected a finished one; npm start -- --run ${model} goes on with it, evenkeel stop ${model} ends it`,
        { code: 'policy-unfinished' },
      );
    }
    const finished = names.filter((name) => existsSync(join(runFolder(home, name), 'policy', 'config.json')));
    const runs = finished.length === 0 ? 'there are none yet' : finished.join(', ');
    throw new ConfigError(`${error.message} (finished runs: ${runs})`, { code: error.code });
  }
}
