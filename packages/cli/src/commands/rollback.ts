/** `evenkeel rollback`: a new branch of a run from one of its steps; the run itself is paused and kept. */

import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readStateRecord, recordedSteps, runFolder } from '@evenkeel/activities';
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import { changedConfig, type RunChange, type RunConfig, runNameSchema } from '@evenkeel/protocol';
import { openFolderStore, type Store } from '@evenkeel/store';
import { type Command, exitCodes, type Invocation, UsageError } from '../command.ts';
import { positional, textFlag, wholeFlag } from '../flag-values.ts';
import { readResult } from '../run-records.ts';
import { provenConfig, reachableSteps, stepsText } from '../train/kept-states.ts';
import { connectRunClient } from '../train/run-client.ts';
import { claimRun, findRunRecord, type RunRecord, readRunRecord } from '../train/run-record.ts';
import { settingLines, settingsOf } from '../train/setting-assignments.ts';

export const rollbackCommand: Command = {
  name: 'rollback',
  summary: 'go back to step N of a run: a new branch of it, the old run paused and kept',
  usage: 'RUN',
  flags: {
    to: { type: 'string', value: 'N', help: 'the step after which the branch begins; 0: the base' },
    name: { type: 'string', value: 'BRANCH', help: "the branch's name (default: RUN-at-N)" },
    set: {
      ...{ type: 'string', multiple: true, value: 'NAME=VALUE' },
      help: 'a setting that the branch has from there on; may be given several times',
    },
  },
  help: `
The branch begins with the policy, the optimizer, the settings and the data of that step, under a name of its own; evenkeel train
--run BRANCH goes on with it. Changes made to the run after that step are not in it: without any, and without --set, it repeats the
run's steps bit for bit. A finished run can be gone on with too: give the branch more steps with --set steps=N.
Which steps are kept: evenkeel gc --help.

${settingLines().join('\n')}

Examples:
  evenkeel rollback first-run --to 30
  evenkeel rollback first-run --to 30 --name calmer --set learning-rate=5e-5
  evenkeel train --run calmer`,
  run: async (invocation) => await rollBack(invocation),
};

async function rollBack(invocation: Invocation) {
  const { home, flags, json, print, printJson } = invocation;
  const [run = ''] = positional(invocation.positionals, { least: 1, most: 1 }, 'one run: evenkeel rollback RUN --to N');
  const step = wholeFlag(flags, 'to', null, 0);
  if (step === null) throw new UsageError(`Cannot roll back "${run}": no step is given, expected --to N`);
  const assignments = (flags.set ?? []) as readonly string[];
  const settings = assignments.length === 0 ? null : settingsOf(assignments);
  const record = await readRunRecord(home, run);
  const branch = await branchName(home, run, step, textFlag(flags, 'name'));
  const store = await openFolderStore(join(home, 'store'));
  try {
    const config = await configAt(store, home, run, step);
    const change: RunChange | null = settings === null ? null : { kind: 'set', settings };
    const after = change === null ? config : changedConfig(config, change, { run: branch, step });
    refuseNothingToDo(run, step, after);
    await copyRecords(home, run, branch, step);
    await claimRun(home, { ...config, run: branch }, new Date().toISOString(), {
      branch: { of: run, step },
      ...(change === null ? {} : { scheduled: [{ step, change }] }),
    });
  } finally {
    await store.close();
  }
  const origin = await pauseOrigin(invocation, record);
  if (json) {
    printJson({ kind: 'rollback', run, step, branch, origin });
    return exitCodes.done;
  }
  print(
    `${branch}: branch of ${run} after step ${step}${assignments.length === 0 ? '' : `, with ${assignments.join(', ')}`}`,
  );
  print(`${run}: ${originText(origin)}`);
  print(`Go on with the branch: evenkeel train --run ${branch}`);
  return exitCodes.done;
}

/** A name that is free. */
async function branchName(home: string, run: string, step: number, asked: string | undefined): Promise<string> {
  if (asked !== undefined) {
    const parsed = runNameSchema.safeParse(asked);
    if (!parsed.success) throw new UsageError(`Cannot name the branch "${asked}": ${parsed.error.issues[0]?.message}`);
    if ((await findRunRecord(home, asked)) === null) return asked;
    throw new ConfigError(
      `Cannot name the branch "${asked}": there is a run of this name, expected a new one: --name BRANCH; or to go on with that one: evenkeel train --run ${asked}`,
      { code: 'run-exists' },
    );
  }
  for (let number = 1; ; number++) {
    const ending = `-at-${step}${number === 1 ? '' : `-${number}`}`;
    const name = `${run.slice(0, 40 - ending.length)}${ending}`;
    if ((await findRunRecord(home, name)) === null) return name;
  }
}

/** The configuration under which the run went on from a step whose state is whole. @throws {ConfigError} `step-gone` */
async function configAt(store: Store, home: string, run: string, step: number): Promise<RunConfig> {
  const state = await readStateRecord(home, run, step);
  const config = state === null ? null : await provenConfig(store, state);
  if (config !== null) return config;
  const recorded = await recordedSteps(home, run);
  const steps = (await reachableSteps(home, run, store)).filter((other) => other !== step);
  const last = recorded.at(-1) ?? 0;
  const why =
    state !== null
      ? 'something of its state is gone or damaged'
      : recorded.length === 0
        ? 'the run has no record of its states (an earlier release made it, or it has not begun)'
        : step > last
          ? `only ${last} steps are done`
          : 'its state is not kept any more';
  const wish = steps.length === 0 ? 'a state that is whole, and none is' : `one of ${stepsText(steps)}`;
  throw new ConfigError(`Cannot roll back "${run}" to step ${step}: ${why}, expected ${wish}`, { code: 'step-gone' });
}

function refuseNothingToDo(run: string, step: number, { steps }: RunConfig): void {
  if (steps > step) return;
  throw new ConfigError(
    `Cannot roll back "${run}" to step ${step}: the run has ${steps} steps, so the branch would have nothing to do, expected more: --set steps=${step + 15}`,
    { code: 'nothing-to-do' },
  );
}

/** What was written down up to that step is the branch's past as well: its tables, its evaluations. */
async function copyRecords(home: string, run: string, branch: string, step: number): Promise<void> {
  const [from, to] = [runFolder(home, run), runFolder(home, branch)];
  for (const folder of ['steps', 'evaluations']) {
    const names = await readdir(join(from, folder)).catch(() => []);
    for (const name of names.filter(
      (candidate) => /^\d{6,}\.json$/.test(candidate) && Number.parseInt(candidate, 10) <= step,
    )) {
      await cp(join(from, folder, name), join(to, folder, name));
    }
  }
}

/** What became of the run that was branched from. */
type Origin = 'paused' | 'finished' | 'at-rest';

async function pauseOrigin({ home }: Invocation, { run }: RunRecord): Promise<Origin> {
  if ((await readResult(home, run)) !== null) return 'finished';
  try {
    const client = await connectRunClient(home);
    try {
      await client.update(run, 'pause');
      return 'paused';
    } finally {
      await client.close();
    }
  } catch (error) {
    if (error instanceof EvenkeelError && error.code === 'home-not-running') return 'at-rest';
    throw error;
  }
}

function originText(origin: Origin): string {
  switch (origin) {
    case 'paused':
      return 'pauses after the step under way, and is kept; evenkeel resume goes on with it';
    case 'finished':
      return 'is finished, and is kept';
    case 'at-rest':
      return 'is kept; it is paused when the branch begins';
  }
}
