/** `evenkeel verifier add`: a verifier package from anywhere, installed into the home. */
import {
  type InstalledVerifier,
  installVerifier,
  isNothing,
  missingPermissions,
  openVerifier,
  readGrants,
  VerifierHostError,
} from '@evenkeel/verifier-host';
import { type Command, exitCodes, type Invocation } from '../command.ts';
import { positional } from '../flag-values.ts';
import { grant, isGranted, permissionLines, printable, yesFlag } from '../verifiers/open-granted.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** What came of opening it with what it was granted. */
interface Trial {
  readonly granted: boolean;
  /** Null where it was not granted what it asks for. */
  readonly sha256: string | null;
  /** Of an endpoint that does not answer now. */
  readonly away: string | null;
}

export const verifierAddCommand: Command = {
  name: 'verifier add',
  summary: 'install a verifier package from a folder, a tarball or npm into the home',
  usage: 'FOLDER|TARBALL.tgz|NPM-SPEC',
  flags: { yes: yesFlag },
  help: `
The package is opened in the sandbox before it is installed; no script of it is run, by npm neither. Versions lie side by side:
words@1.0.0 and words@1.1.0 are two verifiers, and words alone means the higher. Adding a changed package of the same version
replaces it; a run that began with the old one goes on under that. The registry is asked only for an npm name, or for what a package
depends on. The SDK (@evenkeel/verifier) is this installation's own: a package names it as a peer dependency, or not at all.

Examples:
  evenkeel verifier add ./evenkeel-verifier-words
  evenkeel verifier add evenkeel-verifier-words-1.2.0.tgz
  evenkeel verifier add @me/verifier-words@1.2.0 --yes`,
  async run(invocation) {
    const { positionals, json, print, printJson, note } = invocation;
    const wish = 'one package: evenkeel verifier add FOLDER|TARBALL.tgz|NPM-SPEC';
    const [from = ''] = positional(positionals, { least: 1, most: 1 }, wish);
    const installed = await installUnlessInterrupted(from, invocation);
    if (installed === null) return exitCodes.interrupted;
    const trial = await tryOut(installed, invocation);
    if (trial.away !== null) note(`It is installed, but its endpoint does not answer now: ${trial.away}`);
    if (json) printJson(recordOf(installed, trial));
    else for (const line of linesOf(installed, trial)) print(line);
    return exitCodes.done;
  },
};

/** Null where Ctrl-C came first: then nothing was installed. */
async function installUnlessInterrupted(from: string, { home, note }: Invocation): Promise<InstalledVerifier | null> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    return await installVerifier(from, { home, signal: interrupted.signal });
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    note((error as Error).message);
    return null;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

async function tryOut({ reference, manifest }: InstalledVerifier, invocation: Invocation): Promise<Trial> {
  const { home } = invocation;
  const { id, version, permissions } = manifest;
  const missing = missingPermissions(permissions, (await readGrants(home)).granted(id, version));
  if (!isNothing(missing)) {
    if (!(await isGranted({ manifest, missing }, invocation))) return { granted: false, sha256: null, away: null };
    await grant(home, { manifest });
  }
  try {
    const verifier = await openVerifier({ verifier: reference, places: { home }, grants: await readGrants(home) });
    await verifier.close();
    return { granted: true, sha256: verifier.identity.sha256, away: null };
  } catch (error) {
    const isAway = error instanceof VerifierHostError && error.code === 'verifier-remote' && error.retryable;
    if (!isAway) throw error;
    return { granted: true, sha256: null, away: error.message };
  }
}

function recordOf({ reference, manifest, record, state, package: { folder } }: InstalledVerifier, trial: Trial) {
  const { id, version, title, levels, permissions } = manifest;
  const sha256 = trial.sha256 ?? record.sha256;
  return {
    kind: 'verifier',
    state,
    reference,
    id,
    version,
    title,
    sha256,
    levels,
    permissions,
    granted: trial.granted,
    folder,
  };
}

const stateLines = {
  added: 'Added',
  replaced: 'Replaced the package that was there:',
  unchanged: 'Already there, unchanged:',
} as const;

function linesOf({ reference, manifest, record, state, grantsRemoved }: InstalledVerifier, trial: Trial): string[] {
  const { id, version, title, levels, permissions } = manifest;
  const shown = levels.map(printable);
  return [
    `${stateLines[state]} ${id} ${version} (${printable(title)})`,
    `  content   ${trial.sha256 ?? record.sha256}`,
    `  levels    ${shown.join(', ')}`,
    ...permissionLines(permissions)
      .map((line) => `  may       ${line}`)
      .map((line) => (trial.granted ? line : line.replace('may      ', 'asks to  '))),
    ...(grantsRemoved
      ? ['  What was granted to the package that was there is taken back: this one comes from elsewhere.']
      : []),
    trial.granted
      ? `Train on it: evenkeel train --tasks ${reference}:${shown[0]}`
      : `It is not granted what it asks for yet: evenkeel verifier grant ${reference}`,
  ];
}
