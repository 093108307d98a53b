/** `evenkeel changes`: what was changed of a run while it went on; without a server. */
import { readChanges } from '@evenkeel/activities';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { readRunRecord } from '../train/run-record.ts';
import { changeText } from '../view/change-text.ts';
import { textTable } from '../view/text-table.ts';

export const changesCommand: Command = {
  name: 'changes',
  summary: 'list the changes made to a run under way, each with the step after which it took effect',
  usage: 'RUN',
  flags: {},
  help: `
A run is a function of its configuration and of these changes. Its --json lines are what train --changes takes: a run with the same
configuration and the same changes ends with the same weights. Of a branch: those since it branched off.

Example:
  evenkeel changes first-run --json > changes.jsonl
  evenkeel train my-run.json --run again --changes changes.jsonl`,
  async run({ positionals, home, json, print, printJson, note }) {
    const [run = ''] = positional(positionals, { least: 1, most: 1 }, 'one run: evenkeel changes RUN');
    await readRunRecord(home, run);
    const changes = await readChanges(home, run);
    if (json) {
      for (const change of changes) printJson({ kind: 'change', run, ...change });
      return exitCodes.done;
    }
    if (changes.length === 0) {
      note(`Run "${run}" has no changes: it goes by its configuration alone`);
      return exitCodes.done;
    }
    const columns = [{ heading: 'number', right: true }, { heading: 'after step', right: true }, { heading: 'change' }];
    const rows = changes.map(({ number, step, change, scheduled }) => [
      ...[String(number), String(step)],
      `${changeText(change)}${scheduled === true ? ' (given at the start)' : ''}`,
    ]);
    for (const line of textTable(columns, rows)) print(line);
    return exitCodes.done;
  },
};
