/**
 * Makes the virtual environment with the peers that the benches compare with: torch, transformers, TRL, PEFT at pinned versions.
 *
 *     npm run bench peers
 *
 * Prints the Python of the environment. Does nothing where it stands already.
 */
import { parseArgs } from 'node:util';
import { peerPython } from './peers/environment.ts';

parseArgs({ options: {} });
try {
  console.log(await peerPython((line) => console.error(line)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
