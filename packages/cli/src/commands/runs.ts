/** `evenkeel runs`: every run of the home, from its records, without a server. */
import { livingSupervisor } from '@evenkeel/infra';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { lastStep, readEvaluations, readResult } from '../run-records.ts';
import { readRunRecord, runNames } from '../train/run-record.ts';
import { percent } from '../view/terminal-text.ts';
import { textTable } from '../view/text-table.ts';

/** One run as `runs` lists it. */
interface RunSummary {
  readonly run: string;
  readonly method: string;
  readonly tasks: readonly string[];
  readonly seed: number;
  /** `open`: not finished, and the home's processes are up; `left`: not finished, and nothing works on it. */
  readonly state: 'finished' | 'open' | 'left';
  readonly step: number;
  readonly steps: number;
  /** Of the last evaluation; null before the first. */
  readonly evaluatedAt: number | null;
  readonly worst: { readonly task: string; readonly accuracy: number } | null;
  readonly mean: number | null;
  readonly sha256: string | null;
  readonly createdAt: string;
}

/** @throws {ConfigError} `run-unknown`, or where the record is not one */
async function summarise(home: string, run: string): Promise<RunSummary> {
  const { config, createdAt } = await readRunRecord(home, run);
  const [step, evaluations, result] = await Promise.all([
    lastStep(home, run),
    readEvaluations(home, run),
    readResult(home, run),
  ]);
  const evaluation = evaluations.at(-1) ?? null;
  return {
    run,
    method: config.method.name,
    tasks: config.tasks.map(({ name }) => name),
    seed: config.seed,
    state: result !== null ? 'finished' : livingSupervisor(home) === null ? 'left' : 'open',
    step,
    steps: config.steps,
    evaluatedAt: evaluation?.step ?? null,
    worst: evaluation?.worst ?? null,
    mean: evaluation?.mean ?? null,
    sha256: result?.sha256 ?? null,
    createdAt,
  };
}

export const runsCommand: Command = {
  name: 'runs',
  summary: 'list the runs of the home',
  usage: '',
  flags: {},
  help: `
Worst task and average are those of a run's last evaluation on held-out puzzles.
  finished  the policy is written
  open      not finished; the home's processes are up
  left      not finished; npm start -- --run NAME goes on with it`,
  async run({ positionals, home, json, print, printJson, note }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel runs');
    const summaries: RunSummary[] = [];
    for (const name of await runNames(home)) {
      try {
        summaries.push(await summarise(home, name));
      } catch (error) {
        note(`${name}: ${(error as Error).message}`);
      }
    }
    summaries.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    if (json) {
      for (const summary of summaries) printJson({ kind: 'run', ...summary });
      return exitCodes.done;
    }
    if (summaries.length === 0) {
      note(`No runs in ${home}; begin one: npm start`);
      return exitCodes.done;
    }
    for (const line of runTable(summaries)) print(line);
    return exitCodes.done;
  },
};

function runTable(summaries: readonly RunSummary[]): string[] {
  return textTable(
    [
      { heading: 'run' },
      { heading: 'method' },
      { heading: 'seed', right: true },
      { heading: 'state' },
      { heading: 'step', right: true },
      { heading: 'worst', right: true },
      { heading: 'task' },
      { heading: 'average', right: true },
      { heading: 'begun' },
    ],
    summaries.map(({ run, method, seed, state, step, steps, worst, mean, createdAt }) => [
      run,
      method,
      String(seed),
      state,
      `${step}/${steps}`,
      percent(worst?.accuracy ?? null),
      worst?.task ?? '',
      percent(mean),
      createdAt.slice(0, 16).replace('T', ' '),
    ]),
  );
}
