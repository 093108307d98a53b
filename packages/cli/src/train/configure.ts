/**
 * From what a user asked for to a run's configuration: verifiers opened and read, prompt sets found, the base policy hashed. Where a
 * run of the name exists, what it began with is compared with what is there now; it never changes over in silence.
 */
import { ConfigError } from '@evenkeel/core';
import { loadModelDirectory, policyHash, readModelFiles } from '@evenkeel/policy';
import { defaultRunFile, type RunConfig, type RunFile, type RunInputs, resolveRunConfig } from '@evenkeel/protocol';
import type { Invocation } from '../command.ts';
import type { Verifiers } from '../evaluate/evaluation-prompts.ts';
import { modelFolder } from '../model/model-folder.ts';
import { changedInputs, inputsChangedError, recordedVerifiers } from './changed-inputs.ts';
import { checkGeneratedPrompts, checkPromptSets } from './check-prompt-sets.ts';
import { type Known, knownOf, readKnown } from './known-inputs.ts';
import { linkedTasks } from './linked-tasks.ts';
import { expectMemory } from './run-memory.ts';
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

export interface Configured {
  readonly config: RunConfig;
  /** The verifiers whose code is to be kept in the store, as they are now; none where the run goes on under what it keeps already. */
  readonly verifiers: RunInputs['verifiers'];
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
  const whole = { ...file, tasks };
  if (keepInputs && record !== null) {
    const config = await resolveWith(whole, knownOf(record.config), { invocation, record, note });
    return { config, verifiers: {} };
  }
  const references = tasks.map(({ verifier }) => verifier);
  const known = await readKnown(references, invocation, record);
  try {
    const config = await resolveWith(whole, known, { invocation, record, note, open: known.open });
    return { config, verifiers: config.inputs.verifiers };
  } finally {
    await known.close();
  }
}

/** Where the prompts' lengths are not known yet: what the run takes is at least this. */
const SHORTEST_PROMPT = 1;

interface Surroundings extends Pick<ConfigureOptions, 'invocation'> {
  readonly record: RunRecord | null;
  readonly note: ConfigureOptions['note'];
  /** The verifiers, where they are open. */
  readonly open?: Verifiers;
}

async function resolveWith(file: RunFile, known: Known, around: Surroundings): Promise<RunConfig> {
  const { invocation, record, note, open } = around;
  const { home } = invocation;
  // Settings that cannot work are refused before weights are read, and so is a model that the machine cannot hold.
  const folder = modelFolder(file.model ?? defaultRunFile.model, home);
  const unread = resolveRunConfig(file, known.verifiers, undefined, known.promptSets);
  expectMemory(unread, readModelFiles(folder).config, SHORTEST_PROMPT, invocation);
  const model = await loadModelDirectory(folder);
  const inputs = {
    model: policyHash(model.parameters.flat, model.config),
    verifiers: recordedVerifiers(record?.config.inputs.verifiers ?? {}, known.inputs),
  };
  const config = resolveRunConfig(file, known.verifiers, inputs, known.promptSets);
  const changes = record === null ? [] : changedInputs(record.config.inputs, config.inputs);
  if (changes.length > 0) throw inputsChangedError(config.run, changes);
  let longest = await checkPromptSets(config, model, home, note);
  if (record === null && open !== undefined) {
    const what = `Cannot train "${config.run}"`;
    longest = Math.max(longest, await checkGeneratedPrompts(config.tasks, open, model, what));
  }
  if (longest > 0) expectMemory(config, model.config, longest, invocation);
  return config;
}

export interface GoOnOptions extends Pick<ConfigureOptions, 'invocation' | 'keepInputs'> {
  readonly record: RunRecord;
  /** The run's configuration as it is now, with the changes made to it since it began. */
  readonly current: RunConfig;
  /** Threads of each session, where others are wanted: another engine, which is refused or accepted as such. */
  readonly threads: number | undefined;
}

/**
 * A run that goes on by its name alone: under the configuration that it was recorded with, which nothing is filled in to.
 *
 * @throws {ConfigError} `run-inputs-changed` where a verifier, a prompt set or the base is another one now
 */
export async function goOnWith(options: GoOnOptions): Promise<Configured> {
  const { invocation, keepInputs, record, current, threads = record.config.threads } = options;
  const config = { ...record.config, threads };
  if (keepInputs) return { config, verifiers: {} };
  const { home } = invocation;
  const references = current.tasks.map(({ verifier }) => verifier);
  const known = await readKnown(references, invocation, { ...record, config: current });
  await known.close();
  const prompts = Object.fromEntries(known.promptSets.map(({ name, rows }) => [name, rows]));
  const changes = changedInputs(current.inputs, { verifiers: known.inputs, prompts });
  const base = config.inputs.model;
  if (base !== null && record.branch === undefined) {
    expectMemory(current, readModelFiles(modelFolder(config.model, home)).config, SHORTEST_PROMPT, invocation);
    const model = await loadModelDirectory(modelFolder(config.model, home));
    const now = policyHash(model.parameters.flat, model.config);
    if (now !== base) {
      changes.push(`the base "${config.model}" changed: it was ${base.slice(0, 12)}, and is ${now.slice(0, 12)}`);
    }
  }
  if (changes.length > 0) throw inputsChangedError(record.run, changes);
  return { config, verifiers: recordedVerifiers(current.inputs.verifiers, known.inputs) };
}
