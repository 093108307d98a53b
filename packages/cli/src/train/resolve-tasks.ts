/** Tasks that come to a run which has others already: found, pinned by version and hash, and checked against the run as it is now. */
import { type ArtefactRef, ConfigError } from '@evenkeel/core';
import { loadModelDirectory } from '@evenkeel/policy';
import {
  type RunConfig,
  type RunInputs,
  resolveRunConfig,
  type TaskConfig,
  type TaskEntry,
  taskEntryOf,
} from '@evenkeel/protocol';
import type { Invocation } from '../command.ts';
import { modelFolder } from '../model/model-folder.ts';
import { changedInputs } from './changed-inputs.ts';
import { checkGeneratedPrompts, checkPromptSets } from './check-prompt-sets.ts';
import { knownOf, type OpenKnown, readKnown } from './known-inputs.ts';
import { linkedTasks } from './linked-tasks.ts';

/** A task with the inputs that it depends on. */
export interface PinnedTask {
  readonly task: TaskConfig;
  readonly verifier: RunInputs['verifiers'][string];
  /** Rows of its prompt set; left out where its puzzles are generated. */
  readonly prompts?: ArtefactRef;
}

export interface ResolveTasksOptions {
  readonly invocation: Invocation;
  /** The run's configuration as it is now. */
  readonly config: RunConfig;
  /** As `--tasks` of `train` takes them: `VERIFIER[:LEVEL][=PROMPT-SET]`, the verifier by id, id@version or folder. */
  readonly texts: readonly string[];
  /** The name of the task in the run, where it is one and shall not have that of its text. */
  readonly name?: string | undefined;
}

/**
 * @throws {ConfigError} `task-twice` where the run has a task of the name; `task-inputs-differ` where it has the verifier or prompt set
 *   in another version; and as `resolveRunConfig` does
 */
export async function resolveTasks(options: ResolveTasksOptions): Promise<PinnedTask[]> {
  const { invocation, texts, name } = options;
  const { home } = invocation;
  const written = texts.map((text) => ({ ...taskEntryOf(text), ...(name === undefined ? {} : { name }) }));
  const entries = await linkedTasks(written, home);
  const references = entries.map(({ verifier }) => verifier);
  const now = await readKnown(references, invocation, null);
  try {
    return await pin(entries, now, options);
  } finally {
    await now.close();
  }
}

async function pin(
  entries: readonly TaskEntry[],
  now: OpenKnown,
  { invocation, config }: ResolveTasksOptions,
): Promise<PinnedTask[]> {
  const references = new Set(entries.map(({ verifier }) => verifier));
  const { home } = invocation;
  const had = knownOf(config);
  // What the run has is known from its record; what comes, from what is there.
  const verifiers = new Map(now.verifiers.map((one) => [one.id, one]));
  for (const one of had.verifiers) if (!references.has(one.id)) verifiers.set(one.id, one);
  const asked = new Set(entries.map(({ prompts }) => prompts));
  const promptSets = new Map(now.promptSets.map((one) => [one.name, one]));
  for (const one of had.promptSets) if (!asked.has(one.name)) promptSets.set(one.name, one);
  const inputs = { model: config.inputs.model, verifiers: { ...had.inputs, ...now.inputs } };
  const names = new Set(config.tasks.map((task) => task.name));
  const { run, method, promptsPerStep, groupSize, sampling, evaluation } = config;
  const resolved = (tasks: RunConfig['tasks'] | typeof entries) =>
    resolveRunConfig(
      { run, method, promptsPerStep, groupSize, sampling, evaluation, tasks: [...tasks] },
      [...verifiers.values()],
      inputs,
      [...promptSets.values()],
    );
  for (const { name: task } of resolved(entries).tasks) {
    if (!names.has(task)) continue;
    throw new ConfigError(
      `Cannot add task "${task}" to run "${run}": it has a task of this name, expected another: retire that one first, or name this one: --name NAME`,
      { code: 'task-twice' },
    );
  }
  const whole = resolved([...config.tasks, ...entries] as typeof entries);
  const added = whole.tasks.slice(config.tasks.length);
  refuseOtherInputs(config, now.inputs, Object.fromEntries([...promptSets].map(([set, { rows }]) => [set, rows])));
  const model = await loadModelDirectory(modelFolder(config.model, home));
  await checkPromptSets({ ...whole, tasks: added }, model, home, invocation.note);
  await checkGeneratedPrompts(added, now.open, model, `Cannot add tasks to run "${run}"`);
  return added.map((task) => ({
    task,
    verifier: now.inputs[task.verifier]!,
    ...(task.prompts === undefined ? {} : { prompts: whole.inputs.prompts![task.prompts]! }),
  }));
}

/** A run has one version of each reference: a task that comes cannot bring another under the same name. */
function refuseOtherInputs(
  { run, inputs }: RunConfig,
  verifiers: RunInputs['verifiers'],
  prompts: Record<string, ArtefactRef>,
) {
  const changes = changedInputs(inputs, { verifiers, prompts });
  if (changes.length === 0) return;
  throw new ConfigError(
    `Cannot add tasks to run "${run}": ${changes.join('; ')}, expected what the run has: restore it, or install this one under a version of its own and name it, such as words@1.2.0`,
    { code: 'task-inputs-differ' },
  );
}
