/** `evenkeel show`: one run as it was written down, or one step of it, without a server. */
import { type Evaluation, readChanges, runFolder, type StepTable, type TaskRow } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import type { AppliedChange, RunConfig } from '@evenkeel/protocol';
import { type Command, exitCodes } from '../command.ts';
import { positional, wholeFlag } from '../flag-values.ts';
import { lastStep, type RunEnd, readEvaluations, readResult, readStep, readSteps } from '../run-records.ts';
import { currentConfig } from '../train/current-config.ts';
import { type RunRecord, readRunRecord } from '../train/run-record.ts';
import { type RunStanding, runStandings } from '../train/run-standing.ts';
import { changeText, isOfWeight } from '../view/change-text.ts';
import { resultTable } from '../view/result-table.ts';
import { addSilence, type Silence, silenceText } from '../view/silence-text.ts';
import { grouped, percent, wantsColour } from '../view/terminal-text.ts';
import { textTable } from '../view/text-table.ts';

export const showCommand: Command = {
  name: 'show',
  summary: 'show a run: its configuration, steps and evaluations; or one step',
  usage: 'RUN',
  flags: { step: { type: 'string', value: 'N', help: 'only this step, in detail' } },
  help: `
Examples:
  evenkeel show first-run
  evenkeel show first-run --step 12
  evenkeel show first-run --json | grep '"kind":"step"'`,
  async run({ positionals, flags, home, json, print, printJson }) {
    const [run = ''] = positional(positionals, { least: 1, most: 1 }, 'one run: evenkeel show RUN');
    const step = wholeFlag(flags, 'step', null, 1);
    const record = await readRunRecord(home, run);
    if (step !== null) {
      const table = await findStep(home, run, step);
      if (json) printJson({ kind: 'step', run, ...table });
      else for (const line of stepLines(table)) print(line);
      return exitCodes.done;
    }
    const [steps, evaluations, result, changes, config, standings] = await Promise.all([
      readSteps(home, run),
      readEvaluations(home, run),
      readResult(home, run),
      readChanges(home, run),
      currentConfig(home, record),
      runStandings(home, [run]),
    ]);
    const standing = standings[0]!;
    if (json) {
      printJson({ kind: 'run', ...record, ...standing });
      for (const change of changes) printJson({ kind: 'change', run, ...change });
      for (const table of steps) printJson({ kind: 'step', run, ...table });
      for (const evaluation of evaluations) printJson({ kind: 'evaluation', run, ...evaluation });
      if (result !== null) printJson({ kind: 'end', run, ...result });
      return exitCodes.done;
    }
    const color = wantsColour(process.stdout);
    const view = {
      record,
      config,
      standing,
      changes: changes.filter(isOfWeight),
      folder: runFolder(home, run),
      steps,
      evaluations,
      result,
      color,
    };
    for (const line of runLines(view)) print(line);
    return exitCodes.done;
  },
};

async function findStep(home: string, run: string, step: number): Promise<StepTable> {
  const table = await readStep(home, run, step);
  if (table !== null) return table;
  const last = await lastStep(home, run);
  const wish = last === 0 ? 'a finished one, and none is' : `one of 1 to ${last}`;
  throw new ConfigError(`Cannot show step ${step} of "${run}": it is not finished, expected ${wish}`, {
    code: 'step-unknown',
  });
}

interface RunView {
  /** As it began. */
  readonly record: RunRecord;
  /** As it is now, after its changes. */
  readonly config: RunConfig;
  readonly standing: RunStanding;
  readonly changes: readonly AppliedChange[];
  readonly folder: string;
  readonly steps: readonly StepTable[];
  readonly evaluations: readonly Evaluation[];
  readonly result: RunEnd | null;
  readonly color: boolean;
}

/** A run as lines of text. */
function runLines(view: RunView): string[] {
  const { config, changes, steps, evaluations, color } = view;
  const [base, last] = [evaluations[0], evaluations.at(-1)];
  const lines = [...textTable([{ heading: 'run' }, { heading: config.run }], configRows(view))];
  if (changes.length > 0) lines.push('', ...changeLines(changes));
  if (steps.length > 0) lines.push('', ...stepsTable(config, steps), ...noVerdictLines(steps));
  if (evaluations.length > 0) {
    lines.push('', ...evaluationsTable(config, evaluations), ...noVerdictLines(evaluations, ' in evaluations'));
  }
  if (base !== undefined && last !== undefined && base !== last) {
    const { samplesPerPrompt, split } = config.evaluation;
    lines.push('', ...resultTable({ base, trained: last, samplesPerPrompt, split }, color));
  }
  return lines;
}

