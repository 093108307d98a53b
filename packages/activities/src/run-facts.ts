/**
 * What lies in a run's folder that decides which artefacts it may still ask for: its record, the states after its steps, its changes,
 * its evaluations, what its history refers to. What cannot be read is said by name: of such a run nothing may be taken.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import { appliedChangeSchema, type RunChange } from '@evenkeel/protocol';
import { z } from 'zod';
import { runFolder } from './run-folder.ts';
import { holdLines, type RunHold, readHolds } from './run-holds.ts';
import { readStateRecord, recordedSteps, stateRecordName } from './state-record.ts';
import type { StateRecord } from './types.ts';

/** A state on record. */
export interface RecordedState extends StateRecord {
  readonly path: string;
  /** When it was written: milliseconds since 1970. */
  readonly at: number;
  readonly bytes: number;
}

/** An evaluation, as far as it says how good a policy is. */
export interface EvaluatedStep {
  readonly step: number;
  readonly worst: number;
  readonly mean: number;
}

export interface RunFacts {
  readonly run: string;
  readonly folder: string;
  /** When its name was taken; 0 where that cannot be read. */
  readonly begunAt: number;
  /** The last step of a run that has ended; null where it has not. */
  readonly endedAfter: number | null;
  /** Oldest first. */
  readonly states: readonly RecordedState[];
  readonly holds: readonly RunHold[];
  readonly evaluated: readonly EvaluatedStep[];
  /** Changes that took effect, and those that the run was started with. */
  readonly changes: readonly RunChange[];
  /** The state of another run that this one begins from. */
  readonly branch: { readonly of: string; readonly step: number } | null;
  /** Hashes that its record, its result and its changes name. */
  readonly named: readonly string[];
  /** The artefacts among them. */
  readonly refs: readonly ArtefactRef[];
  /** Files that cannot be read, with the reason. */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

const runSchema = z.object({
  createdAt: z.string(),
  branch: z.object({ of: z.string(), step: z.number().int() }).optional(),
  scheduled: z.array(z.object({ change: z.custom<RunChange>((value) => typeof value === 'object') })).optional(),
});
const resultSchema = z.object({ step: z.number().int() });
const evaluationSchema = z.object({
  step: z.number().int(),
  worst: z.object({ accuracy: z.number() }),
  mean: z.number(),
});

/** The runs of a home, by name: every folder below `runs/` that has a record or states. */
export async function runsOf(home: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(home, 'runs'), { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const has: string[] = await readdir(join(home, 'runs', entry.name)).catch(() => []);
    if (has.includes('run.json') || has.includes('states')) names.push(entry.name);
  }
  return names.sort();
}

/** The steps of a run from which others branch off. */
export async function branchOrigins(home: string, run: string): Promise<number[]> {
  const origins = (await runsOf(home)).map(async (name) => {
    const text = await readFile(join(runFolder(home, name), 'run.json'), 'utf8').catch(() => '{}');
    try {
      const { branch } = runSchema.pick({ branch: true }).parse(JSON.parse(text));
      return branch?.of === run ? [branch.step] : [];
    } catch {
      return [];
    }
  });
  return (await Promise.all(origins)).flat();
}

/** Reads a run's folder. Never throws for what is in it. */
export async function readRunFacts(home: string, run: string): Promise<RunFacts> {
  const folder = runFolder(home, run);
  const damaged: { file: string; reason: string }[] = [];
  /** Null where there is no such file, or where it is damaged: then it is told. */
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<{ value: T; json: unknown } | null> => {
    const file = join(folder, name);
    try {
      const json: unknown = JSON.parse(await readFile(file, 'utf8'));
      return { value: schema.parse(json), json };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      const reason =
        thrown instanceof z.ZodError ? z.prettifyError(thrown).replaceAll('\n', ' ') : (thrown as Error).message;
      damaged.push({ file, reason });
      return null;
    }
  };
  const numbered = async <T>(part: string, schema: z.ZodType<T>): Promise<{ value: T; json: unknown }[]> => {
    const names = await readdir(join(folder, part)).catch(() => []);
    const records = names.filter((name) => /^\d{6,}\.json$/.test(name)).sort();
    const found = await Promise.all(records.map((name) => read(`${part}/${name}`, schema)));
    return found.filter((one) => one !== null);
  };

  const record = await read('run.json', runSchema);
  if (record === null && damaged.length === 0) {
    damaged.push({ file: join(folder, 'run.json'), reason: 'there is no such file' });
  }
  const result = await read('result.json', resultSchema);
  const changes = await numbered('changes', appliedChangeSchema);
  const evaluations = await numbered('evaluations', evaluationSchema);
  const states: RecordedState[] = [];
  for (const step of await recordedSteps(home, run)) {
    const path = join(folder, stateRecordName(step));
    const [found, state] = [await stat(path).catch(() => null), await readStateRecord(home, run, step)];
    if (state !== null && found !== null) states.push({ ...state, path, at: found.mtimeMs, bytes: found.size });
    else if (await stat(path).catch(() => null)) damaged.push({ file: path, reason: 'it is no record of a state' });
  }
  const lines = [...holdLines([record?.json, result?.json, changes.map(({ json }) => json)])];
  const createdAt = Date.parse(record?.value.createdAt ?? '');
  return {
    run,
    folder,
    begunAt: Number.isNaN(createdAt) ? 0 : createdAt,
    endedAfter: result?.value.step ?? null,
    states,
    holds: await readHolds(home, run),
    evaluated: evaluations.map(({ value: { step, worst, mean } }) => ({ step, worst: worst.accuracy, mean })),
    changes: [
      ...changes.map(({ value }) => value.change),
      ...(record?.value.scheduled ?? []).map(({ change }) => change),
    ],
    branch: record?.value.branch ?? null,
    named: lines.flatMap((line) => /^[0-9a-f]{64}/.exec(line) ?? []),
    refs: lines.flatMap((line): ArtefactRef[] => {
      const [sha256, kind, bytes] = line.split(' ');
      return kind === undefined || bytes === undefined ? [] : [{ sha256: sha256!, kind, bytes: Number(bytes) }];
    }),
    damaged,
  };
}
