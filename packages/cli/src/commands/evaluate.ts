/** `evenkeel evaluate`: accuracy of a policy per task, in this process, without a server. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { loadModelDirectory, type ModelDirectory, policyHash, userTurn } from '@evenkeel/policy';
import {
  defaultRunFile,
  type KnownVerifier,
  type RunConfig,
  resolveRunConfig,
  type TaskConfig,
  type TaskEntry,
} from '@evenkeel/protocol';
import { type ArtefactStore, openFolderStore } from '@evenkeel/store';
import { type Command, exitCodes, type Invocation, UsageError } from '../command.ts';
import { checkPromptLengths } from '../data/prompt-lengths.ts';
import { findPromptSet, knownPromptSet, readPromptSets } from '../data/prompt-set-record.ts';
import { evaluatePolicy } from '../evaluate/evaluate-policy.ts';
import {
  drawPrompts,
  type EvaluationPrompt,
  type EvaluationTask,
  promptsOfSet,
  readPrompts,
} from '../evaluate/evaluation-prompts.ts';
import { evaluationLines, evaluationTable } from '../evaluate/evaluation-report.ts';
import { namedModel } from '../evaluate/named-model.ts';
import { type OpenedVerifiers, openVerifiers } from '../evaluate/open-verifiers.ts';
import { choiceFlag, listFlag, numberFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { changeText } from '../train/changed-inputs.ts';
import { linkedTasks } from '../train/linked-tasks.ts';
import { yesFlag } from '../verifiers/open-granted.ts';
import { silenceText } from '../view/silence-text.ts';
import { duration, grouped } from '../view/terminal-text.ts';

const SPLITS = ['heldout', 'tune', 'train', 'all'] as const;
const PROGRESS_EVERY_MS = 2000;

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: "measure a policy's accuracy per task",
  usage: 'MODEL',
  flags: {
    tasks: {
      type: 'string',
      value: 'A,B',
      help: 'tasks, such as countdown, zebra:easy or countdown=SET (default: countdown,zebra,arc)',
    },
    prompts: {
      type: 'string',
      value: 'SET|FILE',
      help: 'a prompt set, or JSON lines { prompt, groundTruth, task }, in place of drawn puzzles',
    },
    split: { type: 'string', value: 'NAME', help: 'heldout (default), tune or train; all of a prompt set' },
    'prompts-per-task': { type: 'string', value: 'N', help: 'puzzles per task (default: 200; of a prompt set all)' },
    samples: { type: 'string', value: 'N', help: 'completions per puzzle (default: 1)' },
    temperature: { type: 'string', value: 'T', help: 'of the sampling; 0 is greedy (default: 1)' },
    'max-tokens': { type: 'string', value: 'N', help: 'longest completion (default: 16, enough for the tiny level)' },
    seed: { type: 'string', value: 'N', help: 'of puzzles and sampling (default: 1)' },
    threads: { type: 'string', value: 'N', help: 'threads of the inference session (default: 2)' },
    yes: yesFlag,
  },
  help: `
MODEL is "tiny" (the shipped base), the name of a finished run, or a Hugging Face model folder. For a run's name, tasks and
settings are those of the run's own evaluations, and so are the counts. A completion's draws are keyed by its prompt's place
among all: other tasks before it, other draws.

Examples:
  evenkeel evaluate tiny
  evenkeel evaluate first-run --prompts-per-task 1000
  evenkeel evaluate first-run --prompts published --split all
  evenkeel evaluate ./qwen2.5-0.5b --tasks countdown:easy --max-tokens 512 --json`,
  run: async (invocation) => await evaluate(invocation),
};

async function evaluate(invocation: Invocation) {
  const { positionals, flags, home } = invocation;
  const [name = ''] = positional(positionals, { least: 1, most: 1 }, 'one model: evenkeel evaluate MODEL');
  const { folder, record } = await namedModel(name, home);
  const config = record?.config ?? null;
  const settings = readSettings(flags, config);
  const source = await promptSource(textFlag(flags, 'prompts'), settings, home);
  const asked = listFlag(flags, 'tasks');
  const tasks = source === null ? await askedTasks(asked, config, home) : [];
  const model = await loadModelDirectory(folder);
  const store = await openFolderStore(join(home, 'store'));
  try {
    const references = source === null ? tasks.map(referenceOf) : source.verifiers;
    const opened = await openVerifiers(references, invocation);
    try {
      if (config !== null) noteChanges(config, opened, invocation);
      const prompts =
        source === null
          ? await drawPrompts(
              await resolveTasks(tasks, config, opened.known, home),
              drawSettings(settings),
              opened.verifiers,
              store,
            )
          : chosenRows(await source.read(store), asked, opened);
      return await evaluatePrompts(invocation, { name, model, prompts, settings, opened });
    } finally {
      await opened.close();
    }
  } finally {
    await store.close();
  }
}

interface Evaluating {
  readonly name: string;
  readonly model: ModelDirectory;
  readonly prompts: readonly EvaluationPrompt[];
  readonly settings: Settings;
  readonly opened: OpenedVerifiers;
}

async function evaluatePrompts(
  { json, print, printJson, note }: Invocation,
  { name, model, prompts: asked, settings, opened }: Evaluating,
) {
  const inTurns = (row: EvaluationPrompt) => ({ ...row, prompt: userTurn(model.chatTemplate, row.prompt) });
  const prompts = asked.map((row) => (row.turn ? inTurns(row) : row));
  const { maxNewTokens } = settings;
  const { cramped } = checkPromptLengths(prompts, model, { what: 'Cannot evaluate', maxNewTokens });
  if (cramped > 0)
    note(`${cramped} prompts leave no room for ${maxNewTokens} tokens: their completions end with the context`);
  const startedAt = performance.now();
  let saidAt = startedAt;
  const onProgress = ({ finished, total }: { readonly finished: number; readonly total: number }) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = performance.now();
    note(`${grouped(finished)} of ${grouped(total)} completions, ${duration((saidAt - startedAt) / 1000)}`);
  };
  const evaluated = await evaluatePolicy(model, prompts, { ...settings, onProgress }, opened.verifiers);
  for (const [reference, verifier] of opened.verifiers) {
    const { failed: failures, retried } = verifier.counts();
    const codes = Object.fromEntries(Object.entries(failures).filter(([, count]) => count > 0));
    const failed = Object.values(codes).reduce((sum, count) => sum + count, 0);
    const text = silenceText({ failed, failures: codes, retried });
    if (text !== null) note(`Verifier "${reference}": ${text}`);
  }
  const sha256 = policyHash(model.parameters.flat, model.config);
  if (json) {
    for (const line of evaluationLines(evaluated.tasks, settings, { model: name, sha256 })) printJson(line);
  } else {
    for (const line of evaluationTable(evaluated.tasks, settings.samplesPerPrompt)) print(line);
    note(`weights sha256 ${sha256}`);
  }
  return exitCodes.done;
}

/** A run's verifiers may have changed since: its own counts would then be others. */
function noteChanges(config: RunConfig, { verifiers }: OpenedVerifiers, { note }: Invocation): void {
  for (const [reference, { identity }] of verifiers) {
    const begun = config.inputs.verifiers[reference];
    if (begun === undefined || begun.sha256 === identity.sha256) continue;
    note(
      `Verifier "${reference}" is not the code that run "${config.run}" was trained with: ${changeText(begun, identity)}`,
    );
  }
}

