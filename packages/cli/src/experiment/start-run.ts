/** One run of a home at work, from its file to a started workflow: what `train` does, without looking on. */
import type { RunFile } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';
import type { Invocation } from '../command.ts';
import { beginRun } from '../train/begin-run.ts';
import { claimEngine } from '../train/claim-engine.ts';
import { configureRun } from '../train/configure.ts';
import { keepScripts } from '../train/keep-scripts.ts';
import type { RunClient } from '../train/run-client.ts';
import { claimRun, readRunRecord } from '../train/run-record.ts';

/** Starts the run, or goes on with it. @throws {ConfigError} as `train` does */
export async function startRun(
  file: RunFile,
  { invocation, store, client }: { readonly invocation: Invocation; readonly store: Store; readonly client: RunClient },
): Promise<void> {
  const { home, note } = invocation;
  const { config } = await configureRun({ invocation, file, keepInputs: false, note });
  const { isNew } = await claimRun(home, config, new Date().toISOString());
  const engine = await claimEngine(home, config, false);
  if (engine?.note != null) note(engine.note);
  await keepScripts(store, config.inputs.verifiers, home);
  const configRef = await store.putJson('config', config);
  const record = { ...(await readRunRecord(home, config.run)), config };
  await beginRun({ home, record, config: configRef, client, goesOn: !isNew, settings: null, stop: false });
}
