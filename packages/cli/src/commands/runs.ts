/** `evenkeel runs`: every run of the home, from its records, without a server. */
import { readChanges } from '@evenkeel/activities';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { lastStep, readEvaluations, readResult } from '../run-records.ts';
import { currentConfig } from '../train/current-config.ts';
import { readRunRecord, runNames } from '../train/run-record.ts';
import { type RunStanding, runStandings } from '../train/run-standing.ts';
import { isOfWeight } from '../view/change-text.ts';
import { percent } from '../view/terminal-text.ts';
import { textTable } from '../view/text-table.ts';

/** One run as `runs` lists it. */
interface RunSummary {
  readonly run: string;
  readonly method: string;
  readonly tasks: readonly string[];
  readonly seed: number;
  readonly state: RunStanding['state'];
  /** Why it paused by itself; null where it did not. */
  readonly reason: RunStanding['reason'];
  readonly waits: RunStanding['waits'];
  /** Which run it is a branch of, and from which step; null where it is none. */
  readonly branch: { readonly of: string; readonly step: number } | null;
  /** Changes that took effect since it began, but for pauses. */
  readonly changes: number;
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
async function summarise(home: string, run: string, { state, reason, waits }: RunStanding): Promise<RunSummary> {
  const record = await readRunRecord(home, run);
  const { createdAt, branch = null } = record;
  const config = await currentConfig(home, record);
  const changes = (await readChanges(home, run)).filter(isOfWeight).length;
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
    ...{ state, reason, waits, branch, changes },
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
  paused    not finished; waits for evenkeel resume, or for what is said below the table to be mended
  left      not finished; npm start -- --run NAME goes on with it`,
  async run({ positionals, home, json, print, printJson, note }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel runs');
    const summaries: RunSummary[] = [];
    const names = await runNames(home);
    const standings = await runStandings(home, names);
    for (const [place, name] of names.entries()) {
      try {
        summaries.push(await summarise(home, name, standings[place]!));
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
    for (const line of notes(summaries)) print(line);
    return exitCodes.done;
  },
};

/** What has no room in a column. */
function notes(summaries: readonly RunSummary[]): string[] {
  const lines = summaries.flatMap(({ run, branch, changes, reason }) => [
    ...(branch === null ? [] : [`${run}: branch of ${branch.of} after step ${branch.step}`]),
    ...(changes === 0
      ? []
      : [`${run}: changed ${changes === 1 ? 'once' : `${changes} times`}; evenkeel changes ${run}`]),
    ...(reason === null ? [] : [`${run}: paused after step ${reason.step}: ${reason.message} (${reason.code})`]),
  ]);
  return lines.length === 0 ? [] : ['', ...lines];
}

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