/** Flags win over the run's own evaluation, which wins over the default. */
function readSettings(flags: Invocation['flags'], config: RunConfig | null) {
  const evaluation = config?.evaluation ?? defaultRunFile.evaluation;
  const sampling = config?.sampling ?? defaultRunFile.sampling;
  return {
    split: choiceFlag(flags, 'split', SPLITS, evaluation.split),
    promptsPerTask: wholeFlag(flags, 'prompts-per-task', evaluation.promptsPerTask, 1),
    /** Whether that number was asked for. */
    most: flags['prompts-per-task'] !== undefined,
    samplesPerPrompt: wholeFlag(flags, 'samples', evaluation.samplesPerPrompt, 1),
    temperature: numberFlag(flags, 'temperature', evaluation.temperature),
    maxNewTokens: wholeFlag(flags, 'max-tokens', sampling.maxNewTokens, 1),
    seed: wholeFlag(flags, 'seed', evaluation.seed),
    threads: wholeFlag(flags, 'threads', config?.threads ?? defaultRunFile.threads, 1),
  };
}

/** Prompts that are not drawn: which verifiers they need, and how they are read. */
interface PromptSource {
  readonly verifiers: readonly string[];
  read(store: ArtefactStore): Promise<readonly EvaluationPrompt[]>;
}

