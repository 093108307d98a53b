/**
 * Under which engine a run computes, as its record says it: what decides bits besides the configuration. A run that began under
 * another engine is not carried on in silence: its weights would be those of neither. It computes nothing itself.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { engineIdentity } from '@evenkeel/policy';
import { type RunChange, type RunConfig, version } from '@evenkeel/protocol';
import { z } from 'zod';

/** What `run.json` has of the engine. */
export const engineSchema = z.strictObject({
  /** For people: two versions of one revision give the same numbers. */
  evenkeel: z.string(),
  revision: z.number().int(),
  /** Node's major version: with it comes V8 and its `Math`. */
  node: z.number().int(),
  onnxruntime: z.string(),
  platform: z.string(),
  instructions: z.string(),
  /**
   * Of each session. onnxruntime cuts a product of matrices by its threads, and where a piece is narrow it adds in another order: the
   * last bits of a sampled log-probability differ with two threads from those with one.
   */
  threads: z.number().int().positive(),
  /** Left out: the CPU. */
  device: z.enum(['webgpu', 'cuda']).exactOptional(),
});
export type Engine = z.infer<typeof engineSchema>;

/** What may change a bit, with the word that people know it by. */
const DECIDING = {
  revision: 'numbers',
  onnxruntime: 'onnxruntime',
  node: 'node',
  platform: 'platform',
  instructions: 'instructions',
  threads: 'threads',
  device: 'device',
} as const satisfies Partial<Record<keyof Engine, string>>;

/** The engine of this process, and so of the workers that it starts with so many threads a session, on that device. */
export function engineNow({ threads, device }: Pick<RunConfig, 'threads' | 'device'>): Engine {
  const node = Number(process.versions.node.split('.', 1)[0]);
  return { evenkeel: version, node, ...engineIdentity(), threads, ...(device === 'cpu' ? {} : { device }) };
}

/** `numbers 1, onnxruntime 1.30.0, node 26, platform linux-x64, instructions avx512f, threads 2 (evenkeel 0.2.0)`. */
export function engineText(engine: Engine): string {
  const deciding = Object.entries(DECIDING).flatMap(([field, word]) => {
    const value = engine[field as keyof Engine];
    return value === undefined ? [] : [`${word} ${value}`];
  });
  return `${deciding.join(', ')} (evenkeel ${engine.evenkeel})`;
}

/** What differs between two engines and may change a bit, such as `node 26 → 27`; another version of Evenkeel alone may not. */
export function engineDifferences(before: Engine, after: Engine): string[] {
  return Object.entries(DECIDING).flatMap(([field, word]) => {
    const [a, b] = [before[field as keyof Engine], after[field as keyof Engine]];
    return a === b ? [] : [`${word} ${a ?? 'cpu'} → ${b ?? 'cpu'}`];
  });
}

const stateSchema = z.looseObject({
  step: z.number().int(),
  state: z.looseObject({
    checkpoint: z.looseObject({ step: z.number().int() }).nullable(),
    redo: z.array(z.unknown()),
  }),
});

/** Where a run stands with its optimizer. */
interface Standing {
  readonly step: number;
  /** Steps done at the last checkpoint; 0: the base. */
  readonly checkpoint: number;
  /** Updates since then, which a trainer that begins anew has to do again. */
  readonly redo: number;
}

/** As the newest record of a run's state says, or that of one step; null where there is none. */
async function standingOf(home: string, run: string, step?: number): Promise<Standing | null> {
  const folder = join(runFolder(home, run), 'states');
  if (!existsSync(folder)) return null;
  const wanted = step === undefined ? /^\d{6,}\.json$/ : new RegExp(`^0*${step}\\.json$`);
  const [newest] = (await readdir(folder))
    .filter((name) => wanted.test(name))
    .sort()
    .toReversed();
  if (newest === undefined) return null;
  const { step: done, state } = stateSchema.parse(JSON.parse(await readFile(join(folder, newest), 'utf8')));
  return { step: done, checkpoint: state.checkpoint?.step ?? 0, redo: state.redo.length };
}

