/**
 * What a run's history refers to, for whoever tidies the store: `runs/<run>/holds/000041.txt` names every artefact that an activity was
 * given or gave since so many steps were done. A workflow knows nothing but what its activities gave it, so these files and the run's
 * records together are all that the run may ask for, however long it is at rest, and in the middle of a step too.
 *
 * A line is a hash, a kind and a number of bytes; or a hash alone (a verifier's code); or `pin` and a step that somebody wants kept. It is
 * written before the activity's result goes to Temporal. Written lines are on the disk after a kill; after a power cut the last may be
 * missing: that is what the file's age is for, see retention.ts.
 */
import { open, readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import { storeErrorFrom } from '@evenkeel/store';
import { makeFolders } from '@evenkeel/store/make-folders';
import type { ActivityContext } from './context.ts';
import { runFolder } from './run-folder.ts';
import { recordedSteps } from './state-record.ts';

/** While an activity runs, its file is made young so often: long work is a sign of life too. */
const SIGN_OF_LIFE_MS = 30_000;

/** What is held since so many steps were done. */
export interface RunHold {
  /** Steps that were done. */
  readonly step: number;
  readonly path: string;
  /** When something of the run was last at work: milliseconds since 1970. */
  readonly at: number;
  readonly bytes: number;
  readonly refs: readonly ArtefactRef[];
  /** Every hash, those of `refs` too. */
  readonly hashes: readonly string[];
  /** Steps whose state somebody asked to be kept. */
  readonly pins: readonly number[];
}

/** The file of what is held since so many steps were done, within the run's folder. */
function holdFileName(step: number): string {
  return `holds/${String(step).padStart(6, '0')}.txt`;
}

/** What a run's history refers to, oldest first. */
export async function readHolds(home: string, run: string): Promise<RunHold[]> {
  const folder = join(runFolder(home, run), 'holds');
  const names = await readdir(folder).catch(() => []);
  const holds = names
    .filter((name) => /^\d{6,}\.txt$/.test(name))
    .sort()
    .map(async (name): Promise<RunHold | null> => {
      const path = join(folder, name);
      const file = await open(path, 'r').catch(() => null);
      if (file === null) return null;
      try {
        const [{ mtimeMs, size }, text] = [await file.stat(), await file.readFile('utf8')];
        return { step: Number.parseInt(name, 10), path, at: mtimeMs, bytes: size, ...parseHold(text) };
      } finally {
        await file.close();
      }
    });
  return (await Promise.all(holds)).filter((hold) => hold !== null);
}

/** Lenient: a line that a kill cut off was of an activity that gave nothing. */
function parseHold(text: string): Pick<RunHold, 'refs' | 'hashes' | 'pins'> {
  const lines = text.split('\n');
  const refs = lines.flatMap((line): ArtefactRef[] => {
    const [, sha256, kind, bytes] = /^([0-9a-f]{64}) (\S{1,40}) (\d+)$/.exec(line) ?? [];
    return sha256 === undefined ? [] : [{ kind: kind!, sha256, bytes: Number(bytes) }];
  });
  return {
    refs,
    hashes: lines.flatMap((line) => /^[0-9a-f]{64}(?= |$)/.exec(line) ?? []),
    pins: lines.flatMap((line) => {
      const [, step] = /^pin (\d+)$/.exec(line) ?? [];
      return step === undefined ? [] : [Number(step)];
    }),
  };
}

/** The lines of everything that a value names. */
export function holdLines(value: unknown, lines: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const entry of value) holdLines(entry, lines);
  else if (typeof value === 'object' && value !== null) {
    const { sha256, kind, bytes, step } = value as Readonly<Record<string, unknown>>;
    if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) {
      const isRef = typeof kind === 'string' && typeof bytes === 'number';
      lines.add(isRef ? `${sha256} ${kind} ${bytes}` : sha256);
    }
    if (kind === 'pin' && typeof step === 'number') lines.add(`pin ${step}`);
    for (const field of Object.values(value)) if (typeof field === 'object') holdLines(field, lines);
  }
  return lines;
}

/** What an activity is given, as far as it says of which run and step it is. */
interface HeldInput {
  readonly run?: unknown;
  readonly step?: unknown;
  readonly state?: { readonly step?: unknown } | null;
}

/** By home and run: the file that is written to, and the lines that are in it. */
const writing = new Map<string, { readonly path: string; readonly lines: Set<string> }>();

/** An activity whose inputs and results are held until its run is some steps further. */
export function holding<A extends unknown[], R>(
  { home }: Pick<ActivityContext, 'home'>,
  activity: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    const input = (args[0] ?? {}) as HeldInput;
    const { run } = input;
    if (typeof run !== 'string') return await activity(...args);
    const path = await hold(home, run, stepOf(input), holdLines(args));
    const life = setInterval(() => void refresh(path), SIGN_OF_LIFE_MS);
    life.unref();
    try {
      const result = await activity(...args);
      await hold(home, run, stepOf(input) ?? stepOf((result ?? {}) as HeldInput), holdLines(result));
      return result;
    } finally {
      clearInterval(life);
    }
  };
}

function stepOf({ step, state }: HeldInput): number | undefined {
  const found = state?.step ?? step;
  return typeof found === 'number' ? found : undefined;
}

/** Writes the lines that are not there yet. @returns the file */
async function hold(home: string, run: string, step: number | undefined, lines: Iterable<string>): Promise<string> {
  const done = step ?? (await recordedSteps(home, run)).at(-1) ?? 0;
  const path = join(runFolder(home, run), holdFileName(done));
  try {
    let file = writing.get(`${home}\n${run}`);
    if (file?.path !== path) {
      const text = await readFile(path, 'utf8').catch(() => '');
      file = { path, lines: new Set(text.split('\n')) };
      writing.set(`${home}\n${run}`, file);
    }
    const known = file.lines;
    const fresh = [...lines].filter((line) => !known.has(line));
    if (fresh.length === 0) await refresh(path);
    else await append(path, `\n${fresh.join('\n')}\n`);
    for (const line of fresh) known.add(line);
  } catch (thrown) {
    throw storeErrorFrom('note what a run refers to', path, thrown);
  }
  return path;
}

/** One write, with a line feed before it: what a kill cut off of the last one does not spoil it. */
async function append(path: string, text: string): Promise<void> {
  const write = async () => {
    const file = await open(path, 'a');
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  };
  try {
    await write();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    makeFolders(join(path, '..'));
    await write();
  }
}

async function refresh(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
