/**
 * From what a user asked for to a run's configuration: verifiers opened and read, prompt sets found, the base policy hashed. Where a
 * run of the name exists, what it began with is compared with what is there now; it never changes over in silence.
 */
import { join } from 'node:path';
import { readPromptSet, rowsOfTask } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { loadModelDirectory, type ModelDirectory, policyHash } from '@evenkeel/policy';
import {
  defaultRunFile,
  type KnownPromptSet,
  type KnownVerifier,
  type RunConfig,
  type RunFile,
  type RunInputs,
  resolveRunConfig,
  verifierIdOf,
} from '@evenkeel/protocol';
import { type ArtefactStore, openFolderStore } from '@evenkeel/store';
import { findVerifier, VerifierHostError } from '@evenkeel/verifier-host';
import type { Invocation } from '../command.ts';
import { checkPromptLengths } from '../data/prompt-lengths.ts';
import { knownPromptSet, readPromptSets } from '../data/prompt-set-record.ts';
import { openVerifiers } from '../evaluate/open-verifiers.ts';
import { modelFolder } from '../model/model-folder.ts';
import { changedInputs, inputsChangedError, recordedVerifiers } from './changed-inputs.ts';
import { linkedTasks } from './linked-tasks.ts';
import { findRunRecord, type RunRecord } from './run-record.ts';

export interface ConfigureOptions {
  /** Whose home it is, and who is asked for what a verifier was not granted yet. */
  readonly invocation: Invocation;
  readonly file: RunFile;
  /** A run that exists goes on under the verifiers and prompt sets that it began with, whatever is there now. */
  readonly keepInputs: boolean;
  /** Told of what may surprise, and is no mistake. */
  readonly note: (line: string) => void;
}

/** A run's configuration, and whether its inputs are those that are there now: only then can they be put into the store. */
export interface Configured {
  readonly config: RunConfig;
  readonly keptInputs: boolean;
}

/**
 * @throws {ConfigError} `run-inputs-changed` where the run began with other verifiers or prompt sets; and as `resolveRunConfig` does
 * @throws {VerifierHostError} where a verifier cannot be opened
 */
export async function configureRun({ invocation, file, keepInputs, note }: ConfigureOptions): Promise<Configured> {
  const { home } = invocation;
  const run = file.run ?? defaultRunFile.run;
  const record = await findRunRecord(home, run);
  if (keepInputs && record === null) {
    throw new ConfigError(
      `Cannot keep the inputs of run "${run}": there is no such run in ${home}, expected one to go on with; leave --keep-inputs out`,
      { code: 'run-unknown' },
    );
  }
  const tasks = await linkedTasks(file.tasks ?? defaultRunFile.tasks, home, !keepInputs);
  const kept = keepInputs ? record : null;
  const known =
    kept === null
      ? await readKnown(
          tasks.map(({ verifier }) => verifier),
          invocation,
          record,
        )
      : knownOf(kept.config);
  const whole = { ...file, tasks };
  // Settings that cannot work are refused before weights are read.
  resolveRunConfig(whole, known.verifiers, undefined, known.promptSets);
  const model = await loadModelDirectory(modelFolder(file.model ?? defaultRunFile.model, home));
  const inputs = {
    model: policyHash(model.parameters.flat, model.config),
    verifiers: recordedVerifiers(record?.config.inputs.verifiers ?? {}, known.inputs),
  };
  const config = resolveRunConfig(whole, known.verifiers, inputs, known.promptSets);
  const changes = record === null ? [] : changedInputs(record.config.inputs, config.inputs);
  if (changes.length > 0) throw inputsChangedError(run, changes);
  await checkPromptSets(config, model, home, note);
  return { config, keptInputs: kept !== null };
}

interface Known {
  readonly verifiers: readonly KnownVerifier[];
  readonly inputs: RunInputs['verifiers'];
  readonly promptSets: readonly KnownPromptSet[];
}

async function readKnown(
  references: readonly string[],
  invocation: Invocation,
  record: RunRecord | null,
): Promise<Known> {
  const { home } = invocation;
  if (record !== null) refuseMissing(record, references, home);
  const promptSets = (await readPromptSets(home)).map(knownPromptSet);
  const { verifiers, known, close } = await openVerifiers(references, invocation);
  const inputs = [...verifiers].map(([reference, { identity }]) => {
    const { version, sha256 } = identity;
    return [reference, { version, sha256 }] as const;
  });
  await close();
  return { verifiers: known, inputs: Object.fromEntries(inputs), promptSets };
}

/** A verifier that a run began with may be gone: then the ways out are the same as where it changed. */
function refuseMissing({ run, config }: RunRecord, references: readonly string[], home: string): void {
  for (const reference of references) {
    const begun = config.inputs.verifiers[reference];
    if (begun === undefined) continue;
    try {
      findVerifier(reference, { home });
    } catch (error) {
      if (!(error instanceof VerifierHostError) || error.code !== 'verifier-unknown') throw error;
      const state = `verifier "${reference}" is gone: it was version ${begun.version}, sha256 ${begun.sha256.slice(0, 12)}`;
      throw inputsChangedError(run, [state], error);
    }
  }
}

/** What a run's own record tells of its verifiers and prompt sets: enough to find its settings unchanged. */
function knownOf({ tasks, inputs, method }: RunConfig): Known {
  const weights = method.reward.weights ?? {};
  const verifiers = Map.groupBy(tasks, ({ verifier }) => verifier);
  const sets = Object.entries(inputs.prompts ?? {});
  return {
    verifiers: [...verifiers].map(([id, own]) => ({
      ...{ id, levels: own.map(({ level }) => level) },
      components: Object.keys(weights),
    })),
    inputs: inputs.verifiers,
    promptSets: sets.map(([name, rows]) => {
      const own = Map.groupBy(
        tasks.filter(({ prompts }) => prompts === name),
        ({ verifier }) => verifierIdOf(verifier),
      );
      return { name, rows, levels: Object.fromEntries([...own].map(([id, of]) => [id, of.map(({ level }) => level)])) };
    }),
  };
}

/** Every prompt of a set must fit into the model, and each split that the run takes must have some: said now, not at step 12. */
async function checkPromptSets(config: RunConfig, model: ModelDirectory, home: string, note: ConfigureOptions['note']) {
  const tasks = config.tasks.filter(({ prompts }) => prompts !== undefined);
  if (tasks.length === 0) return;
  const store = await openFolderStore(join(home, 'store'));
  try {
    const rows = (await Promise.all(tasks.map((task) => rowsFor(task, config, store)))).flat();
    const { maxNewTokens } = config.sampling;
    const { cramped } = checkPromptLengths(rows, model, { what: `Cannot train "${config.run}"`, maxNewTokens });
    if (cramped > 0) {
      note(`${cramped} prompts leave no room for ${maxNewTokens} tokens: their completions end with the context`);
    }
  } finally {
    await store.close();
  }
}

async function rowsFor(task: RunConfig['tasks'][number], { inputs, evaluation }: RunConfig, store: ArtefactStore) {
  const all = await readPromptSet(store, inputs.prompts![task.prompts!]!);
  const splits = [...new Set(['train', evaluation.split] as const)];
  return splits.flatMap((split) => {
    const rows = rowsOfTask(all, { ...task, split });
    if (rows.length > 0) return rows.map(({ prompt }) => ({ task: task.name, prompt }));
    throw new ConfigError(
      `Cannot train on task "${task.name}": prompt set "${task.prompts}" has no rows of it in split "${split}", expected at least one: import more prompts`,
      { code: 'prompts-empty' },
    );
  });
}
