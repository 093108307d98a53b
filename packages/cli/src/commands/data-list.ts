/** `evenkeel data list`: the prompt sets of a home. */
import { type Command, exitCodes } from '../command.ts';
import { readPromptSets } from '../data/prompt-set-record.ts';
import { setRow, setTable } from '../data/prompt-set-table.ts';
import { positional } from '../flag-values.ts';

export const dataListCommand: Command = {
  name: 'data list',
  summary: 'list the prompt sets of the home, with their rows by level and split',
  usage: '',
  flags: {},
  async run({ positionals, home, json, print, printJson, note }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel data list');
    const sets = await readPromptSets(home);
    if (json) for (const set of sets) printJson({ kind: 'prompt-set', ...setRow(set) });
    else if (sets.length > 0) for (const line of setTable(sets)) print(line);
    else note(`${home} has no prompt sets; make one: evenkeel data import FILE.jsonl --name NAME`);
    return exitCodes.done;
  },
};
