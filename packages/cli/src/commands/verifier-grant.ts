/** `evenkeel verifier grant`: what a verifier asks for and what it has, and the answer to it. */
import type { VerifierPermissions } from '@evenkeel/verifier';
import {
  findVerifier,
  type InspectedVerifier,
  inspectVerifier,
  isNothing,
  readGrants,
  removeGrants,
} from '@evenkeel/verifier-host';
import { type Command, type ExitCode, exitCodes, type Invocation, UsageError } from '../command.ts';
import { positional } from '../flag-values.ts';
import { grant, isGranted, permissionLines, printable, yesFlag } from '../verifiers/open-granted.ts';

export const verifierGrantCommand: Command = {
  name: 'verifier grant',
  summary: 'show what a verifier asks for and was granted; grant it, or take it back',
  usage: 'ID[@VERSION]|PATH',
  flags: {
    yes: yesFlag,
    revoke: { type: 'boolean', help: 'take back what was granted; without a version, to all versions' },
  },
  help: `
A verifier reads no file, sees no environment variable and opens no connection by itself. Where its manifest asks for one, the host
hands it over after you granted it, once for each version. A version that asks for more is asked about again.

Examples:
  evenkeel verifier grant words
  evenkeel verifier grant words@1.2.0 --yes
  evenkeel verifier grant words --revoke`,
  async run(invocation) {
    const { positionals, flags, home, json, print, printJson } = invocation;
    const wish = 'one verifier: evenkeel verifier grant ID[@VERSION]';
    const [reference = ''] = positional(positionals, { least: 1, most: 1 }, wish);
    if (flags.revoke === true) return await revoke(reference, invocation);
    const inspected = await inspectVerifier(findVerifier(reference, { home }), await readGrants(home));
    const { manifest } = inspected;
    if (!json) for (const line of asked(inspected)) print(line);
    const isOpen = isNothing(inspected.missing);
    const granted = isOpen || (await isGranted(inspected, invocation));
    if (granted && !isOpen) await grant(home, inspected);
    const { id, version, permissions } = manifest;
    if (json) printJson({ kind: 'grant', id, version, wanted: permissions, missing: inspected.missing, granted });
    else if (!isOpen)
      print(granted ? 'Granted.' : `Nothing was granted; to do it: evenkeel verifier grant ${id}@${version} --yes`);
    return granted ? exitCodes.done : exitCodes.failed;
  },
};

function asked({ manifest, missing }: InspectedVerifier): string[] {
  const { id, version, title, permissions } = manifest;
  const name = `${id} ${version} (${printable(title)})`;
  if (isNothing(permissions)) return [`${name} asks for nothing: it only computes.`];
  const isMissing = new Set(permissionLines(missing));
  const lines = permissionLines(permissions).map(
    (line) => `  ${isMissing.has(line) ? 'not granted' : 'granted    '}  ${line}`,
  );
  return [`${name} asks to:`, ...lines];
}

/** Also of what is not there any more: a grant may outlive its package. */
async function revoke(reference: string, { home, json, print, printJson }: Invocation): Promise<ExitCode> {
  const { id, version } = nameOf(reference);
  await removeGrants(home, id, version ?? undefined);
  const none: VerifierPermissions = { net: [], read: [], env: [] };
  if (json) printJson({ kind: 'revoked', id, version, granted: none });
  else print(`${id}${version === null ? ', in all versions,' : ` ${version}`} is granted nothing.`);
  return exitCodes.done;
}

function nameOf(reference: string): { readonly id: string; readonly version: string | null } {
  const [, id, version = null] = /^([a-z][a-z0-9-]*)(?:@(.+))?$/.exec(reference) ?? [];
  if (id !== undefined) return { id, version };
  throw new UsageError(`Cannot take back a grant: "${reference}" is no verifier's name, expected ID or ID@VERSION`);
}
