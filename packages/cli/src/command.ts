/**
 * What a command of the tool is: a name, its help, its flags, and a function that runs it. Parsing is `node:util`'s; help and
 * `--json` are the same everywhere. Data goes to stdout, logs to stderr.
 */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { EvenkeelError } from '@evenkeel/core';

/** Exit statuses: done, failed, wrong usage, interrupted. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Wrong usage: the message says what to type; exit status 2. */
export class UsageError extends EvenkeelError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super(message, { code: 'usage' });
  }
}

/** A flag: `parseArgs`' own option, and the line that help shows. */
export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in help, for example `DIR`. */
  readonly value?: string;
  readonly help: string;
}

export interface Invocation {
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly json: boolean;
  /** `--home`, absolute. */
  readonly home: string;
  /** Writes data: one line on stdout. */
  readonly print: (line: string) => void;
  /** Writes one JSON line on stdout. */
  readonly printJson: (value: unknown) => void;
  /** Writes for people: one line on stderr; silent with `--json`. */
  readonly note: (line: string) => void;
}

export interface Command {
  /** As it is typed, for example `verifier generate`. */
  readonly name: string;
  /** One line in the overview. */
  readonly summary: string;
  /** Positional arguments in help, for example `MODEL [FILE.jsonl|-]`. */
  readonly usage: string;
  /** Further help, with examples. */
  readonly help?: string;
  readonly flags: Readonly<Record<string, Flag>>;
  run(invocation: Invocation): Promise<ExitCode>;
}

/** Flags that every command takes. */
const commonFlags: Readonly<Record<string, Flag>> = {
  home: { type: 'string', value: 'DIR', help: 'where runs, store and server data lie (default: .evenkeel)' },
  json: { type: 'boolean', help: 'JSON lines on stdout, nothing else there' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
};

/** @throws {UsageError} on an unknown flag or a missing value */
export function parseFlags(command: Command, args: readonly string[]) {
  const flags = { ...command.flags, ...commonFlags };
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(
      `Cannot read arguments: ${(error as Error).message.split('. ')[0]}; see evenkeel ${command.name} --help`,
    );
  }
}

/** The help text of one command. */
export function commandHelp(command: Command): string {
  const flags = Object.entries({ ...command.flags, ...commonFlags });
  const names = flags.map(([name, flag]) => {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    return `${short}--${name}${flag.type === 'string' ? ` ${flag.value ?? 'VALUE'}` : ''}`;
  });
  const width = Math.max(...names.map((name) => name.length));
  const lines = flags.map(([, flag], index) => `  ${names[index]!.padEnd(width)}  ${flag.help}`);
  const usage = `evenkeel ${command.name}${command.usage === '' ? '' : ` ${command.usage}`} [flags]`;
  return [
    command.summary,
    '',
    `Usage: ${usage}`,
    '',
    ...lines,
    ...(command.help ? ['', command.help.trim()] : []),
  ].join('\n');
}