function changeLines(changes: readonly AppliedChange[]): string[] {
  const rows = changes.map(({ step, change }) => [String(step), changeText(change)]);
  return textTable([{ heading: 'changed after', right: true }, { heading: '' }], rows);
}

function stateText({ record: { run }, standing: { state, reason, waits }, result }: RunView): string {
  if (result !== null) return `finished after step ${result.step}`;
  if (reason !== null) return `paused after step ${reason.step}: ${reason.message} (${reason.code})`;
  if (state === 'paused') return `paused; evenkeel resume ${run} goes on with it`;
  if (state === 'open') return waits === null ? 'under way' : `under way; ${waits}`;
  return `not finished; npm start -- --run ${run} goes on with it`;
}

function configRows(view: RunView): string[][] {
  const { record, config, folder, result } = view;
  const { createdAt, configHash, branch } = record;
  const { method, optimizer, evaluation } = config;
  const tasks = config.tasks.map(({ name, verifier, level, style, prompts }) => {
    const whose = name === verifier || name.startsWith(`${verifier}-`) ? '' : `${verifier} `;
    return `${name} (${whose}${level}, ${prompts === undefined ? style : `prompts ${prompts}`})`;
  });
  const parts = [
    method.weighter.kind,
    method.planner.kind,
    `${method.filter.kind} filter`,
    `${method.advantage.kind} advantage`,
  ];
  const lambda = 'lambda' in method.weighter ? `, λ ${method.weighter.lambda}` : '';
  return [
    ['begun', createdAt],
    ...(branch === undefined ? [] : [['branch', `of ${branch.of}, after step ${branch.step}`]]),
    ['method', `${method.name}: ${parts.join(', ')}${lambda}`],
    ['tasks', tasks.length > 8 ? `${tasks.slice(0, 8).join(', ')}, and ${tasks.length - 8} more` : tasks.join(', ')],
    ...inputRows(config),
    ['model', `${config.model} on ${config.device}`],
    ...(config.lora === undefined ? [] : [['adapters', loraText(config.lora)]]),
    ['seed', String(config.seed)],
    [
      'steps',
      `${config.steps}, each ${config.promptsPerStep} prompts × ${config.groupSize} rollouts, ${config.minibatches} minibatches, learning rate ${optimizer.learningRate}`,
    ],
    [
      'evaluation',
      `${evaluation.promptsPerTask} ${evaluation.split} puzzles per task, temperature ${evaluation.temperature}, ${evaluation.every === 0 ? 'at start and end' : `every ${evaluation.every} steps`}`,
    ],
    ['configuration', configHash],
    ['state', stateText(view)],
    ['folder', folder],
    ...(result === null
      ? []
      : [
          ['policy', result.path],
          ['weights', `sha256 ${result.sha256}`],
        ]),
  ];
}

type SilentRow = Pick<TaskRow, 'task' | 'silent'> & Silence;

function loraText({ rank, alpha, targets }: NonNullable<RunConfig['lora']>): string {
  return `LoRA of rank ${rank}, alpha ${alpha}, at ${targets.join(', ')}`;
}

/** What the run depends on by content: its verifiers and its prompt sets. */
function inputRows({ inputs, method }: RunConfig): string[][] {
  const weights = Object.entries(method.reward.weights ?? {}).map(([name, weight]) => `${name} ${weight}`);
  const verifiers = Object.entries(inputs.verifiers).map(([reference, { version, sha256 }]) => [
    `verifier ${reference}`,
    `version ${version}, sha256 ${sha256}`,
  ]);
  const sets = Object.entries(inputs.prompts ?? {}).map(([name, { sha256 }]) => [
    `prompts ${name}`,
    `sha256 ${sha256}`,
  ]);
  return [
    ...verifiers.slice(0, MOST_INPUTS),
    ...(verifiers.length > MOST_INPUTS ? [['', `and ${verifiers.length - MOST_INPUTS} verifiers more`]] : []),
    ...sets,
    ...(weights.length === 0 ? [] : [['reward', `weighted: ${weights.join(', ')}`]]),
  ];
}

