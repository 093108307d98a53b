import { type Command, parseFlags } from '../command.ts';

/** What a command wrote, and its exit status. */
export interface Invoked {
  readonly status: number;
  readonly lines: readonly string[];
  readonly json: readonly Record<string, unknown>[];
  readonly notes: readonly string[];
}

/** Runs a command in this process, as `main` does. */
export async function invoke(command: Command, home: string, ...args: string[]): Promise<Invoked> {
  const { values, positionals } = parseFlags(command, args);
  const lines: string[] = [];
  const json: Record<string, unknown>[] = [];
  const notes: string[] = [];
  const status = await command.run({
    positionals,
    flags: values as never,
    json: values.json === true,
    home,
    print: (line) => void lines.push(line),
    printJson: (value) => void json.push(JSON.parse(JSON.stringify(value))),
    note: (line) => void notes.push(line),
  });
  return { status, lines, json, notes };
}
