/** `evenkeel`: one tool, the same words everywhere. Finds the command, parses its flags, runs it, sets the exit status. */
import { resolve } from 'node:path';
import { EvenkeelError, errorRecord } from '@evenkeel/core';
import { type Command, commandHelp, type ExitCode, exitCodes, parseFlags, UsageError } from './command.ts';
import { commands } from './commands/index.ts';

const EPIPE_EXIT = 0;

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'evenkeel: post-trains one language model on many verifiable tasks at once, through every crash.',
    '',
    'Usage: evenkeel COMMAND [arguments] [flags]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'evenkeel COMMAND --help tells more of each.',
  ].join('\n');
}

/** The commands that begin with the same word, such as `verifier`. */
function groupHelp(group: readonly Command[]): string {
  const width = Math.max(...group.map(({ name }) => name.length));
  return [
    ...group.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'evenkeel COMMAND --help tells more of each.',
  ].join('\n');
}

/** The longest command name that the arguments begin with. */
function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === args.slice(0, words).join(' '));
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

async function main(args: readonly string[]): Promise<ExitCode> {
  if (args.length === 0 || args[0] === '--help' || args[0] === '-h' || args[0] === 'help') {
    process.stdout.write(`${overview()}\n`);
    return args.length === 0 ? exitCodes.usage : exitCodes.done;
  }
  const found = findCommand(args);
  const json = args.includes('--json');
  try {
    if (found === undefined) {
      const group = commands.filter(({ name }) => name.startsWith(`${args[0]} `));
      if (group.length > 0 && (args[1] === '--help' || args[1] === '-h')) {
        process.stdout.write(`${groupHelp(group)}\n`);
        return exitCodes.done;
      }
      throw new UsageError(
        `Cannot run "${args.slice(0, 2).join(' ')}": no such command, expected ${group.length > 0 ? group.map(({ name }) => name).join(', ') : 'one of those that evenkeel --help lists'}`,
      );
    }
    const { command, rest } = found;
    const { values, positionals } = parseFlags(command, rest);
    if (values.help === true) {
      process.stdout.write(`${commandHelp(command)}\n`);
      return exitCodes.done;
    }
    return await command.run({
      positionals,
      flags: values as never,
      json,
      home: resolve(typeof values.home === 'string' ? values.home : (process.env.EVENKEEL_HOME ?? '.evenkeel')),
      print: (line) => void process.stdout.write(`${line}\n`),
      printJson: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
      note: (line) => {
        if (!json) process.stderr.write(`${line}\n`);
      },
    });
  } catch (error) {
    if (json) process.stdout.write(`${JSON.stringify({ kind: 'error', ...errorRecord(error) })}\n`);
    const expected = error instanceof EvenkeelError;
    process.stderr.write(`${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EPIPE_EXIT);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
