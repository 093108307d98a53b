import type { Json } from '@evenkeel/core';
import { type KeptScript, keptScriptKey, type RunInputs } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';
import { bundleVerifier, findVerifier } from '@evenkeel/verifier-host';

/**
 * Puts the code of a run's verifiers into the store, each under the hash that the run's jobs ask for: the run goes on under it
 * whatever happens to the package. Of a task that is an endpoint there is no code to keep. What is handed out is checked against the
 * hash by the verifier host, which hands out nothing else.
 */
export async function keepScripts(store: Store, verifiers: RunInputs['verifiers'], home: string): Promise<void> {
  for (const [reference, { version, sha256 }] of Object.entries(verifiers)) {
    const key = keptScriptKey(sha256);
    if ((await store.lookup(key)) !== null) continue;
    const found = findVerifier(reference, { home });
    if (found.entry === null) continue;
    const { text } = await bundleVerifier(found);
    const script = await store.put('verifier-script', Buffer.from(text));
    const result: KeptScript = { id: found.id, version, script };
    await store.commit(key, { result: result as unknown as Json, refs: [script], attempt: 1 });
  }
}
