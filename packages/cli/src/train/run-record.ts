/** `<home>/runs/<run>/run.json`: which configuration a run's name stands for, written before anything of it runs. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder, writeRunRecord } from '@evenkeel/activities';
import { ConfigError, hashOf } from '@evenkeel/core';
import {
  configHash,
  type RunConfig,
  runConfigSchema,
  type ScheduledChange,
  scheduledChangeSchema,
} from '@evenkeel/protocol';
import { z } from 'zod';
import { engineNow, engineSchema } from './engine.ts';

export const runRecordSchema = z.strictObject({
  version: z.literal(1),
  run: z.string(),
  configHash: z.string(),
  config: runConfigSchema,
  createdAt: z.string(),
  /** Under which engine it computes; left out in records of 0.1.0. */
  engine: engineSchema.exactOptional(),
  /** Which engine it was taken over from, until that is recorded as a change. */
  engineBefore: engineSchema.exactOptional(),
  /** The run began from the state of another one after that step; left out where it began from its base. */
  branch: z.strictObject({ of: z.string(), step: z.number().int().nonnegative() }).exactOptional(),
  /** Changes given with its start, each of which takes effect after that step; left out where there are none. */
  scheduled: z.array(scheduledChangeSchema).exactOptional(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** The names of the home's runs, sorted. */
export async function runNames(home: string): Promise<string[]> {
  const folder = join(home, 'runs');
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names.filter((name) => existsSync(join(folder, name, 'run.json'))).sort();
}

/** The record of a run; null where there is none. */
export async function findRunRecord(home: string, run: string): Promise<RunRecord | null> {
  return existsSync(join(runFolder(home, run), 'run.json')) ? await readRunRecord(home, run) : null;
}

/** The record of a run. @throws {ConfigError} `run-unknown`, naming the runs that there are */
export async function readRunRecord(home: string, run: string): Promise<RunRecord> {
  const path = join(runFolder(home, run), 'run.json');
  if (!existsSync(path)) {
    const names = await runNames(home);
    const wish = names.length > 0 ? `one of ${names.join(', ')}` : 'one that was started; begin with: evenkeel train';
    throw new ConfigError(`Cannot find run "${run}" in ${home}: it has no such run, expected ${wish}`, {
      code: 'run-unknown',
    });
  }
  const parsed = runRecordSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success) {
    throw new ConfigError(
      `Cannot read ${path}: field "${parsed.error.issues[0]?.path.join('.')}": ${parsed.error.issues[0]?.message}, expected a record that train wrote`,
    );
  }
  return parsed.data;
}

/** Paths of the values in which two configurations differ, for example `optimizer.learningRate`. */
function differences(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(before) || !isObject(after)) return [`${path} ${JSON.stringify(before)} → ${JSON.stringify(after)}`];
  const a = before as Record<string, unknown>;
  const b = after as Record<string, unknown>;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    differences(a[key], b[key], path === '' ? key : `${path}.${key}`),
  );
}

/** What a run begins with besides its configuration. */
export interface Beginning {
  readonly branch?: { readonly of: string; readonly step: number };
  readonly scheduled?: readonly ScheduledChange[];
}

/**
 * Takes the run's name for this configuration, or finds it taken for the same one.
 *
 * @param beginning what it begins with; of a run that is there already, changes must be those that it began with
 * @throws {ConfigError} `run-differs` where the name stands for another configuration, or for other changes
 */
export async function claimRun(
  home: string,
  config: RunConfig,
  createdAt: string,
  { branch, scheduled = [] }: Beginning = {},
): Promise<{ readonly isNew: boolean }> {
  const hash = configHash(config);
  const found = await findRunRecord(home, config.run);
  if (found === null) {
    // A branch takes over the engine of its origin when it begins to compute.
    const begun = branch === undefined ? { engine: engineNow(config) } : { branch };
    const record: RunRecord = { version: 1, run: config.run, configHash: hash, config, createdAt, ...begun };
    const whole = scheduled.length === 0 ? record : { ...record, scheduled: [...scheduled] };
    await writeRunRecord(home, config.run, 'run.json', whole);
    return { isNew: true };
  }
  const aloneText = `to go on with it as it is: evenkeel train --run ${config.run}`;
  // A record from before is read as one of today: its own hash is then that of what was read.
  if (configHash(found.config) !== hash) {
    const changed = differences(found.config, config).slice(0, 3).join('; ');
    throw new ConfigError(
      `Cannot train "${config.run}": a run of this name exists with another configuration (${changed}), expected a new name: --run NAME; or ${aloneText}; what can be changed as it goes, evenkeel set changes`,
      { code: 'run-differs' },
    );
  }
  if (scheduled.length > 0 && hashOf(scheduled) !== hashOf(found.scheduled ?? [])) {
    throw new ConfigError(
      `Cannot train "${config.run}": a run of this name exists that began with other changes, expected a new name: --run NAME; or ${aloneText}`,
      { code: 'run-differs' },
    );
  }
  return { isNew: false };
}
