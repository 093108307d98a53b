/** `evenkeel verifier remove`: takes an installed verifier away. */
import { discoverVerifiers, removeVerifier, VerifierHostError } from '@evenkeel/verifier-host';
import { type Command, exitCodes, UsageError } from '../command.ts';
import { positional } from '../flag-values.ts';

export const verifierRemoveCommand: Command = {
  name: 'verifier remove',
  summary: 'take an installed verifier away, and what was granted to it',
  usage: 'ID[@VERSION]',
  flags: {},
  help: `
Without a version, where one version is installed. A run that began with it goes on: it has a copy of its code.

Examples:
  evenkeel verifier remove words@1.0.0`,
  async run({ positionals, home, json, print, printJson }) {
    const wish = 'one verifier: evenkeel verifier remove ID[@VERSION]';
    const [reference = ''] = positional(positionals, { least: 1, most: 1 }, wish);
    const { id, version, folder } = await removeInstalled(home, reference);
    if (json) printJson({ kind: 'removed', id, version, folder });
    else print(`Removed ${id} ${version}`);
    return exitCodes.done;
  },
};

/** What the workspace has is no installed package: said as that, not as unknown. */
async function removeInstalled(home: string, reference: string) {
  try {
    return await removeVerifier(home, reference);
  } catch (error) {
    const isUnknown = error instanceof VerifierHostError && error.code === 'verifier-unknown';
    const own = discoverVerifiers().find(({ id, version }) => [id, `${id}@${version}`].includes(reference));
    if (!isUnknown || own === undefined || /is installed in/.test(error.message)) throw error;
    throw new UsageError(
      `Cannot remove verifier: ${reference} is the workspace's own (${own.folder}), expected an installed one`,
    );
  }
}
