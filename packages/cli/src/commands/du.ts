/** `evenkeel du`: what a home takes of the disk, by run and by kind. */
import { type DiskUse, diskUse } from '@evenkeel/activities';
import { type Amount, openFolderStore } from '@evenkeel/store';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { bytesText } from '../view/bytes-text.ts';
import { textTable } from '../view/text-table.ts';
import { requireStore } from './gc.ts';

export const duCommand: Command = {
  name: 'du',
  summary: 'what the home takes of the disk, by run and by kind',
  usage: '',
  flags: {},
  help: `
Of each run: the artefacts that only it names, by kind, and per step that it has done. What several runs name (the base policy, puzzles,
verifiers) is counted once, under "shared"; what no run names any more, under "unnamed": evenkeel gc removes it. With --json one object a
run, and one for the home.`,
  async run({ positionals, home, json, print, printJson }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel du');
    const store = await openFolderStore(requireStore(home));
    try {
      const use = await diskUse(home, store);
      if (json) {
        for (const run of use.runs) printJson({ kind: 'run', ...run });
        const { runs: _runs, ...whole } = use;
        printJson({ kind: 'home', ...whole });
      } else for (const line of useLines(use)) print(line);
      return exitCodes.done;
    } finally {
      await store.close();
    }
  },
};

function useLines({ parts, runs, shared, unnamed, bytes }: DiskUse): string[] {
  const rows: string[][] = [];
  const add = (name: string, kinds: Readonly<Record<string, Amount>>, steps: number) => {
    const sorted = Object.entries(kinds).sort(([, a], [, b]) => b.bytes - a.bytes);
    for (const [place, [kind, amount]] of sorted.entries()) {
      const perStep = steps === 0 ? '' : bytesText(amount.bytes / steps);
      rows.push([place === 0 ? name : '', kind, String(amount.count), bytesText(amount.bytes), perStep]);
    }
  };
  for (const { run, kinds, steps, folder } of runs) add(run, { ...kinds, 'its folder': folder }, steps);
  add('shared', shared, 0);
  add('unnamed', unnamed, 0);
  const columns = [
    { heading: 'run' },
    { heading: 'kind' },
    { heading: 'files', right: true },
    { heading: 'size', right: true },
    { heading: 'per step', right: true },
  ];
  const folders = Object.entries(parts)
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, amount]) => `${name} ${bytesText(amount.bytes)}`);
  return [...textTable(columns, rows), '', `${bytesText(bytes)}: ${folders.join(', ')}`];
}
