/** What a verifier is, for those who list or install it: opened once, with what was granted, and closed. It asks no verdicts. */
import type { VerifierManifest, VerifierPermissions } from '@evenkeel/verifier';
import { bundleVerifier } from './bundle.ts';
import type { VerifierPackage } from './discover.ts';
import { type Grants, missingPermissions, noGrants, noPermissions, VerifierPermissionError } from './grants.ts';
import { loadVerifier } from './load-verifier.ts';
import { remoteSha256 } from './remote-spec.ts';

export interface InspectedVerifier {
  readonly manifest: VerifierManifest;
  /** Its content hash; without that of the files it asks for, where they are not granted. */
  readonly sha256: string;
  /** What it asks for and was not granted. */
  readonly missing: VerifierPermissions;
}

/**
 * Runs a package's module in the sandbox to read its manifest; an endpoint is not asked, its package has a copy.
 *
 * @throws {VerifierHostError} if it does not bundle or load, or has no valid manifest; not for want of grants
 */
export async function inspectVerifier(found: VerifierPackage, grants: Grants = noGrants): Promise<InspectedVerifier> {
  if (found.remote !== null) {
    const { manifest } = found.remote;
    const missing = missingPermissions(manifest.permissions, grants.granted(manifest.id, manifest.version));
    return { manifest, sha256: remoteSha256(found.remote), missing };
  }
  try {
    const { manifest, identity, link } = await loadVerifier({ kind: 'package', package: found }, { grants });
    await link?.close();
    return { manifest, sha256: identity.sha256, missing: noPermissions };
  } catch (error) {
    if (!(error instanceof VerifierPermissionError)) throw error;
    return { manifest: error.manifest, sha256: (await bundleVerifier(found)).sha256, missing: error.missing };
  }
}
