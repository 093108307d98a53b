/** `evenkeel experiment`: methods compared on one base and one budget, over seeds, with a report. */
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { EvenkeelError } from '@evenkeel/core';
import {
  choose,
  expectedRollouts,
  type PlannedRun,
  type Preset,
  planRuns,
  presetOf,
  presets,
  quickLook,
  readMeasures,
  writeReport,
} from '@evenkeel/experiment';
import { startSupervisor } from '@evenkeel/infra';
import { defaultRunFile } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { type Command, type ExitCode, exitCodes, type Invocation } from '../command.ts';
import { readExperimentFile } from '../experiment/experiment-file.ts';
import { hasEnded, type RunAllEvent, runAll } from '../experiment/run-all.ts';
import { choiceFlag, listFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';
import { chosenDevice } from '../model/chosen-device.ts';
import { modelFolder } from '../model/model-folder.ts';
import { homeProcesses } from '../train/home-processes.ts';
import { connectRunClient } from '../train/run-client.ts';
import { yesFlag } from '../verifiers/open-granted.ts';
import { duration, grouped } from '../view/terminal-text.ts';

/** Completions a second of the tiny policy on two cores, generated, verified and trained on: for the estimate before the start. */
const USUAL_ROLLOUTS_PER_SECOND = 600;

export const experimentCommand: Command = {
  name: 'experiment',
  summary: 'compare methods over seeds on one base and one budget, with a report',
  usage: 'PRESET|FILE.json',
  flags: {
    seeds: { type: 'string', value: 'N', help: "seeds 0 … N−1 (default: the preset's)" },
    methods: { type: 'string', value: 'A,B', help: "only these of the preset's, or any other methods" },
    steps: { type: 'string', value: 'N', help: "training steps (default: the preset's)" },
    split: {
      type: 'string',
      value: 'NAME',
      help: 'puzzles to judge by: heldout (default), or tune, to look for settings',
    },
    prefix: { type: 'string', value: 'NAME', help: "beginning of the runs' names (default: the preset's name)" },
    jobs: { type: 'string', value: 'N', help: 'runs at once (default: one for each two cores)' },
    threads: { type: 'string', value: 'N', help: 'threads of each inference session (default: 2)' },
    out: { type: 'string', value: 'DIR', help: "the report's folder (default: experiments/PREFIX in the home)" },
    quick: { type: 'boolean', help: 'a look of some minutes: three methods, two seeds, few steps' },
    'report-only': { type: 'boolean', help: 'write the report of what is there; run nothing' },
    yes: yesFlag,
  },
  help: `
Presets:
${presets.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n')}

FILE.json is a comparison of your own: docs/configuration.md.

Each method with each seed is a run like any other, of the name PREFIX-METHOD-sSEED: the same command goes on after Ctrl-C
and after any crash, and repeats nothing that has ended. The report: report.html (stands alone), report.md with figures,
summary.json, evaluations.csv, steps.csv.

Examples:
  evenkeel experiment mt-grpo-1 --quick
  evenkeel experiment mt-grpo-1 --seeds 5 --out docs/results/mt-grpo-1
  evenkeel experiment mt-grpo-1 --methods dapo,mt-grpo --split tune --prefix tuning
  evenkeel experiment mt-grpo-1 --methods mt-grpo,cispo,rloo --prefix family`,
  run: runExperiment,
};

interface Chosen {
  readonly preset: Preset;
  readonly runs: readonly PlannedRun[];
  readonly folder: string;
  /** As it would be typed again. */
  readonly command: string;
}

async function chosen({ positionals, flags, home }: Invocation): Promise<Chosen> {
  const [name = ''] = positional(positionals, { least: 1, most: 1 }, 'one: evenkeel experiment PRESET');
  const quick = flags.quick === true;
  const found = name.endsWith('.json') ? await readExperimentFile(name) : presetOf(name);
  const prefix = textFlag(flags, 'prefix') ?? (quick ? `${found.name}-quick` : found.name);
  const arms = listFlag(flags, 'methods');
  const preset = choose(quick ? quickLook(found, arms !== undefined) : found, {
    seeds: wholeFlag(flags, 'seeds', undefined, 1),
    arms,
    steps: wholeFlag(flags, 'steps', undefined, 1),
    split: choiceFlag(flags, 'split', ['heldout', 'tune'] as const, undefined),
  });
  const threads = wholeFlag(flags, 'threads', undefined, 1);
  const runs = planRuns(preset, prefix).map((planned) =>
    threads === undefined ? planned : { ...planned, file: { ...planned.file, threads } },
  );
  const told = ['seeds', 'methods', 'steps', 'split', 'prefix'].flatMap((flag) => {
    const value = textFlag(flags, flag);
    return value === undefined ? [] : [`--${flag} ${value}`];
  });
  const command = ['evenkeel experiment', name, ...(quick ? ['--quick'] : []), ...told].join(' ');
  return { preset, runs, folder: textFlag(flags, 'out') ?? join(home, 'experiments', prefix), command };
}

async function runExperiment(invocation: Invocation): Promise<ExitCode> {
  const { home, json, note, print, printJson, flags } = invocation;
  const { preset, runs, folder, command } = await chosen(invocation);
  let code: ExitCode = exitCodes.done;
  let failed: ReadonlyMap<string, string> = new Map();
  if (flags['report-only'] !== true && runs.some(({ run }) => !hasEnded(home, run))) {
    ({ code, failed } = await runThem(invocation, preset, runs));
  }
  const measures = await Promise.all(runs.map((planned) => readMeasures(home, planned)));
  const summary = await writeReport(folder, preset, measures, command);
  if (json) printJson({ kind: 'result', report: folder, failed: Object.fromEntries(failed), summary });
  else {
    const place = relative(process.cwd(), folder);
    print(
      `${runs.length - summary.missing.length} of ${runs.length} runs have ended; the report: ${place || '.'}/report.html`,
    );
    for (const [run, message] of failed) note(`${run} failed: ${message}`);
  }
  return code;
}

/** Starts what is not running, and follows. */
async function runThem(
  invocation: Invocation,
  preset: Preset,
  runs: readonly PlannedRun[],
): Promise<{ readonly code: ExitCode; readonly failed: ReadonlyMap<string, string> }> {
  const { home, flags, note } = invocation;
  // Before anything is started, and not as the failure of each run.
  modelFolder(preset.settings.model ?? defaultRunFile.model, home);
  const device = await chosenDevice(preset.settings.device ?? defaultRunFile.device, note);
  const jobs = wholeFlag(flags, 'jobs', Math.max(1, Math.floor(availableParallelism() / 2)), 1);
  tellEstimate(invocation, preset, runs, jobs);
  const log = { debug() {}, info: note, warn: note, error: note };
  const supervisor = await startSupervisor({
    home,
    log,
    processes: homeProcesses(home, { device, threads: wholeFlag(flags, 'threads', 2, 1) }),
  });
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const store = await openFolderStore(join(home, 'store'));
  try {
    const client = await connectRunClient(home);
    try {
      const onEvent = progressTeller(invocation);
      const failed = await runAll({ runs, jobs, invocation, store, client, signal: interrupt.signal, onEvent });
      if (!interrupt.signal.aborted) return { code: failed.size > 0 ? exitCodes.failed : exitCodes.done, failed };
      note('Paused; the same command goes on from here');
      return { code: exitCodes.interrupted, failed };
    } finally {
      await client.close();
    }
  } catch (error) {
    if (error instanceof EvenkeelError && interrupt.signal.aborted)
      return { code: exitCodes.interrupted, failed: new Map() };
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await store.close();
    await supervisor.stop();
  }
}

function tellEstimate(
  { home, note, json, printJson }: Invocation,
  preset: Preset,
  runs: readonly PlannedRun[],
  jobs: number,
) {
  const left = runs.filter(({ run }) => !hasEnded(home, run));
  const rollouts = left.reduce((sum, planned) => sum + expectedRollouts(planned), 0);
  const seconds = rollouts / USUAL_ROLLOUTS_PER_SECOND;
  if (json)
    printJson({
      kind: 'plan',
      preset: preset.name,
      runs: runs.map(({ run }) => run),
      left: left.length,
      jobs,
      rollouts,
      seconds,
    });
  note(
    `${preset.title}: ${left.length} of ${runs.length} runs to do, ${jobs} at once, at least ${grouped(rollouts)} completions: about ${duration(seconds)} on two cores (the tiny policy); said more exactly once it runs`,
  );
}

/** Progress as one line that is written over on a terminal, a line now and then elsewhere, or as JSON lines. */
function progressTeller({ json, printJson, note }: Invocation): (event: RunAllEvent) => void {
  const isTty = process.stderr.isTTY === true;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.kind === 'run') {
      if (json) printJson(event);
      else note(`${event.run}: ${event.state}${event.message === undefined ? '' : `: ${event.message}`}`);
      return;
    }
    const now = performance.now();
    if (now - toldAt < (isTty ? 900 : 30_000)) return;
    toldAt = now;
    if (json) {
      printJson(event);
      return;
    }
    const { ended, runs, underWay, secondsLeft } = event;
    const steps = underWay.map(({ run, step, steps: all }) => `${run} ${step}/${all}`).join(', ');
    const left = secondsLeft === null ? '' : `; about ${duration(secondsLeft)} left`;
    const text = `${ended} of ${runs} runs ended; ${steps}${left}`;
    if (isTty) process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    else note(text);
  };
}
