/**
 * From a verifier reference to something that can be started: finds the package, bundles it, reads and checks its manifest in a
 * sandbox, and gathers what was granted. It asks no puzzles and no verdicts.
 */
import { canonicalJson, type Logger } from '@evenkeel/core';
import type { VerifierManifest } from '@evenkeel/verifier';
import { readAnswer } from './answers.ts';
import { bundleSandboxProgram, bundleVerifier, type VerifierScript } from './bundle.ts';
import { manifestSchema } from './contract-schemas.ts';
import type { VerifierPackage } from './discover.ts';
import { VerifierHostError } from './errors.ts';
import { identityOf, readGranted } from './granted-context.ts';
import { type Grants, noGrants, requireGranted } from './grants.ts';
import { type Death, type SandboxLink, startLink } from './sandbox-link.ts';
import type { Isolation } from './sandbox-messages.ts';

export interface LoadOptions {
  /** What may be handed over; default: nothing. */
  readonly grants?: Grants | undefined;
  readonly logger?: Logger | undefined;
  /** See `LinkOptions`. */
  readonly stallMs?: number | undefined;
  readonly isolation?: Isolation | undefined;
}

/** Which verifier gives the verdicts. */
export interface VerifierIdentity {
  readonly id: string;
  /** The manifest's. */
  readonly version: string;
  /** Of the bundled code, with the content of granted files; of a task that is an endpoint: of its manifest and address. */
  readonly sha256: string;
}

export interface LoadedVerifier {
  readonly manifest: VerifierManifest;
  readonly identity: VerifierIdentity;
  readonly script: VerifierScript;
  /** Origins that it may ask. */
  readonly origins: readonly string[];
  /** A process that runs already. */
  readonly link: SandboxLink | null;
  readonly start: () => Promise<SandboxLink>;
}

/** Where code comes from: a package, or a text kept of one that may be gone; then the id is what it must call itself. */
export type VerifierSource =
  | { readonly kind: 'package'; readonly package: VerifierPackage }
  | { readonly kind: 'script'; readonly id: string; readonly script: VerifierScript; readonly folder: string | null };

const START_ATTEMPTS = 3;
const USUAL_LIMITS: VerifierManifest['limits'] = { timeMs: 1000, memoryMb: 64 };

/** Limits by script, known once a manifest was read: the process that runs a script must be started with them. */
const limitsOfScript = new Map<string, VerifierManifest['limits']>();

/**
 * @throws {VerifierHostError} if it does not bundle or load, has no valid manifest, or asks for more than was granted
 */
export async function loadVerifier(source: VerifierSource, options: LoadOptions): Promise<LoadedVerifier> {
  const { id, folder } = source.kind === 'package' ? source.package : source;
  const bundling = source.kind === 'package' ? bundleVerifier(source.package) : source.script;
  const [script, program] = await Promise.all([bundling, bundleSandboxProgram()]);
  const { stallMs, isolation, grants = noGrants } = options;
  const start = ({ timeMs, memoryMb }: VerifierManifest['limits'], context: string | null) =>
    startSurely(id, () => startLink({ program, script: script.text, context, timeMs, memoryMb, stallMs, isolation }));
  // The limits are in the manifest, and the manifest in the script: the first process only reads it where they are not as supposed.
  const supposed = limitsOfScript.get(script.sha256) ?? USUAL_LIMITS;
  const first = await start(supposed, null);
  try {
    const manifest = checkManifest(id, first.manifestLine);
    if (source.kind === 'package') checkVersion(manifest, source.package);
    requireGranted(manifest, grants);
    const { text, files, origins } = await readGranted(manifest, folder);
    limitsOfScript.set(script.sha256, manifest.limits);
    const fits = text === null && canonicalJson(manifest.limits) === canonicalJson(supposed);
    if (!fits) await first.close();
    return {
      manifest,
      identity: { id, version: manifest.version, sha256: identityOf(script.sha256, files) },
      script,
      origins,
      link: fits ? first : null,
      start: () => start(manifest.limits, text),
    };
  } catch (error) {
    await first.close();
    throw error;
  }
}

function checkManifest(id: string, line: string): VerifierManifest {
  const refuse = (code: string, problem: string) =>
    new VerifierHostError(`Cannot open verifier "${id}": ${problem}`, { code });
  const answer = readAnswer(line, manifestSchema);
  if (line[0] === '!' && answer.kind === 'failed') {
    throw refuse(
      'verifier-start',
      `its module did not load (${answer.error.message}), expected one that runs without a platform`,
    );
  }
  if (answer.kind === 'failed') {
    throw refuse(
      'verifier-manifest',
      `its manifest is not valid (${answer.error.message}), expected the contract's fields`,
    );
  }
  const manifest = answer.value as VerifierManifest;
  if (manifest.id !== id) {
    throw refuse('verifier-manifest', `its manifest has the id "${manifest.id}", expected the package's name`);
  }
  return manifest;
}

/** Two versions side by side are told apart by package.json before anything runs: the manifest must say the same. */
function checkVersion({ id, version }: VerifierManifest, { origin, version: packaged }: VerifierPackage): void {
  if (origin !== 'installed' || version === packaged) return;
  throw new VerifierHostError(
    `Cannot open verifier "${id}": its manifest has the version ${version} and its package.json ${packaged}, expected the same`,
    { code: 'verifier-manifest' },
  );
}

/** A process that died before it was ready is started again: whoever killed it was not the verifier, or will do it again. */
async function startSurely(id: string, start: () => Promise<SandboxLink | Death>): Promise<SandboxLink> {
  for (let attempt = 1; ; attempt++) {
    const started = await start();
    if (!('code' in started)) return started;
    if (attempt < START_ATTEMPTS) continue;
    throw new VerifierHostError(
      `Cannot start verifier "${id}": ${started.message}, expected its module to load in the sandbox`,
      { code: 'verifier-start', retryable: true },
    );
  }
}
