import type { KnownVerifier } from '@evenkeel/protocol';
import { discoverVerifiers, openSandbox } from '@evenkeel/verifier-host';

/** The installed verifiers by name; the levels of those that are asked for, from their manifests. */
export async function knownVerifiers(asked: readonly string[]): Promise<KnownVerifier[]> {
  return await Promise.all(
    discoverVerifiers().map(async ({ id }) => {
      if (!asked.includes(id)) return { id, levels: [] };
      const sandbox = await openSandbox({ verifier: id });
      try {
        return { id, levels: sandbox.manifest.levels };
      } finally {
        await sandbox.close();
      }
    }),
  );
}
