import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@evenkeel/core';
import { recipes } from './recipes.ts';

const shipped = fileURLToPath(new URL('../../../policy/models/', import.meta.url));

/**
 * The folder of a model: the name of a shipped one, one that `model make` made in the home, a run of the home (its trained policy), or
 * a path.
 *
 * @throws {ConfigError} where there is no such folder
 */
export function modelFolder(model: string, home?: string): string {
  const candidates = [
    join(shipped, model),
    ...(home === undefined ? [] : [join(home, 'models', model), join(home, 'runs', model, 'policy')]),
    resolve(model),
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'config.json')));
  if (found === undefined && home !== undefined && recipes.has(model)) {
    throw new ConfigError(
      `Cannot find model "${model}": it is not made yet, expected it in ${join(home, 'models', model)}: make it once, in tens of minutes, by evenkeel model make ${model} --home ${home}`,
      { code: 'model-not-found' },
    );
  }
  if (found === undefined) {
    throw new ConfigError(
      `Cannot find model "${model}": no config.json in ${resolve(model)}, expected "tiny", a finished run's name, or a Hugging Face model folder`,
      { code: 'model-not-found' },
    );
  }
  return found;
}
