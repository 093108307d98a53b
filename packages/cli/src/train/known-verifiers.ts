import type { KnownVerifier, RunInputs } from '@evenkeel/protocol';
import { discoverVerifiers, openSandbox } from '@evenkeel/verifier-host';

export interface InstalledVerifiers {
  readonly verifiers: readonly KnownVerifier[];
  /** Hash of the bundled code of those that were asked for. */
  readonly scripts: RunInputs['verifiers'];
}

/** The installed verifiers by name; the levels and the code of those that are asked for. */
export async function installedVerifiers(asked: readonly string[]): Promise<InstalledVerifiers> {
  const found = await Promise.all(
    discoverVerifiers().map(async ({ id }) => {
      if (!asked.includes(id)) return { id, levels: [], components: [] };
      const sandbox = await openSandbox({ verifier: id });
      try {
        const { levels, components = [] } = sandbox.manifest;
        const { version } = sandbox.manifest;
        return { id, levels, components, script: { version, sha256: sandbox.scriptSha256 } };
      } finally {
        await sandbox.close();
      }
    }),
  );
  const scripts = found.flatMap(({ id, script }) => (script === undefined ? [] : [[id, script] as const]));
  return {
    verifiers: found.map(({ id, levels, components }) => ({ id, levels, components })),
    scripts: Object.fromEntries(scripts),
  };
}
