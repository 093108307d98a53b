/** A file of changes, as `evenkeel changes RUN --json` writes it: what another run recorded, for a run that is to do the same. */
import { existsSync, readFileSync } from 'node:fs';
import { ConfigError } from '@evenkeel/core';
import {
  changedConfig,
  type RunChange,
  type RunConfig,
  type ScheduledChange,
  scheduledChangeSchema,
} from '@evenkeel/protocol';

/** They say when a run was worked on and by what, not what it is. */
const NOT_REPEATED: readonly RunChange['kind'][] = ['pause', 'resume', 'engine'];

/**
 * The changes of a file, in the order in which they took effect; those that are no part of what a run is are left out.
 *
 * @throws {ConfigError} `changes-missing`, `changes-invalid` with the line
 */
export function readChangesFile(path: string): ScheduledChange[] {
  if (!existsSync(path)) {
    throw new ConfigError(
      `Cannot read changes ${path}: there is no such file, expected one that evenkeel changes RUN --json wrote`,
      { code: 'changes-missing' },
    );
  }
  const changes: ScheduledChange[] = [];
  for (const [place, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line.trim() === '') continue;
    const change = parseLine(line, `${path}, line ${place + 1}`);
    if (change.step < (changes.at(-1)?.step ?? 0)) {
      throw invalid(`${path}, line ${place + 1}`, 'it is of an earlier step than the line before');
    }
    if (!NOT_REPEATED.includes(change.change.kind)) changes.push(change);
  }
  return changes;
}

/** Follows a configuration through changes. @throws {ConfigError} at the first that it could not take */
export function checkChanges(config: RunConfig, changes: readonly ScheduledChange[]): void {
  let current = config;
  for (const { step, change } of changes) current = changedConfig(current, change, { run: config.run, step });
}

function parseLine(line: string, source: string): ScheduledChange {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalid(source, (cause as Error).message);
  }
  const parsed = scheduledChangeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw invalid(source, `${issue.path.join('.') || 'the line'}: ${issue.message}`);
}

function invalid(source: string, state: string): ConfigError {
  return new ConfigError(`Cannot read changes ${source}: ${state}, expected lines of evenkeel changes RUN --json`, {
    code: 'changes-invalid',
  });
}
