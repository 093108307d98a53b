/** Lines of a file or of standard input, for the commands that read rows. */
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ConfigError } from '@evenkeel/core';

/**
 * A file, or standard input for `-`. Whoever opens it destroys it.
 *
 * @throws {ConfigError} `rows-unreadable`
 */
export async function openLines(path: string): Promise<Readable> {
  if (path === '-') return process.stdin;
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).isDirectory()) throw new Error('it is a folder');
  } catch (cause) {
    throw new ConfigError(
      `Cannot read rows ${path}: ${(cause as Error).message}, expected a file of JSON lines, or -`,
      { code: 'rows-unreadable', cause },
    );
  }
  return createReadStream(path);
}

/** The interface is made with the first line asked for: one that is made earlier loses the lines that come before it is read. */
export async function* linesOf(input: Readable, signal?: AbortSignal): AsyncGenerator<string> {
  // An aborted signal ends the lines, also while one is waited for.
  const interruption = signal === undefined ? {} : { signal };
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, ...interruption });
}
