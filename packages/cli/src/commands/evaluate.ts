/** `evenkeel evaluate`: accuracy of a policy per task, in this process, without a server. */
import { worstTask } from '@evenkeel/algorithms';
import { ConfigError } from '@evenkeel/core';
import { loadModelDirectory, policyHash } from '@evenkeel/policy';
import {
  defaultRunFile,
  type KnownVerifier,
  type RunConfig,
  resolveRunConfig,
  type TaskConfig,
} from '@evenkeel/protocol';
import { type Command, exitCodes, type Invocation } from '../command.ts';
import { evaluatePolicy, type TaskCount } from '../evaluate/evaluate-policy.ts';
import { drawPrompts, type EvaluationPrompt, readPrompts } from '../evaluate/evaluation-prompts.ts';
import { namedModel } from '../evaluate/named-model.ts';
import { type OpenSandboxes, openSandboxes } from '../evaluate/open-sandboxes.ts';
import { choiceFlag, listFlag, numberFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { meanEstimate, taskEstimate } from '../view/estimate.ts';
import { shares } from '../view/result-table.ts';
import { duration, grouped, percent } from '../view/terminal-text.ts';
import { textTable } from '../view/text-table.ts';

const SPLITS = ['heldout', 'tune', 'train'] as const;
const PROGRESS_EVERY_MS = 2000;

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: "measure a policy's accuracy per task",
  usage: 'MODEL',
  flags: {
    tasks: {
      type: 'string',
      value: 'A,B',
      help: 'tasks, such as countdown or zebra:easy (default: countdown,zebra,arc)',
    },
    prompts: {
      type: 'string',
      value: 'FILE',
      help: 'JSON lines { prompt, groundTruth, task } in place of drawn puzzles',
    },
    split: { type: 'string', value: 'NAME', help: 'heldout (default), tune or train' },
    'prompts-per-task': { type: 'string', value: 'N', help: 'puzzles per task (default: 200)' },
    samples: { type: 'string', value: 'N', help: 'completions per puzzle (default: 1)' },
    temperature: { type: 'string', value: 'T', help: 'of the sampling; 0 is greedy (default: 1)' },
    'max-tokens': { type: 'string', value: 'N', help: 'longest completion (default: 16, enough for the tiny level)' },
    seed: { type: 'string', value: 'N', help: 'of puzzles and sampling (default: 1)' },
    threads: { type: 'string', value: 'N', help: 'threads of the inference session (default: 2)' },
  },
  help: `
MODEL is "tiny" (the shipped base), the name of a finished run, or a Hugging Face model folder. For a run's name, tasks and
settings are those of the run's own evaluations, and so are the counts. A completion's draws are keyed by its prompt's place
among all: other tasks before it, other draws.

Examples:
  evenkeel evaluate tiny
  evenkeel evaluate first-run --prompts-per-task 1000
  evenkeel evaluate ./qwen2.5-0.5b --tasks countdown:easy --max-tokens 512 --json`,
  run: async (invocation) => await evaluate(invocation),
};

async function evaluate(invocation: Invocation) {
  const { positionals, flags, home, json, print, printJson, note } = invocation;
  const [name = ''] = positional(positionals, { least: 1, most: 1 }, 'one model: evenkeel evaluate MODEL');
  const file = textFlag(flags, 'prompts');
  const asked = listFlag(flags, 'tasks');
  const { folder, record } = await namedModel(name, home);
  const settings = readSettings(flags, record?.config ?? null);
  const rows = file === undefined ? null : await readPrompts(file);
  const model = await loadModelDirectory(folder);
  const opened = await openSandboxes(verifiersOf(rows, asked, record?.config ?? null));
  try {
    const prompts =
      rows === null
        ? await drawPrompts(resolveTasks(asked, record?.config ?? null, opened.known), settings, opened.sandboxes)
        : chosenRows(rows, asked, opened);
    const startedAt = performance.now();
    let saidAt = startedAt;
    const evaluated = await evaluatePolicy(
      model,
      prompts,
      {
        ...settings,
        onProgress: ({ finished, total }) => {
          if (performance.now() - saidAt < PROGRESS_EVERY_MS) return;
          saidAt = performance.now();
          note(`${grouped(finished)} of ${grouped(total)} completions, ${duration((saidAt - startedAt) / 1000)}`);
        },
      },
      opened.sandboxes,
    );
    const sha256 = policyHash(model.parameters.flat, model.config);
    if (json) {
      for (const line of jsonLines(evaluated.tasks, settings, { model: name, sha256 })) printJson(line);
    } else {
      for (const line of evaluationTable(evaluated.tasks, settings.samplesPerPrompt)) print(line);
      note(`weights sha256 ${sha256}`);
    }
    return exitCodes.done;
  } finally {
    await opened.close();
  }
}

