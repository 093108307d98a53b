/** `evenkeel gc`: makes room in a home. What a run needs to go on, and what somebody may want to go back to, stays. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { collectGarbage, type GarbageReport, type RunGarbage } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { openFolderStore } from '@evenkeel/store';
import { type Command, exitCodes, type Invocation } from '../command.ts';
import { listFlag, numberFlag, positional } from '../flag-values.ts';
import { stepsText } from '../train/kept-states.ts';
import { readRunRecord } from '../train/run-record.ts';
import { keepFlags, keepFrom, retentionDefaults } from '../train/tidy.ts';
import { tidyLogs } from '../train/tidy-logs.ts';
import { bytesText } from '../view/bytes-text.ts';
import { textTable } from '../view/text-table.ts';

const MINUTE_MS = 60_000;

export const gcCommand: Command = {
  name: 'gc',
  summary: 'make room: remove what no run needs any more',
  usage: '',
  flags: {
    ...keepFlags,
    run: {
      type: 'string',
      value: 'A,B',
      help: 'only these runs lose anything (default: all, and what belongs to none)',
    },
    'grace-minutes': {
      type: 'string',
      value: 'N',
      help: `what was made or used in the last N minutes stays (default: ${retentionDefaults.graceMinutes})`,
    },
    'dry-run': { type: 'boolean', help: 'say what would go, by kind, and remove nothing' },
  },
  help: `
Safe at any time, beside a run at work too, and however it is interrupted. Of each run there always stay: what it needs to go on from
where it is (its newest states, the optimizer's checkpoint, the batches since then, the step under way), the first state, the state
with the best worst task and that with the best average, pinned states (evenkeel pin), and the states from which another run branches
off. To a state that stays, evenkeel rollback goes back. Step tables, evaluations and the trained policy's folder are never touched.

A run whose records cannot be read loses nothing; the file is named, and the exit status is 1. To be rid of a run that is finished or
stopped, remove its folder below runs/ first.

Examples:
  evenkeel gc --dry-run
  evenkeel gc --keep-last 3 --keep-every 50
  evenkeel gc --run first-run --json`,
  run: async (invocation) => await collect(invocation),
};

/** @throws {ConfigError} `home-empty` where the home has no store */
export function requireStore(home: string): string {
  const folder = join(home, 'store');
  if (existsSync(folder)) return folder;
  throw new ConfigError(
    `Cannot look into ${home}: it has no store, expected a home in which a run has begun; see --home`,
    {
      code: 'home-empty',
    },
  );
}

async function collect({ home, flags, positionals, json, print, printJson, note }: Invocation) {
  positional(positionals, { least: 0, most: 0 }, 'none: evenkeel gc --run NAME');
  const { keepLast, keepEvery } = keepFrom({ flags });
  const graceMs = numberFlag(flags, 'grace-minutes', retentionDefaults.graceMinutes) * MINUTE_MS;
  const runs = listFlag(flags, 'run');
  const dryRun = flags['dry-run'] === true;
  const folder = requireStore(home);
  for (const run of runs ?? []) await readRunRecord(home, run);
  const store = await openFolderStore(folder);
  const progress = process.stderr.isTTY && !json;
  try {
    const report = await collectGarbage({
      ...{ home, store, keepLast, keepEvery, graceMs, dryRun },
      ...(runs === undefined ? {} : { runs }),
      onProgress: (looked) => {
        if (progress) process.stderr.write(`\rlooked at ${looked} files`);
      },
    });
    if (progress) process.stderr.write('\r\u001b[K');
    const logs = dryRun || runs !== undefined ? 0 : await tidyLogs(home);
    if (json) printJson({ kind: 'gc', ...report, logBytes: logs });
    else tell(report, print, note);
    return report.runs.some(({ damaged }) => damaged.length > 0) ? exitCodes.failed : exitCodes.done;
  } finally {
    await store.close();
  }
}

function tell(report: GarbageReport, print: (line: string) => void, note: (line: string) => void): void {
  const { dryRun, runs, gone, goneBytes, left, damagedCommits } = report;
  for (const run of runs) for (const line of runNotes(run)) note(line);
  for (const path of damagedCommits) note(`Let alone, for it is no commit record: ${path}; see evenkeel check`);
  const rows = Object.entries(gone).sort(([, a], [, b]) => b.bytes - a.bytes);
  const goes = dryRun ? 'would go' : 'gone';
  if (rows.length === 0)
    print(`Nothing ${dryRun ? 'would go' : 'to remove'}; ${bytesText(left.bytes)} of artefacts stay`);
  else {
    const table = textTable(
      [{ heading: goes }, { heading: 'files', right: true }, { heading: 'size', right: true }],
      rows.map(([kind, { count, bytes }]) => [kind, String(count), bytesText(bytes)]),
    );
    for (const line of table) print(line);
    print(`${goes}: ${bytesText(goneBytes)}; ${bytesText(left.bytes)} of artefacts stay`);
  }
  for (const { run, kept, gone: states } of runs) {
    if (states.length > 0) print(`${run}: states that stay: ${stepsText(kept)}`);
  }
}

function runNotes({ run, damaged, holdsSince }: RunGarbage): string[] {
  if (damaged.length > 0) {
    return damaged.map(
      ({ file, reason }) =>
        `Cannot tidy run "${run}": ${file} cannot be read (${reason}), expected a record; nothing of it was removed: restore the file, or remove the run's folder`,
    );
  }
  if (holdsSince === null) return [];
  const since = new Date(holdsSince).toISOString().slice(0, 16).replace('T', ' ');
  return [
    `Kept whatever was used since ${since}: run "${run}" has not ended, and an earlier release did not record what it refers to; go on with it, or remove its folder`,
  ];
}