/** What is asked of a run's record here. */
export interface EngineRecord {
  readonly run: string;
  readonly engine?: Engine | undefined;
  /** The engine that it was taken over from, while the change is not recorded yet. */
  readonly engineBefore?: Engine | undefined;
  readonly branch?: { readonly of: string; readonly step: number } | undefined;
}

/** What a run's record is to say of its engine from now on. */
export interface EngineDecision {
  readonly engine: Engine;
  /** The engine before, to be kept in the record until the run is at work and has recorded the change; null where nothing changes. */
  readonly before: Engine | null;
  /** For the user; null where there is nothing to tell. */
  readonly note: string | null;
}

export interface EngineOptions {
  readonly home: string;
  readonly record: EngineRecord;
  /** Of the run that a branch began from; undefined where that is unknown. */
  readonly origin?: Engine | undefined;
  /** `--accept-engine`. */
  readonly accept: boolean;
  readonly now: Engine;
}

/**
 * Whether a run may go on under the present engine.
 *
 * A run without an engine in its record (of a release before there was one) goes on under the present one; should that give other
 * numbers, the trainer refuses at the first update that it has to do again (`redo-mismatch`).
 *
 * @throws {ConfigError} `engine-differs` where it began under another one: the message has the ways out
 */
export async function decideEngine({ home, record, origin, accept, now }: EngineOptions): Promise<EngineDecision> {
  const { run, branch } = record;
  const own = await standingOf(home, run);
  const isNewBranch = branch !== undefined && own === null;
  const before = record.engine ?? (isNewBranch ? origin : undefined);
  const settled = { engine: now, before: null };
  if (before === undefined) {
    const note =
      own === null ? null : `Run "${run}" does not say under which engine it began: from here it is ${engineText(now)}`;
    return { ...settled, note };
  }
  const differences = engineDifferences(before, now);
  if (differences.length === 0) {
    const pending = record.engineBefore;
    if (pending !== undefined) return { engine: now, before: pending, note: null };
    return { ...settled, note: null };
  }
  const standing = isNewBranch ? await standingOf(home, branch.of, branch.step) : own;
  refuse(run, differences, standing, accept || isNewBranch);
  return {
    ...{ engine: now, before },
    note: `Run "${run}" goes on under another engine (${differences.join('; ')}) from step ${standing?.step ?? 0}: recorded as a change`,
  };
}

/** As the run's record of changes has it. */
export function engineChange(before: Engine, after: Engine): Extract<RunChange, { kind: 'engine' }> {
  return { kind: 'engine', from: engineText(before), to: engineText(after) };
}

/** @throws {ConfigError} `engine-differs`, unless it is accepted and no update would have to be done again */
function refuse(run: string, differences: readonly string[], standing: Standing | null, accept: boolean): void {
  const what = `Cannot go on with run "${run}" under another engine (${differences.join('; ')})`;
  const threads = differences.find((difference) => difference.startsWith('threads '));
  const back = `the engine that it began under${threads === undefined ? '' : ` (--threads ${threads.split(' ')[1]})`}`;
  if (standing !== null && standing.redo > 0) {
    const { step, checkpoint, redo } = standing;
    throw new ConfigError(
      `${what}: after step ${step} it has ${redo} update${redo === 1 ? '' : 's'} since its checkpoint at step ${checkpoint}, which would not give the recorded weights again, expected ${back}; or a branch from the checkpoint, which keeps this run as it is: evenkeel rollback ${run} --to ${checkpoint} --name ${run.slice(0, 34)}-again, then evenkeel train --run ${run.slice(0, 34)}-again`,
      { code: 'engine-differs' },
    );
  }
  if (accept) return;
  throw new ConfigError(
    `${what}: it may round differently, and the run would end with other weights than it began for, expected ${back}; or --accept-engine, which is recorded as a change of the run`,
    { code: 'engine-differs' },
  );
}
