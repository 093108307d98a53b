/** `evenkeel simulate`: the methods with many tasks, without a policy. */
import { join, relative } from 'node:path';
import { manyTasksDefaults, manyTasksFiles, manyTasksPage, studyManyTasks, writePage } from '@evenkeel/experiment';
import { type Command, exitCodes, type Invocation, UsageError } from '../command.ts';
import { listFlag, positional, textFlag, wholeFlag } from '../flag-values.ts';

/** @throws {UsageError} on what is no list of counts */
function counts(flags: Invocation['flags'], name: string, fallback: readonly number[]): readonly number[] {
  return (
    listFlag(flags, name)?.map((text) => {
      if (/^[1-9]\d*$/.test(text)) return Number(text);
      throw new UsageError(`Cannot read --${name}: "${text}" is no count, expected whole numbers separated by commas`);
    }) ?? fallback
  );
}

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'how the methods do with many tasks, in simulation: no policy, minutes',
  usage: '',
  flags: {
    tasks: { type: 'string', value: 'A,B', help: `numbers of tasks to learn (default: ${manyTasksDefaults.counts})` },
    'cost-tasks': {
      type: 'string',
      value: 'A,B',
      help: `numbers of tasks for the cost of deciding (default: ${manyTasksDefaults.costCounts})`,
    },
    seeds: { type: 'string', value: 'N', help: `seeds 0 … N−1 (default: ${manyTasksDefaults.seeds})` },
    steps: { type: 'string', value: 'N', help: `steps at most (default: ${manyTasksDefaults.mostSteps})` },
    out: { type: 'string', value: 'DIR', help: "the report's folder (default: experiments/many-tasks in the home)" },
  },
  help: `
Answers with the methods' own code, on tasks that are learning curves: how the time until the worst task is good grows with the
number of tasks, what planning and reweighing cost, what happens when tasks come and go, and what one does that cannot be learned.

Of more than 100 tasks one seed is simulated; 10,000 tasks take most of an hour.

Example:
  evenkeel simulate --tasks 3,10 --seeds 2 --out many-tasks`,
  async run({ flags, positionals, home, json, note, print, printJson }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel simulate [flags]');
    const study = studyManyTasks(
      {
        ...manyTasksDefaults,
        counts: counts(flags, 'tasks', manyTasksDefaults.counts),
        costCounts: counts(flags, 'cost-tasks', manyTasksDefaults.costCounts),
        seeds: wholeFlag(flags, 'seeds', manyTasksDefaults.seeds, 1),
        mostSteps: wholeFlag(flags, 'steps', manyTasksDefaults.mostSteps, 1),
      },
      note,
    );
    const told = ['tasks', 'cost-tasks', 'seeds', 'steps'].flatMap((name) => {
      const value = textFlag(flags, name);
      return value === undefined ? [] : [`--${name} ${value}`];
    });
    const folder = textFlag(flags, 'out') ?? join(home, 'experiments', 'many-tasks');
    const page = manyTasksPage(study, ['evenkeel simulate', ...told].join(' '));
    await writePage(folder, page, manyTasksFiles(study));
    if (json) printJson({ kind: 'result', report: folder, ...study, comeAndGo: undefined });
    else print(`The report: ${relative(process.cwd(), folder) || '.'}/report.html`);
    return exitCodes.done;
  },
};
