/** A run that is under way, for the commands that ask something of it: where it is not, they say what to do. */
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import { livingSupervisor, type Supervisor, startSupervisor } from '@evenkeel/infra';
import { changedConfig, type RunChange } from '@evenkeel/protocol';
import { WorkflowNotFoundError } from '@temporalio/client';
import { type ExitCode, exitCodes, type Flag, type Invocation } from '../command.ts';
import { lastStep, readResult } from '../run-records.ts';
import { changeText } from '../view/change-text.ts';
import { currentConfig } from './current-config.ts';
import { homeProcesses } from './home-processes.ts';
import { connectRunClient, type RunClient } from './run-client.ts';
import { readRunRecord } from './run-record.ts';

/** When waiting for the run's answer is said: a workflow worker that is just being started again takes seconds. */
const SAID_AFTER_MS = 3_000;

export interface AskOptions {
  readonly run: string;
  /** What is wanted, as a refusal begins: `set of run "mine"`. */
  readonly action: string;
  /** What else to do where nothing works on the home, such as a flag of `train`. */
  readonly atRest?: string;
}

/** For commands that ask something of a run. */
export const startFlag: Flag = {
  type: 'boolean',
  help: "where nothing works on the home: start its server for as long as this takes (the run's work is not begun)",
};

/**
 * Connects to the home's server and asks. With `--start` a home at rest is woken for it.
 *
 * @throws {ConfigError} `run-unknown`, `run-finished`
 * @throws {EvenkeelError} `home-not-running` with how to start it
 */
export async function askRun<T>(
  invocation: Pick<Invocation, 'home' | 'note' | 'flags'>,
  options: AskOptions,
  ask: (client: RunClient) => Promise<T>,
): Promise<T> {
  const { home, note, flags } = invocation;
  const { run, action } = options;
  await readRunRecord(home, run);
  const end = await readResult(home, run);
  if (end !== null) {
    throw new ConfigError(
      `Cannot ${action} "${run}": it is finished after step ${end.step}, expected a run under way: to train on from any of its steps, evenkeel rollback ${run} --to STEP --set steps=N`,
      { code: 'run-finished' },
    );
  }
  const woken = flags.start === true && livingSupervisor(home) === null ? await wakeHome(home, note) : null;
  try {
    return await askAtWork(invocation, options, ask);
  } finally {
    await woken?.stop();
  }
}

async function askAtWork<T>(
  { home, note }: Pick<Invocation, 'home' | 'note'>,
  { run, action, atRest }: AskOptions,
  ask: (client: RunClient) => Promise<T>,
): Promise<T> {
  const client = await connectRunClient(home).catch((error: unknown) => {
    if (!(error instanceof EvenkeelError) || error.code !== 'home-not-running') throw error;
    const also = atRest === undefined ? '' : `; or both at once: ${atRest}`;
    throw new EvenkeelError(
      `Cannot ${action} "${run}": nothing works on ${home}, expected a home at work: start it in another terminal, evenkeel train --run ${run}, and say this again${also}; or let this command start what it needs: --start`,
      { code: 'home-not-running', cause: error },
    );
  });
  const waiting = setTimeout(() => note(`Waiting for run "${run}" to answer`), SAID_AFTER_MS);
  try {
    return await ask(client);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new ConfigError(
      `Cannot ${action} "${run}": its workflow is not under way, expected one that was begun: evenkeel train --run ${run}`,
      { code: 'run-not-begun', cause: error },
    );
  } finally {
    clearTimeout(waiting);
    await client.close();
  }
}

/** The server and what decides, but no worker: a run can be told something, and does not go on. */
async function wakeHome(home: string, note: Invocation['note']): Promise<Supervisor> {
  note(`Starting the server of ${home} for as long as this takes`);
  const deciding = homeProcesses(home, { threads: 1 }).filter(({ role }) => role === 'workflow');
  const silent = { debug() {}, info() {}, warn: note, error: note };
  return await startSupervisor({ home, processes: deciding, log: silent });
}

/** Asks for changes, one after the other, and says of each when it takes effect. */
export async function changeRun(
  invocation: Invocation,
  options: AskOptions,
  changes: readonly RunChange[],
): Promise<ExitCode> {
  const { home, flags, json, print, printJson } = invocation;
  const { run } = options;
  // At rest nothing waits: what the run cannot take is refused without its answer.
  if (livingSupervisor(home) === null && flags.start !== true) await refuseAtRest(home, run, changes);
  await askRun(invocation, options, async (client) => {
    for (const change of changes) {
      const { number, step } = await client.change(run, change);
      if (json) printJson({ kind: 'change', run, number, step, change });
      else print(`${run}: change ${number}: ${changeText(change)}; ${whenText(change, step)}`);
    }
  });
  return exitCodes.done;
}

async function refuseAtRest(home: string, run: string, changes: readonly RunChange[]): Promise<void> {
  const record = await readRunRecord(home, run);
  if ((await readResult(home, run)) !== null) return;
  const step = await lastStep(home, run);
  let config = await currentConfig(home, record);
  for (const change of changes) config = changedConfig(config, change, { run, step });
}

/** When a change takes effect, in words. */
function whenText(change: RunChange, step: number): string {
  switch (change.kind) {
    case 'set':
    case 'add-task':
    case 'retire-task':
    case 'engine':
      return `holds from step ${step + 1} on`;
    case 'stop-after':
      return 'then it evaluates and writes its policy';
    case 'pin':
      return 'its state is kept until it is unpinned';
    case 'unpin':
      return 'its state may be tidied away';
    case 'evaluate':
      return step === 0 ? 'before its first step' : `after step ${step}`;
    case 'pause':
    case 'resume':
    case 'stop':
      return `after step ${step}`;
  }
}
