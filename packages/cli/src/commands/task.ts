/** `evenkeel task add` and `task retire`: the tasks of a run while it goes on. */
import { join } from 'node:path';
import type { RunChange } from '@evenkeel/protocol';
import { openFolderStore } from '@evenkeel/store';
import { type Command, UsageError } from '../command.ts';
import { positional, textFlag } from '../flag-values.ts';
import { askRun, changeRun, startFlag } from '../train/ask-run.ts';
import { currentConfig } from '../train/current-config.ts';
import { keepScripts } from '../train/keep-scripts.ts';
import { resolveTasks } from '../train/resolve-tasks.ts';
import { readRunRecord } from '../train/run-record.ts';
import { yesFlag } from '../verifiers/open-granted.ts';

const MOST_TASKS = 10_000;

export const taskAddCommand: Command = {
  name: 'task add',
  summary: 'add tasks to a run under way',
  usage: 'RUN TASK…',
  flags: {
    name: { type: 'string', value: 'NAME', help: "the task's name in the run, where only one is added" },
    start: startFlag,
    yes: yesFlag,
  },
  help: `
A task is VERIFIER[:LEVEL][=PROMPT-SET], as --tasks of train has it; the verifier may be the path of its folder. It is drawn from the
step after the one under way, with the weight of a task of which nothing is known yet; the others keep what is known of them. A task
that was retired before goes on where its puzzles had ended.

Examples:
  evenkeel task add first-run countdown:easy
  evenkeel task add first-run ./my-task words@1.2.0:hard
  evenkeel task add first-run countdown=my-prompts --name published`,
  async run(invocation) {
    const wish = 'a run and its new tasks: evenkeel task add RUN TASK';
    const [run = '', ...texts] = positional(invocation.positionals, { least: 2, most: MOST_TASKS }, wish);
    const name = textFlag(invocation.flags, 'name');
    if (name !== undefined && texts.length > 1) {
      throw new UsageError(`Cannot name tasks "${name}": ${texts.length} are given, expected one with --name`);
    }
    const options = { run, action: 'add tasks to run' };
    // What cannot be asked need not be looked for.
    if (invocation.flags.start !== true) await askRun(invocation, options, async () => {});
    const { home } = invocation;
    const config = await currentConfig(home, await readRunRecord(home, run));
    const pinned = await resolveTasks({ invocation, config, texts, name });
    const store = await openFolderStore(join(home, 'store'));
    try {
      await keepScripts(store, Object.fromEntries(pinned.map(({ task, verifier }) => [task.verifier, verifier])), home);
    } finally {
      await store.close();
    }
    return await changeRun(
      invocation,
      options,
      pinned.map((one): RunChange => ({ kind: 'add-task', ...one })),
    );
  },
};

export const taskRetireCommand: Command = {
  name: 'task retire',
  summary: 'take tasks out of a run under way',
  usage: 'RUN TASK…',
  flags: { start: startFlag },
  help: `
Named as evenkeel show RUN names them. They are not drawn from the step after the one under way on, and not evaluated any more; their
weight goes to the others. At least one task must stay. evenkeel task add brings one back.

Example:
  evenkeel task retire first-run zebra`,
  async run(invocation) {
    const wish = 'a run and some of its tasks: evenkeel task retire RUN TASK';
    const [run = '', ...tasks] = positional(invocation.positionals, { least: 2, most: MOST_TASKS }, wish);
    const changes = tasks.map((task): RunChange => ({ kind: 'retire-task', task }));
    return await changeRun(invocation, { run, action: 'retire tasks of run' }, changes);
  },
};