/** Per task what got no verdict in these steps; nothing where everything got one. */
function noVerdictLines(steps: readonly { readonly tasks: readonly SilentRow[] }[], where = ''): string[] {
  const byTask = Map.groupBy(
    steps.flatMap(({ tasks }) => tasks),
    ({ task }) => task,
  );
  const lines = [...byTask].flatMap(([task, rows]) => {
    const text = silenceText(addSilence(rows));
    const mute = rows.filter(({ silent }) => silent === true).length;
    const steps = mute === 0 || rows.length === 1 ? '' : `; no verdict at all in ${mute} of ${rows.length} steps`;
    return text === null ? [] : [`verdicts${where}: ${task} ${text}${steps}`];
  });
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Verifiers with a line of their own. */
const MOST_INPUTS = 20;

/** Tasks with a column of their own; of more, only worst and average are shown. */
const MOST_COLUMNS = 5;

/** The tasks of a run, those that were retired at the end. */
function taskNames(
  { tasks }: RunConfig,
  tables: readonly { readonly tasks: readonly { readonly task: string }[] }[],
): string[] {
  const seen = tables.flatMap((table) => table.tasks.map(({ task }) => task));
  return [...new Set([...tasks.map(({ name }) => name), ...seen])];
}

function stepsTable(config: RunConfig, steps: readonly StepTable[]): string[] {
  const names = taskNames(config, steps);
  const shown = names.length <= MOST_COLUMNS ? names : [];
  return textTable(
    [
      { heading: 'step', right: true },
      ...shown.map((heading) => ({ heading, right: true })),
      { heading: 'worst', right: true },
      { heading: 'average', right: true },
      { heading: 'weights z', right: false },
      { heading: 'rounds', right: true },
      { heading: 'loss', right: true },
      { heading: 'entropy', right: true },
    ],
    steps.map(({ step, tasks, worst, mean, rounds, loss, entropy }) => {
      const rows = new Map(tasks.map((row) => [row.task, row]));
      return [
        String(step),
        ...shown.map((name) => {
          const row = rows.get(name);
          return percent(row === undefined || row.drawn === 0 || row.silent === true ? null : row.accuracy);
        }),
        percent(worst.accuracy),
        percent(mean),
        shown.map((name) => rows.get(name)?.weight.toFixed(2) ?? '–').join(' '),
        String(rounds),
        loss.toFixed(4),
        entropy.toFixed(3),
      ];
    }),
  );
}

function evaluationsTable(config: RunConfig, evaluations: readonly Evaluation[]): string[] {
  const names = taskNames(config, evaluations);
  const shown = names.length <= MOST_COLUMNS ? names : [];
  return textTable(
    [
      { heading: 'evaluated after', right: true },
      ...shown.map((heading) => ({ heading, right: true })),
      { heading: 'worst', right: true },
      { heading: 'average', right: true },
      { heading: 'policy' },
    ],
    evaluations.map(({ step, tasks, worst, mean, policy }) => [
      String(step),
      ...shown.map((name) => {
        const row = tasks.find(({ task }) => task === name);
        return percent(row === undefined || row.total === 0 ? null : row.correct / row.total);
      }),
      percent(worst.accuracy),
      percent(mean),
      policy.sha256.slice(0, 12),
    ]),
  );
}

/** One step as lines of text. */
function stepLines(table: StepTable): string[] {
  const figures: [string, string][] = [
    ['worst', `${percent(table.worst.accuracy)} ${table.worst.task}`],
    ['average', percent(table.mean)],
    ['rounds', String(table.rounds)],
    ['rollouts', `${grouped(table.sequences)}, ${grouped(table.completionTokens)} tokens`],
    ['trained on', `${grouped(table.trainedTokens)} tokens`],
    [
      'shortfall',
      `${table.shortfall} groups${table.empty === true ? ': nothing to train on, the policy stayed as it was' : ''}`,
    ],
    ['loss', table.loss.toFixed(6)],
    ['gradient norm', table.gradientNorm.toFixed(4)],
    ['clipped', percent(table.clipFraction)],
    ['entropy', table.entropy.toFixed(4)],
  ];
  return [
    `step ${table.step}`,
    '',
    ...textTable(
      [
        { heading: 'task' },
        { heading: 'accuracy', right: true },
        { heading: 'reward', right: true },
        { heading: 'weight z', right: true },
        { heading: 'filtered ρ', right: true },
        { heading: 'drawn', right: true },
        { heading: 'kept', right: true },
        { heading: 'trained', right: true },
        { heading: 'improvement', right: true },
      ],
      table.tasks.map(({ task, accuracy, reward, weight, filterRate, drawn, kept, trained, improvement, silent }) => [
        task,
        percent(drawn === 0 || silent === true ? null : accuracy),
        drawn === 0 || silent === true ? '–' : reward.toFixed(3),
        weight.toFixed(3),
        filterRate.toFixed(3),
        String(drawn),
        String(kept),
        String(trained),
        improvement === null ? '–' : improvement.toFixed(5),
      ]),
    ),
    ...noVerdictLines([table]),
    '',
    ...figures.map(([name, value]) => `${name.padEnd(14)} ${value}`),
  ];
}