/** Flags win over the run's own evaluation, which wins over the default. */
function readSettings(flags: Invocation['flags'], config: RunConfig | null) {
  const evaluation = config?.evaluation ?? defaultRunFile.evaluation;
  const sampling = config?.sampling ?? defaultRunFile.sampling;
  return {
    split: choiceFlag(flags, 'split', SPLITS, evaluation.split),
    promptsPerTask: wholeFlag(flags, 'prompts-per-task', evaluation.promptsPerTask, 1),
    samplesPerPrompt: wholeFlag(flags, 'samples', evaluation.samplesPerPrompt, 1),
    temperature: numberFlag(flags, 'temperature', evaluation.temperature),
    maxNewTokens: wholeFlag(flags, 'max-tokens', sampling.maxNewTokens, 1),
    seed: wholeFlag(flags, 'seed', evaluation.seed),
    threads: wholeFlag(flags, 'threads', config?.threads ?? defaultRunFile.threads, 1),
  };
}

function verifiersOf(
  rows: readonly EvaluationPrompt[] | null,
  asked: readonly string[] | undefined,
  config: RunConfig | null,
): string[] {
  if (rows !== null) return rows.map(({ verifier }) => verifier);
  const ofRun = config?.tasks ?? [];
  const names = asked ?? (config === null ? defaultRunFile.tasks : ofRun.map(({ name }) => name));
  return names.map((name) => ofRun.find((task) => task.name === name)?.verifier ?? name.split(':')[0]!);
}

/** The run's own tasks by their names, and others as a configuration writes them. */
function resolveTasks(
  asked: readonly string[] | undefined,
  config: RunConfig | null,
  known: readonly KnownVerifier[],
): TaskConfig[] {
  const ofRun = config?.tasks ?? [];
  if (asked === undefined && config !== null) return [...ofRun];
  const tasks = (asked ?? defaultRunFile.tasks).map((name) => ofRun.find((task) => task.name === name) ?? name);
  return resolveRunConfig({ tasks, promptsPerStep: Math.max(defaultRunFile.promptsPerStep, tasks.length) }, known)
    .tasks;
}

/** The file's rows, of the chosen tasks if any are chosen. Every row's verifier must be there. */
function chosenRows(
  rows: readonly EvaluationPrompt[],
  asked: readonly string[] | undefined,
  { sandboxes, known }: OpenSandboxes,
): EvaluationPrompt[] {
  const chosen = asked === undefined ? [...rows] : rows.filter(({ task }) => asked.includes(task));
  if (chosen.length === 0) {
    const tasks = [...new Set(rows.map(({ task }) => task))].join(', ');
    throw new ConfigError(`Cannot evaluate ${asked?.join(', ')}: the file has no such rows, expected one of ${tasks}`, {
      code: 'task-unknown',
    });
  }
  const stranger = chosen.find(({ verifier }) => !sandboxes.has(verifier));
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

function accuracyOf({ correct, total }: TaskCount): number | null {
  return total === 0 ? null : correct / total;
}

function worstOf(tasks: readonly TaskCount[]) {
  const known = tasks.filter(({ total }) => total > 0);
  return worstTask(Object.fromEntries(known.map((row) => [row.task, accuracyOf(row)!])));
}

function jsonLines(
  tasks: readonly TaskCount[],
  settings: Settings,
  policy: { model: string; sha256: string },
): unknown[] {
  const { samplesPerPrompt, split, promptsPerTask, temperature, maxNewTokens, seed } = settings;
  const rows = tasks.map((row) => {
    const estimate = taskEstimate(row, samplesPerPrompt);
    return {
      kind: 'task',
      ...row,
      accuracy: accuracyOf(row),
      low: estimate?.low ?? null,
      high: estimate?.high ?? null,
    };
  });
  return [
    ...rows,
    {
      kind: 'evaluation',
      ...policy,
      accuracy: Object.fromEntries(tasks.map((row) => [row.task, accuracyOf(row)])),
      worst: worstOf(tasks),
      mean: meanEstimate(tasks, samplesPerPrompt),
      settings: { split, promptsPerTask, samplesPerPrompt, temperature, maxNewTokens, seed },
    },
  ];
}

/** Accuracy per task with its 95 % interval, worst and average. */
function evaluationTable(tasks: readonly TaskCount[], samplesPerPrompt: number): string[] {
  const worst = worstOf(tasks);
  const mean = meanEstimate(tasks, samplesPerPrompt);
  const silent = tasks.reduce((sum, { failed, abstained }) => sum + failed + abstained, 0);
  return [
    ...textTable(
      [
        { heading: 'task' },
        { heading: 'accuracy', right: true },
        { heading: '95 %', right: true },
        { heading: 'correct', right: true },
        { heading: 'formatted', right: true },
        { heading: 'of', right: true },
      ],
      [
        ...tasks.map((row) => [
          row.task,
          percent(accuracyOf(row)),
          shares(taskEstimate(row, samplesPerPrompt)),
          String(row.correct),
          String(row.formatted),
          String(row.total),
        ]),
        [`worst: ${worst?.task ?? '–'}`, percent(worst?.accuracy ?? null)],
        ['average', percent(mean?.value ?? null), shares(mean)],
      ],
    ),
    ...(silent === 0
      ? []
      : ['', `${silent} completions got no verdict (the verifier failed or abstained) and do not count.`]),
  ];
}
