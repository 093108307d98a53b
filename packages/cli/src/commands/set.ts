/** `evenkeel set`: settings of a run while it goes on. */
import { type Command, UsageError } from '../command.ts';
import { changeRun, startFlag } from '../train/ask-run.ts';
import { settingLines, settingsOf } from '../train/setting-assignments.ts';

export const setCommand: Command = {
  name: 'set',
  summary: 'change settings of a run under way: lambda=0.4, learning-rate=1e-4, steps=60 …',
  usage: 'RUN NAME=VALUE…',
  flags: { start: startFlag },
  help: `
The new values hold from the step after the one under way, and are recorded: evenkeel changes RUN. All of them are taken, or none.

${settingLines().join('\n')}

Examples:
  evenkeel set first-run lambda=0.4
  evenkeel set first-run learning-rate=1e-4 steps=60`,
  async run(invocation) {
    const [run, ...assignments] = invocation.positionals;
    if (run === undefined || run.includes('=') || assignments.length === 0) {
      throw new UsageError(
        `Cannot set: ${run === undefined ? 'no run is named' : run.includes('=') ? 'no run is named before the settings' : 'no setting is given'}, expected evenkeel set RUN NAME=VALUE, such as evenkeel set first-run lambda=0.4`,
      );
    }
    const settings = settingsOf(assignments);
    const flags = assignments.map((assignment) => `--set ${assignment}`).join(' ');
    const atRest = `evenkeel train --run ${run} ${flags}`;
    return await changeRun(invocation, { run, action: 'change run', atRest }, [{ kind: 'set', settings }]);
  },
};
