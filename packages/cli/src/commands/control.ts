/** `pause`, `resume`, `stop`, `evaluate-now`, `pin`, `unpin`: durable requests to a run of the home at work. */
import type { RunChange } from '@evenkeel/protocol';
import { type Command, exitCodes, type Flag, type Invocation, UsageError } from '../command.ts';
import { positional, wholeFlag } from '../flag-values.ts';
import { askRun, changeRun, startFlag } from '../train/ask-run.ts';
import { clearPauseReason } from '../train/pause-reason.ts';
import type { RunUpdate } from '../train/run-client.ts';

function onlyRun({ positionals }: Invocation, command: string): string {
  const [run] = positionals;
  if (run !== undefined && positionals.length === 1) return run;
  throw new UsageError(
    `Cannot ${command}: ${positionals.length} runs are named, expected one: evenkeel ${command} RUN`,
  );
}

async function request(
  invocation: Invocation,
  run: string,
  update: RunUpdate,
  options: { readonly said: (step: number) => string; readonly atRest?: string },
) {
  const { said, ...rest } = options;
  const { step } = await askRun(invocation, { run, action: `${update} run`, ...rest }, (client) =>
    client.update(run, update),
  );
  if (update !== 'pause') await clearPauseReason(invocation.home, run);
  if (invocation.json) invocation.printJson({ kind: update, run, step });
  else invocation.print(`${run}: ${said(step)}`);
  return exitCodes.done;
}

export const pauseCommand: Command = {
  name: 'pause',
  summary: 'pause a run after the step under way',
  usage: 'RUN',
  flags: { start: startFlag },
  run: async (invocation) =>
    await request(invocation, onlyRun(invocation, 'pause'), 'pause', {
      said: (step) => (step === 0 ? 'pauses before its first step' : `pauses after step ${step}`),
    }),
};

export const resumeCommand: Command = {
  name: 'resume',
  summary: 'let a paused run go on; where it paused for a reason, try again',
  usage: 'RUN',
  flags: { start: startFlag },
  run: async (invocation) =>
    await request(invocation, onlyRun(invocation, 'resume'), 'resume', {
      said: (step) => `goes on from step ${step}`,
    }),
};

export const stopCommand: Command = {
  name: 'stop',
  summary: 'end a run after the step under way, or after step N: evaluate, write the policy',
  usage: 'RUN',
  flags: {
    start: startFlag,
    after: { type: 'string', value: 'N', help: 'go on until N steps are done (default: the step under way)' },
  },
  async run(invocation) {
    const run = onlyRun(invocation, 'stop');
    const step = wholeFlag(invocation.flags, 'after', null, 0);
    if (step !== null) return await changeRun(invocation, { run, action: 'stop run' }, [{ kind: 'stop-after', step }]);
    return await request(invocation, run, 'stop', {
      said: (done) => `ends after step ${done}; its policy is evaluated and written`,
      atRest: `evenkeel train --run ${run} --stop`,
    });
  },
};

export const evaluateNowCommand: Command = {
  name: 'evaluate-now',
  summary: 'evaluate a run under way after its step, on held-out puzzles',
  usage: 'RUN',
  flags: { start: startFlag },
  help: `
Besides the evaluations that are due anyway. To evaluate what a finished run made, or on more puzzles: evenkeel evaluate RUN.`,
  async run(invocation) {
    const run = onlyRun(invocation, 'evaluate-now');
    return await changeRun(invocation, { run, action: 'evaluate run' }, [{ kind: 'evaluate' }]);
  },
};

const stepFlag: Flag = { type: 'string', value: 'N', help: 'the state after this step' };

function pinningCommand(kind: 'pin' | 'unpin', summary: string): Command {
  return {
    name: kind,
    summary,
    usage: 'RUN',
    flags: { step: stepFlag, start: startFlag },
    help: `
Example:
  evenkeel ${kind} first-run --step 30`,
    async run(invocation) {
      const [run = ''] = positional(
        invocation.positionals,
        { least: 1, most: 1 },
        `one run: evenkeel ${kind} RUN --step N`,
      );
      const step = wholeFlag(invocation.flags, 'step', null, 0);
      if (step === null) {
        throw new UsageError(`Cannot ${kind} a step of "${run}": none is given, expected --step N`);
      }
      const change: RunChange = { kind, step };
      return await changeRun(invocation, { run, action: `${kind} a step of run` }, [change]);
    },
  };
}

export const pinCommand = pinningCommand('pin', 'keep the state after a step, whatever evenkeel gc tidies away');
export const unpinCommand = pinningCommand('unpin', 'let evenkeel gc tidy away the state after a step again');
