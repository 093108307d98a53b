/** What is damaged in the records of a home's runs, and what each damage means for the run. */
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { artefactsOf, readStateRecord, recordedSteps, runFolder, writeRunRecord } from '@evenkeel/activities';
import { configHash, parseRunConfig } from '@evenkeel/protocol';
import type { FolderStore } from '@evenkeel/store';
import { z } from 'zod';
import { type RunRecord, runRecordSchema } from '../train/run-record.ts';

/** One damage. */
export interface RunDamage {
  readonly kind: 'record' | 'state';
  readonly path: string;
  /** What is wrong, in words. */
  readonly state: string;
  /** What follows from it, or what to do. */
  readonly means: string;
  /** Whether nothing is left to do about it. */
  readonly repaired: boolean;
}

/** Record folders whose files are for reading: the run needs none of them. */
const TOLD = ['steps', 'evaluations'] as const;

/** The folders below `runs/`, whatever is in them. */
export async function runFolders(home: string): Promise<string[]> {
  const entries = await readdir(join(home, 'runs'), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Looks at one run. @param repair whether what can be made again is made, and what is damaged set aside */
export async function* examineRun(
  home: string,
  run: string,
  store: FolderStore,
  repair: boolean,
): AsyncGenerator<RunDamage> {
  const folder = runFolder(home, run);
  for (const part of [...TOLD, 'changes', 'states'] as const) {
    for (const name of (await readdir(join(folder, part)).catch(() => []))
      .filter((each) => each.endsWith('.json'))
      .sort()) {
      const path = join(folder, part, name);
      const step = Number.parseInt(name, 10);
      const isWhole = part === 'states' ? (await readStateRecord(home, run, step)) !== null : await isJson(path);
      if (isWhole) continue;
      if (part === 'changes') {
        const means = `the run cannot be begun anew without it: restore ${folder}, or begin a branch from a step before it`;
        yield { kind: 'record', path, state: 'it cannot be read', means, repaired: false };
        continue;
      }
      const means =
        part === 'states'
          ? 'should the history be lost, the run goes on from the state before it, which is written again on the way'
          : 'nobody reads of it any more; the run does not need it';
      if (repair) await setRecordAside(path);
      yield { kind: 'record', path, state: 'it cannot be read', means, repaired: repair };
    }
  }
  yield* examineStates(home, run, store);
  yield* examineRunRecord(home, run, store, repair);
}

/** Whether the run can go on from its newest state. To be asked once the store was examined. */
async function* examineStates(home: string, run: string, store: FolderStore): AsyncGenerator<RunDamage> {
  const steps = (await recordedSteps(home, run)).reverse();
  let newest: string | null = null;
  for (const step of steps) {
    const record = await readStateRecord(home, run, step);
    if (record === null) continue;
    const missing: string[] = [];
    for (const ref of artefactsOf(record)) {
      if (!(await store.has(ref))) missing.push(`${ref.kind} ${ref.sha256.slice(0, 12)}`);
    }
    if (missing.length === 0) {
      if (newest !== null) {
        const means = `the run goes back to its state after step ${step}, finds what is committed and makes the rest again`;
        yield {
          kind: 'state',
          path: newest,
          state: 'artefacts that it names are damaged or gone',
          means,
          repaired: true,
        };
      }
      return;
    }
    newest ??= join(runFolder(home, run), `states/${String(step).padStart(6, '0')}.json`);
  }
  if (newest === null) return;
  const means =
    'no state is whole: the run goes back to its beginning, finds what is committed and makes the rest again';
  yield { kind: 'state', path: newest, state: 'artefacts that it names are damaged or gone', means, repaired: true };
}

/** `run.json` is made again from the first state, which names the configuration. */
async function* examineRunRecord(
  home: string,
  run: string,
  store: FolderStore,
  repair: boolean,
): AsyncGenerator<RunDamage> {
  const path = join(runFolder(home, run), 'run.json');
  const state = await wrongWithRecord(path);
  if (state === null) return;
  const first = await readStateRecord(home, run, 0);
  const isBranch = first === null || first.step !== 0;
  const way = `start the run with the flags or the file that it was started with`;
  if (first === null || isBranch || !repair) {
    const means =
      first === null
        ? `restore it from a copy, or remove it and ${way}`
        : 'evenkeel check --repair makes it again from the first state';
    yield { kind: 'record', path, state, means, repaired: false };
    return;
  }
  const config = parseRunConfig(await store.getJson(first.config, z.unknown()));
  const at = await stat(join(runFolder(home, run), 'states/000000.json'));
  const record: RunRecord = {
    version: 1,
    run,
    configHash: configHash(config),
    config,
    createdAt: at.mtime.toISOString(),
  };
  if (existsSync(path)) await setRecordAside(path);
  await writeRunRecord(home, run, 'run.json', record);
  yield { kind: 'record', path, state, means: 'it was made again from the first state', repaired: true };
}

/** What is wrong with a run's record; null where nothing is. */
async function wrongWithRecord(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return 'it is gone';
  try {
    const json = JSON.parse(text);
    const parsed = runRecordSchema.safeParse(json);
    if (!parsed.success) return 'it is no record that train wrote';
    // A record of an earlier release lacks fields: its hash is that of what it says itself.
    const hashes = [configHash(json.config), configHash(parsed.data.config)];
    return hashes.includes(parsed.data.configHash) ? null : 'its configuration is not the one of its hash';
  } catch {
    return 'it cannot be read';
  }
}

async function isJson(path: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Beside the run's other files, under a name that nobody reads. */
async function setRecordAside(path: string): Promise<void> {
  await rename(path, join(dirname(path), `${path.slice(dirname(path).length + 1)}.damaged`));
}
