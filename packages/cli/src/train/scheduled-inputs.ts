/** What the tasks of scheduled changes need: their verifiers as they were, and the rows of their prompt sets. */
import { ConfigError } from '@evenkeel/core';
import { keptScriptKey, type RunChange, type RunInputs, type ScheduledChange } from '@evenkeel/protocol';
import type { Store } from '@evenkeel/store';
import type { Invocation } from '../command.ts';
import { changeText } from './changed-inputs.ts';
import { readKnown } from './known-inputs.ts';

type AddTask = Extract<RunChange, { kind: 'add-task' }>;

/**
 * The verifiers of tasks that are to come, whose code is to be kept for the run; those that the store has already are left out.
 *
 * @throws {ConfigError} `change-inputs` where a verifier or a prompt set is not there as the change was made with it
 */
export async function scheduledVerifiers(
  changes: readonly ScheduledChange[],
  invocation: Invocation,
  store: Store,
): Promise<RunInputs['verifiers']> {
  const added = changes.flatMap(({ change }): AddTask[] => (change.kind === 'add-task' ? [change] : []));
  const wanted: Record<string, RunInputs['verifiers'][string]> = {};
  for (const { task, verifier, prompts } of added) {
    if ((await store.lookup(keptScriptKey(verifier.sha256))) === null) wanted[task.verifier] = verifier;
    if (prompts === undefined || (await store.has(prompts))) continue;
    throw refusal(
      task.name,
      `prompt set "${task.prompts}" as it was (rows ${prompts.sha256.slice(0, 12)}) is not in this home`,
      `it: evenkeel data import FILE.jsonl --name ${task.prompts}, with the same file`,
    );
  }
  if (Object.keys(wanted).length === 0) return {};
  const known = await readKnown(Object.keys(wanted), invocation, null);
  await known.close();
  for (const { task } of added) {
    const before = wanted[task.verifier];
    const now = known.inputs[task.verifier];
    if (before === undefined || now?.sha256 === before.sha256) continue;
    const state = now === undefined ? 'is not installed' : `changed: ${changeText(before, now)}`;
    throw refusal(
      task.name,
      `verifier "${task.verifier}" ${state}`,
      `version ${before.version} with sha256 ${before.sha256.slice(0, 12)}: evenkeel verifier add`,
    );
  }
  return wanted;
}

function refusal(task: string, state: string, wish: string): ConfigError {
  return new ConfigError(`Cannot make the change "add task ${task}": ${state}, expected ${wish}`, {
    code: 'change-inputs',
  });
}
