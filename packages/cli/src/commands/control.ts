/** `pause`, `resume`, `stop`: durable updates of a run of the home at work. */
import { type Command, exitCodes, UsageError } from '../command.ts';
import { connectRunClient, type RunUpdate } from '../train/run-client.ts';
import { readRunRecord } from '../train/run-record.ts';

function controlCommand(update: RunUpdate, summary: string, said: (step: number) => string): Command {
  return {
    name: update,
    summary,
    usage: 'RUN',
    flags: {},
    async run({ positionals, home, json, printJson, print }) {
      const [run] = positionals;
      if (run === undefined || positionals.length > 1) {
        throw new UsageError(
          `Cannot ${update}: ${positionals.length} runs are named, expected one: evenkeel ${update} RUN`,
        );
      }
      await readRunRecord(home, run);
      const client = await connectRunClient(home);
      try {
        const { step } = await client.update(run, update);
        if (json) printJson({ kind: update, run, step });
        else print(`${run}: ${said(step)}`);
        return exitCodes.done;
      } finally {
        await client.close();
      }
    },
  };
}

export const pauseCommand = controlCommand(
  'pause',
  'pause a run after the step under way',
  (step) => `pauses after the step under way (${step} done)`,
);
export const resumeCommand = controlCommand('resume', 'let a paused run go on', (step) => `goes on from step ${step}`);
export const stopCommand = controlCommand(
  'stop',
  'end a run after the step under way: evaluate, write the policy',
  (step) => `ends after the step under way (${step} done); its policy is evaluated and written`,
);
