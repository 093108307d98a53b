/** `evenkeel methods`: the methods by name, with the parts that each is made of. */
import { advantages, filters, methods, planners, rewards, weighters } from '@evenkeel/algorithms';
import { type Command, exitCodes } from '../command.ts';
import { positional } from '../flag-values.ts';
import { textTable } from '../view/text-table.ts';

const PARTS = {
  weighter: weighters,
  planner: planners,
  filter: filters,
  advantage: advantages,
  reward: rewards,
} as const;
const COLUMNS = ['method', 'weighter', 'planner', 'filter', 'advantage'] as const;

export const methodsCommand: Command = {
  name: 'methods',
  summary: 'list the methods, and the parts that each is made of',
  usage: '',
  flags: {},
  help: `
With --json each method comes with all its options, and the last line names every part that a configuration may put in another's
place: "method": { "name": "mt-grpo", "filter": "lenient" }. Sources and formulas: docs/papers.md.`,
  async run({ positionals, json, print, printJson }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel methods');
    const all = Object.values(methods);
    if (json) {
      for (const method of all) printJson({ kind: 'method', ...method });
      const parts = Object.entries(PARTS).map(([part, table]) => [part, Object.keys(table)]);
      printJson({ kind: 'parts', ...Object.fromEntries(parts) });
      return exitCodes.done;
    }
    const rows = all.map(({ name, weighter, planner, filter, advantage }) => [
      name,
      ...[weighter, planner, filter, advantage].map(({ kind }) => kind),
    ]);
    for (const line of textTable(
      COLUMNS.map((heading) => ({ heading })),
      rows,
    ))
      print(line);
    return exitCodes.done;
  },
};