/** A prompt set by its name, or a file; null where puzzles are to be drawn. */
async function promptSource(
  named: string | undefined,
  { split, seed, promptsPerTask, most }: Settings,
  home: string,
): Promise<PromptSource | null> {
  if (named === undefined) {
    if (split !== 'all') return null;
    throw new UsageError(
      'Cannot read --split: it is "all", which only a prompt set has, expected heldout, tune or train',
    );
  }
  if (existsSync(named)) {
    const rows = await readPrompts(named);
    return { verifiers: rows.map(({ verifier }) => verifier), read: async () => rows };
  }
  const set = await findPromptSet(home, named);
  if (set === null) {
    const names = (await readPromptSets(home)).map(({ name }) => name).join(', ') || 'none yet';
    throw new ConfigError(
      `Cannot read prompts ${named}: there is neither such a file nor a prompt set of this name, expected a file of JSON lines or one of the sets (${names})`,
      { code: 'prompts-unreadable' },
    );
  }
  return {
    verifiers: set.counts.map(({ verifier }) => verifier),
    read: async (store) =>
      await promptsOfSet(set, { split, seed, most: most ? promptsPerTask : Number.MAX_SAFE_INTEGER }, store),
  };
}

type AskedTask = TaskConfig | TaskEntry;

function referenceOf({ verifier }: AskedTask): string {
  return verifier;
}

/** The tasks asked for: the run's own by their names, and others as a configuration writes them. */
async function askedTasks(
  asked: readonly string[] | undefined,
  config: RunConfig | null,
  home: string,
): Promise<readonly AskedTask[]> {
  const ofRun = config?.tasks ?? [];
  if (asked === undefined && config !== null) return ofRun;
  const named = (asked ?? defaultRunFile.tasks).map((name) => ofRun.find((task) => task.name === name) ?? name);
  return await linkedTasks(named, home);
}

/** Everything filled in, and the rows of each prompt set: the run's own tasks have the set that the run began with. */
async function resolveTasks(
  asked: readonly AskedTask[],
  config: RunConfig | null,
  known: readonly KnownVerifier[],
  home: string,
): Promise<EvaluationTask[]> {
  const ofRun = new Set<AskedTask>(config?.tasks);
  const others = asked.filter((task) => !ofRun.has(task));
  const sets = (await readPromptSets(home)).map(knownPromptSet);
  const promptsPerStep = Math.max(defaultRunFile.promptsPerStep, others.length);
  const resolved =
    others.length === 0 ? null : resolveRunConfig({ tasks: [...others], promptsPerStep }, known, undefined, sets);
  return asked.map((task) => {
    const from = ofRun.has(task) ? config! : resolved!;
    const whole = ofRun.has(task) ? (task as TaskConfig) : resolved!.tasks[others.indexOf(task)]!;
    const set = whole.prompts === undefined ? undefined : from.inputs.prompts?.[whole.prompts];
    return { ...whole, ...(set === undefined ? {} : { set }) };
  });
}

/** The file's rows, of the chosen tasks if any are chosen. Every row's verifier must be there. */
function chosenRows(
  rows: readonly EvaluationPrompt[],
  asked: readonly string[] | undefined,
  { verifiers, known }: OpenedVerifiers,
): EvaluationPrompt[] {
  const chosen = asked === undefined ? [...rows] : rows.filter(({ task }) => asked.includes(task));
  if (chosen.length === 0) {
    const tasks = [...new Set(rows.map(({ task }) => task))].join(', ');
    throw new ConfigError(`Cannot evaluate ${asked?.join(', ')}: the file has no such rows, expected one of ${tasks}`, {
      code: 'task-unknown',
    });
  }
  const stranger = chosen.find(({ verifier }) => !verifiers.has(verifier));
  if (stranger !== undefined) {
    const names = known.map(({ id }) => id).join(', ');
    throw new ConfigError(
      `Cannot evaluate task "${stranger.task}": no verifier is named "${stranger.verifier}", expected one of ${names}`,
      { code: 'task-unknown' },
    );
  }
  return chosen;
}

type Settings = ReturnType<typeof readSettings>;

/** Settings of drawn puzzles; `all` was refused before. */
function drawSettings({ split, ...settings }: Settings) {
  return { ...settings, split: split === 'all' ? ('heldout' as const) : split };
}
