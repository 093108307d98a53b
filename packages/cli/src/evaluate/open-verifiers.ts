import { type KnownVerifier, verifierIdOf } from '@evenkeel/protocol';
import {
  discoverVerifiers,
  findVerifier,
  type OpenVerifier,
  openVerifier,
  readGrants,
  VerifierHostError,
  VerifierPermissionError,
} from '@evenkeel/verifier-host';
import type { Invocation } from '../command.ts';
import { openGranted } from '../verifiers/open-granted.ts';
import type { Verifiers } from './evaluation-prompts.ts';

/** Opened verifiers by reference; those who open them close them. */
export interface OpenedVerifiers {
  readonly verifiers: Verifiers;
  /** All that are there; levels and components only of the opened ones. */
  readonly known: readonly KnownVerifier[];
  close(): Promise<void>;
}

/**
 * Opens these verifiers side by side, and asks for what one was not granted yet; names that no verifier has are left out.
 *
 * @throws {VerifierHostError} if one does not start, is not granted what it asks for, or is there in other versions only; nothing is
 *   left open then
 */
export async function openVerifiers(references: Iterable<string>, invocation: Invocation): Promise<OpenedVerifiers> {
  const { home } = invocation;
  const places = { home };
  const there = [...new Set(references)].filter((reference) => isThere(reference, home));
  const grants = await readGrants(home);
  const settled = await Promise.allSettled(there.map((verifier) => openVerifier({ verifier, places, grants })));
  const open = new Map<string, OpenVerifier>(
    settled.flatMap((one, place) => (one.status === 'fulfilled' ? [[there[place]!, one.value] as const] : [])),
  );
  const close = async () => void (await Promise.all([...open.values()].map((verifier) => verifier.close())));
  try {
    // Questions come one after the other.
    for (const [place, one] of settled.entries()) {
      if (one.status === 'fulfilled') continue;
      if (!(one.reason instanceof VerifierPermissionError)) throw one.reason;
      open.set(there[place]!, await openGranted(there[place]!, invocation));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const verifiers = new Map(there.map((reference) => [reference, open.get(reference)!]));
  const ids = new Set([...discoverVerifiers(places).map(({ id }) => id), ...there]);
  const known = [...ids].map((id): KnownVerifier => {
    const { levels = [], components = [] } = verifiers.get(id)?.manifest ?? {};
    return { id, levels, components };
  });
  return { verifiers, known, close };
}

/** Whether there is such a verifier; of one that is there but not as it was asked for, the message is its own. */
function isThere(reference: string, home: string): boolean {
  try {
    findVerifier(reference, { home });
    return true;
  } catch (error) {
    const unknown = error instanceof VerifierHostError && error.code === 'verifier-unknown';
    if (unknown && verifierIdOf(reference) === reference) return false;
    throw error;
  }
}
