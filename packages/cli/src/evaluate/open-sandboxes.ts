import type { KnownVerifier } from '@evenkeel/protocol';
import { discoverVerifiers, openSandbox, type VerifierSandbox } from '@evenkeel/verifier-host';
import type { Sandboxes } from './evaluation-prompts.ts';

/** Opened verifiers; those who open them close them. */
export interface OpenSandboxes {
  readonly sandboxes: Sandboxes;
  /** All installed verifiers; levels only of the opened ones. */
  readonly known: readonly KnownVerifier[];
  close(): Promise<void>;
}

/**
 * Opens the installed ones of these verifiers side by side; names that no verifier has are left out.
 *
 * @throws {VerifierHostError} if one does not start; nothing is left open then
 */
export async function openSandboxes(names: Iterable<string>): Promise<OpenSandboxes> {
  const asked = new Set(names);
  const ids = discoverVerifiers().map(({ id }) => id);
  const opening = ids.filter((id) => asked.has(id)).map((verifier) => openSandbox({ verifier }));
  const settled = await Promise.allSettled(opening);
  const open = settled.flatMap((sandbox) => (sandbox.status === 'fulfilled' ? [sandbox.value] : []));
  const close = async () => void (await Promise.all(open.map((sandbox) => sandbox.close())));
  const failure = settled.find((sandbox) => sandbox.status === 'rejected');
  if (failure !== undefined) {
    await close();
    throw failure.reason;
  }
  const sandboxes = new Map<string, VerifierSandbox>(open.map((sandbox) => [sandbox.manifest.id, sandbox]));
  const known = ids.map((id) => ({ id, levels: sandboxes.get(id)?.manifest.levels ?? [] }));
  return { sandboxes, known, close };
}
