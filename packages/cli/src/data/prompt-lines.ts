/**
 * Prompts in a file: one JSON object a line, as published test sets have them (`task`, `level`, `prompt`, `groundTruth`) or plainly
 * (`prompt`, `groundTruth`, and a `task` or `verifier`). It reads, and asks no verifier.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ConfigError, canonicalJson, type Json } from '@evenkeel/core';
import { taskEntryOf } from '@evenkeel/protocol';
import { z } from 'zod';

/** One row, and where it stands. */
export interface PromptLine {
  /** From 1. */
  readonly line: number;
  /** The task that it names; the verifier's where it names none. */
  readonly task: string;
  /** A verifier reference. */
  readonly verifier: string;
  /** Null where it names none. */
  readonly level: string | null;
  readonly prompt: string;
  readonly groundTruth: Json;
}

/** What is wrong with one line. */
export interface LineProblem {
  readonly line: number;
  /** For a person, beginning with the state: `groundTruth: is missing`. */
  readonly message: string;
}

/** What each row is taken for, whatever it names. */
export interface LineDefaults {
  readonly task?: string | undefined;
  readonly level?: string | undefined;
}

export interface PromptLines {
  readonly rows: readonly PromptLine[];
  readonly problems: readonly LineProblem[];
}

const rowSchema = z.looseObject({
  prompt: z.string().min(1),
  groundTruth: z.custom<Json>((value) => value !== undefined, 'is missing'),
  task: z.string().min(1).optional(),
  verifier: z.string().min(1).optional(),
  level: z.string().min(1).max(40).optional(),
});

/**
 * The rows of a file, in order; blank lines do not count. What is not a row is told, and the rest is read on.
 *
 * @throws {ConfigError} `prompts-unreadable` where there is no such file, `prompts-invalid` where it has no line at all
 */
export async function readPromptLines(path: string, defaults: LineDefaults = {}): Promise<PromptLines> {
  const rows: PromptLine[] = [];
  const problems: LineProblem[] = [];
  let line = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      if (text.trim() === '') continue;
      // A byte order mark belongs to no row.
      const read = readLine(line === 1 ? text.replace(/^\uFEFF/, '') : text, line, defaults);
      if ('message' in read) problems.push(read);
      else rows.push(read);
    }
  } catch (cause) {
    throw new ConfigError(`Cannot read prompts ${path}: ${(cause as Error).message}, expected a file of JSON lines`, {
      code: 'prompts-unreadable',
      cause,
    });
  }
  if (rows.length > 0 || problems.length > 0) return { rows, problems };
  throw new ConfigError(`Cannot read prompts ${path}: it has no rows, expected { prompt, groundTruth, task } a line`, {
    code: 'prompts-invalid',
  });
}

function readLine(text: string, line: number, defaults: LineDefaults): PromptLine | LineProblem {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { line, message: 'it is not JSON' };
  }
  const row = rowSchema.safeParse(json);
  if (!row.success) {
    const issue = row.error.issues[0];
    return { line, message: [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ') };
  }
  const { prompt, groundTruth, task, verifier, level } = row.data;
  const named = defaults.task ?? verifier ?? task;
  if (named === undefined) return { line, message: 'it names no task' };
  const entry = taskEntryOf(named);
  try {
    canonicalJson(groundTruth);
  } catch (error) {
    return { line, message: `groundTruth: ${(error as Error).message.replace(/^.*?: /, '')}` };
  }
  return {
    line,
    task: defaults.task ?? task ?? entry.verifier,
    verifier: entry.verifier,
    level: defaults.level ?? level ?? entry.level ?? null,
    prompt,
    groundTruth,
  };
}

/** A line's place, as messages name it. */
export function placeOf(path: string, line: number): string {
  return `${path}:${line}`;
}
