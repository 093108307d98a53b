/**
 * What a home's runs have written down, as `show` and `runs` read it: small JSON files, checked. A record that is not there yet, or
 * not readable, is left out: the run goes on whether or not anybody can read of it.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeRecordName, type Evaluation, runFolder, type StepTable } from '@evenkeel/activities';
import { type AppliedChange, appliedChangeSchema, artefactRefSchema } from '@evenkeel/protocol';
import { z } from 'zod';

const worstSchema = z.object({ task: z.string(), accuracy: z.number() });
const count = z.number().int().nonnegative();

const stepSchema = z.object({
  step: count,
  tasks: z.array(
    z.object({
      task: z.string(),
      weight: z.number(),
      filterRate: z.number(),
      accuracy: z.number(),
      reward: z.number(),
      drawn: count,
      kept: count,
      trained: count,
      improvement: z.number().nullable(),
      failed: count.exactOptional(),
      replaced: count.exactOptional(),
      abstained: count.exactOptional(),
      failures: z.record(z.string(), count).exactOptional(),
      retried: count.exactOptional(),
      silent: z.literal(true).exactOptional(),
    }),
  ),
  worst: worstSchema,
  mean: z.number(),
  rounds: count,
  sequences: count,
  completionTokens: count,
  trainedTokens: count,
  shortfall: z.number(),
  loss: z.number(),
  gradientNorm: z.number(),
  clipFraction: z.number(),
  entropy: z.number(),
  empty: z.literal(true).exactOptional(),
}) satisfies z.ZodType<StepTable>;

const evaluationSchema = z.object({
  step: count,
  policy: artefactRefSchema,
  tasks: z.array(
    z.object({
      task: z.string(),
      correct: count,
      formatted: count,
      total: count,
      failed: count.exactOptional(),
      abstained: count.exactOptional(),
    }),
  ),
  worst: worstSchema,
  mean: z.number(),
}) satisfies z.ZodType<Evaluation>;

const resultSchema = z.object({ step: count, sha256: z.string() });

/** How a finished run ended. */
export interface RunEnd {
  readonly step: number;
  /** Of the weights. */
  readonly sha256: string;
  /** The trained policy's folder. */
  readonly path: string;
}

/** The tables of a run's finished steps, in order. */
export async function readSteps(home: string, run: string): Promise<StepTable[]> {
  return await readRecords(join(runFolder(home, run), 'steps'), stepSchema);
}

/** A run's evaluations, in order: the first is that of the base. */
export async function readEvaluations(home: string, run: string): Promise<Evaluation[]> {
  return await readRecords(join(runFolder(home, run), 'evaluations'), evaluationSchema);
}

/** Steps that are done, without reading their tables. */
export async function lastStep(home: string, run: string): Promise<number> {
  const names = await recordNames(join(runFolder(home, run), 'steps'));
  return Number.parseInt(names.at(-1) ?? '0', 10);
}

/** The table of one step; null where it is not done. */
export async function readStep(home: string, run: string, step: number): Promise<StepTable | null> {
  return await readRecord(join(runFolder(home, run), 'steps', `${String(step).padStart(6, '0')}.json`), stepSchema);
}

/** How the run ended; null where it has not. */
export async function readResult(home: string, run: string): Promise<RunEnd | null> {
  const folder = runFolder(home, run);
  const result = await readRecord(join(folder, 'result.json'), resultSchema);
  return result === null ? null : { ...result, path: join(folder, 'policy') };
}

/** One change, by its number from 1; null where it has not taken effect. */
export async function readChange(home: string, run: string, number: number): Promise<AppliedChange | null> {
  return await readRecord(join(runFolder(home, run), changeRecordName(number)), appliedChangeSchema);
}

async function readRecords<T>(folder: string, schema: z.ZodType<T>): Promise<T[]> {
  const names = await recordNames(folder);
  const records = await Promise.all(names.map((name) => readRecord(join(folder, name), schema)));
  return records.filter((record) => record !== null);
}

/** Names are numbers with leading zeros: in order when they are sorted. */
async function recordNames(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).filter((name) => /^\d{6,}\.json$/.test(name)).sort();
}

async function readRecord<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}
