import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@evenkeel/core';

const shipped = fileURLToPath(new URL('../../../policy/models/', import.meta.url));

/**
 * The folder of a model: the name of a shipped one, a run of the home (its trained policy), or a path.
 *
 * @throws {ConfigError} where there is no such folder
 */
export function modelFolder(model: string, home?: string): string {
  const candidates = [
    join(shipped, model),
    ...(home === undefined ? [] : [join(home, 'runs', model, 'policy')]),
    resolve(model),
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'config.json')));
  if (found === undefined) {
    throw new ConfigError(
      `Cannot find model "${model}": no config.json in ${resolve(model)}, expected "tiny", a finished run's name, or a Hugging Face model folder`,
      { code: 'model-not-found' },
    );
  }
  return found;
}
