/** `evenkeel doctor`: what is there, what is missing, and how to get it. */
import { type Command, exitCodes } from '../command.ts';
import { type Check, checks, type Finding } from '../doctor/checks.ts';
import { positional } from '../flag-values.ts';
import { type Paint, paintWith, wantsColour } from '../view/terminal-text.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'say what is there, what is missing, and how to get it',
  usage: '',
  flags: {},
  help: 'Changes nothing. Exits with 1 where something is missing that a run needs.',
  async run({ positionals, home, json, print, printJson }) {
    positional(positionals, { least: 0, most: 0 }, 'none: evenkeel doctor');
    const paint = paintWith(wantsColour(process.stdout));
    let missing = 0;
    for (const check of checks(home)) {
      const finding = await examine(check);
      if (finding.state === 'missing') missing++;
      if (json) printJson({ kind: 'check', name: check.name, ...finding });
      else for (const line of findingLines(check.name, finding, paint)) print(line);
    }
    if (json) printJson({ kind: 'doctor', missing });
    else print(missing === 0 ? 'All that a run needs is there: npm start' : `${missing} missing that a run needs`);
    return missing === 0 ? exitCodes.done : exitCodes.failed;
  },
};

/** A look that fails is a finding too. */
async function examine(check: Check): Promise<Finding> {
  try {
    return await check.look();
  } catch (error) {
    return { state: 'missing', found: (error as Error).message, wish: 'a machine on which this can be looked at' };
  }
}

const MARKS = { ok: ['green', 'ok      '], missing: ['red', 'missing '], optional: ['dim', 'not here'] } as const;

/** One finding as lines: what was found, and what to do where something is missing. */
export function findingLines(name: string, { state, found, wish }: Finding, paint: Paint): string[] {
  const [colour, mark] = MARKS[state];
  const line = `${paint(colour, mark)}  ${name.padEnd(20)} ${found}`;
  return wish === undefined ? [line] : [line, `${' '.repeat(31)}→ ${wish}`];
}
