/** A run that is under way, for the commands that ask something of it: where it is not, they say what to do. */
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import type { RunChange } from '@evenkeel/protocol';
import { type ExitCode, exitCodes, type Invocation } from '../command.ts';
import { readResult } from '../run-records.ts';
import { changeText } from '../view/change-text.ts';
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

/**
 * Connects to the home's server and asks.
 *
 * @throws {ConfigError} `run-unknown`, `run-finished`
 * @throws {EvenkeelError} `home-not-running` with how to start it
 */
export async function askRun<T>(
  { home, note }: Pick<Invocation, 'home' | 'note'>,
  { run, action, atRest }: AskOptions,
  ask: (client: RunClient) => Promise<T>,
): Promise<T> {
  await readRunRecord(home, run);
  const end = await readResult(home, run);
  if (end !== null) {
    throw new ConfigError(
      `Cannot ${action} "${run}": it is finished after step ${end.step}, expected a run under way: to train on from any of its steps, evenkeel rollback ${run} --to STEP --set steps=N`,
      { code: 'run-finished' },
    );
  }
  const client = await connectRunClient(home).catch((error: unknown) => {
    if (!(error instanceof EvenkeelError) || error.code !== 'home-not-running') throw error;
    const also = atRest === undefined ? '' : `; or both at once: ${atRest}`;
    throw new EvenkeelError(
      `Cannot ${action} "${run}": nothing works on ${home}, expected a home at work: start it in another terminal, evenkeel train --run ${run}, and say this again${also}`,
      { code: 'home-not-running', cause: error },
    );
  });
  const waiting = setTimeout(() => note(`Waiting for run "${run}" to answer`), SAID_AFTER_MS);
  try {
    return await ask(client);
  } finally {
    clearTimeout(waiting);
    await client.close();
  }
}

/** Asks for changes, one after the other, and says of each when it takes effect. */
export async function changeRun(
  invocation: Invocation,
  options: AskOptions,
  changes: readonly RunChange[],
): Promise<ExitCode> {
  const { json, print, printJson } = invocation;
  const { run } = options;
  await askRun(invocation, options, async (client) => {
    for (const change of changes) {
      const { number, step } = await client.change(run, change);
      if (json) printJson({ kind: 'change', run, number, step, change });
      else print(`${run}: change ${number}: ${changeText(change)}; ${whenText(change, step)}`);
    }
  });
  return exitCodes.done;
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
    default:
      return `after step ${step}`;
  }
}
