/** `runs/<run>/changes`: the changes that took effect, in their order. With the configuration they say what the run's weights are. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { type AppliedChange, appliedChangeSchema } from '@evenkeel/protocol';
import { runFolder } from './run-folder.ts';

/** The file of a change, within the run's folder. */
export function changeRecordName(number: number): string {
  return `changes/${String(number).padStart(6, '0')}.json`;
}

/**
 * The changes that took effect in a run, from the first.
 *
 * @throws {ConfigError} `changes-damaged` where one of them is gone or cannot be read: without it the run is not the same
 */
export async function readChanges(home: string, run: string): Promise<AppliedChange[]> {
  const folder = join(runFolder(home, run), 'changes');
  const names = await readdir(folder).catch(() => []);
  const changes: AppliedChange[] = [];
  for (const name of names.filter((candidate) => /^\d{6,}\.json$/.test(candidate)).sort()) {
    const damaged = (state: string, cause?: unknown) =>
      new ConfigError(
        `Cannot read the changes of run "${run}": ${state}, expected each change that took effect; restore ${folder}, or begin a branch from a step before it`,
        { code: 'changes-damaged', cause },
      );
    let change: AppliedChange;
    try {
      change = appliedChangeSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
    } catch (thrown) {
      throw damaged(`${name} cannot be read`, thrown);
    }
    if (change.number !== changes.length + 1) throw damaged(`number ${changes.length + 1} is not there`);
    changes.push(change);
  }
  return changes;
}
