/** What a home takes of the disk: by part, and in its store by run and by kind of artefact. It changes nothing, ages included. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Amount, artefactFiles, commitFiles, type FolderStore } from '@evenkeel/store';
import { NamedArtefacts } from './retention.ts';
import { type RunFacts, readRunFacts, runsOf } from './run-facts.ts';
import { artefactsOf } from './state-record.ts';

/** What one run takes. */
export interface RunUse {
  readonly run: string;
  /** Steps of which it has a table. */
  readonly steps: number;
  /** Steps whose states are there. */
  readonly states: readonly number[];
  /** Of the artefacts that only it names, by kind, and its `commit`s. */
  readonly kinds: Readonly<Record<string, Amount>>;
  /** All of these. */
  readonly bytes: number;
  /** Artefacts that other runs name too. */
  readonly shared: Amount;
  /** Its folder: records, tables, the policy as a model folder. */
  readonly folder: Amount;
}

export interface DiskUse {
  /** By folder of the home: `store`, `runs`, `temporal`, `logs` …; single files under `files`. */
  readonly parts: Readonly<Record<string, Amount>>;
  readonly runs: readonly RunUse[];
  /** Artefacts that several runs name, by kind. */
  readonly shared: Readonly<Record<string, Amount>>;
  /** What no run names: for `evenkeel gc`. By kind, where a commit tells it. */
  readonly unnamed: Readonly<Record<string, Amount>>;
  readonly bytes: number;
}

type Amounts = Record<string, { count: number; bytes: number }>;

/** What lies in a folder and below. What goes in the meantime is left out. */
async function folderUse(folder: string): Promise<Amount> {
  const total = { count: 0, bytes: 0 };
  for (const entry of await readdir(folder, { withFileTypes: true })
    .catch(() => null)
    .then((found) => found ?? [])) {
    const path = join(folder, entry.name);
    const { count, bytes } = entry.isDirectory()
      ? await folderUse(path)
      : { count: 1, bytes: (await stat(path).catch(() => null))?.size ?? 0 };
    total.count += count;
    total.bytes += bytes;
  }
  return total;
}

/** A home by its parts. */
export async function homeParts(home: string): Promise<Record<string, Amount>> {
  const parts: Amounts = {};
  for (const entry of await readdir(home, { withFileTypes: true })
    .catch(() => null)
    .then((found) => found ?? [])) {
    if (entry.isDirectory()) parts[entry.name] = await folderUse(join(home, entry.name));
    else add(parts, 'files', (await stat(join(home, entry.name)).catch(() => null))?.size ?? 0);
  }
  return parts;
}

/** Measures a home. */
export async function diskUse(home: string, store: FolderStore): Promise<DiskUse> {
  const memory = new NamedArtefacts(store);
  const kinds = new Map<string, string>();
  const users = new Map<string, Set<string>>();
  const use = (run: string, sha256: string) => {
    const named = users.get(sha256);
    if (named === undefined) users.set(sha256, new Set([run]));
    else named.add(run);
  };
  const own = new Map<string, Amounts>();
  const all: RunFacts[] = [];
  for (const run of await runsOf(home)) {
    const facts = await readRunFacts(home, run);
    all.push(facts);
    own.set(run, {});
    for (const sha256 of await memory.ofRun(facts, { states: [], holds: [] })) use(run, sha256);
    const { states, holds, refs } = facts;
    for (const ref of [...refs, ...states.flatMap(artefactsOf), ...holds.flatMap((hold) => hold.refs)]) {
      kinds.set(ref.sha256, ref.kind);
    }
  }
  for (const architecture of memory.architectures()) kinds.set(architecture, 'architecture');
  for await (const { commit } of commitFiles(store)) {
    if (commit === null) continue;
    const run = commit.key.split('/', 1)[0]!;
    for (const { sha256, kind } of commit.refs) {
      kinds.set(sha256, kind);
      if (own.has(run)) use(run, sha256);
    }
    const kept = own.get(run);
    if (kept !== undefined) add(kept, 'commit', commit.bytes);
  }

  const shared: Amounts = {};
  const unnamed: Amounts = {};
  const sharedOf = new Map<string, { count: number; bytes: number }>();
  for await (const { sha256, bytes } of artefactFiles(store)) {
    const kind = kinds.get(sha256) ?? 'other';
    const [first, ...others] = users.get(sha256) ?? [];
    if (first === undefined) add(unnamed, kind, bytes);
    else if (others.length === 0) add(own.get(first)!, kind, bytes);
    else {
      add(shared, kind, bytes);
      for (const run of [first, ...others]) {
        const amount = sharedOf.get(run) ?? { count: 0, bytes: 0 };
        sharedOf.set(run, { count: amount.count + 1, bytes: amount.bytes + bytes });
      }
    }
  }
  const parts = await homeParts(home);
  return {
    parts,
    runs: await Promise.all(all.map((facts) => runUse(facts, own.get(facts.run)!, sharedOf.get(facts.run)))),
    shared,
    unnamed,
    bytes: Object.values(parts).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function runUse({ run, folder, states }: RunFacts, kinds: Amounts, shared: Amount | undefined): Promise<RunUse> {
  const tables = await readdir(join(folder, 'steps')).catch(() => []);
  return {
    run,
    steps: tables.length,
    states: states.map(({ step }) => step),
    kinds,
    bytes: Object.values(kinds).reduce((sum, { bytes }) => sum + bytes, 0),
    shared: shared ?? { count: 0, bytes: 0 },
    folder: await folderUse(folder),
  };
}

function add(amounts: Amounts, name: string, bytes: number): void {
  amounts[name] ??= { count: 0, bytes: 0 };
  amounts[name].count++;
  amounts[name].bytes += bytes;
}
