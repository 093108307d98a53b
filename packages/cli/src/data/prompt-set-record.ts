/**
 * The prompt sets of a home: `<home>/prompt-sets/<name>.json` says what a name stands for, the rows lie in the store by their
 * content. A run keeps the reference to the rows, so a set that is replaced changes no run.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artefactRefSchema, type KnownPromptSet, promptSetNameSchema } from '@evenkeel/protocol';
import { replaceFile, storeErrorFrom } from '@evenkeel/store';
import { z } from 'zod';

const count = z.number().int().nonnegative();

const promptSetSchema = z.strictObject({
  version: z.literal(1),
  name: promptSetNameSchema,
  /** A `prompts` table. */
  rows: artefactRefSchema,
  /** Rows by verifier, level and split. */
  counts: z.array(
    z.strictObject({ verifier: z.string(), level: z.string(), train: count, tune: count, heldout: count }),
  ),
  /** The file's name, for people. */
  source: z.string(),
  importedAt: z.string(),
});
export type PromptSetRecord = z.infer<typeof promptSetSchema>;

function folderOf(home: string): string {
  return join(home, 'prompt-sets');
}

/** All prompt sets of the home, by name. A record that cannot be read is left out. */
export async function readPromptSets(home: string): Promise<PromptSetRecord[]> {
  if (!existsSync(folderOf(home))) return [];
  const names = (await readdir(folderOf(home))).filter((name) => name.endsWith('.json')).sort();
  const records = await Promise.all(names.map((name) => readRecord(join(folderOf(home), name))));
  return records.filter((record) => record !== null);
}

/** The prompt set of a name; null where there is none. */
export async function findPromptSet(home: string, name: string): Promise<PromptSetRecord | null> {
  return promptSetNameSchema.safeParse(name).success ? await readRecord(join(folderOf(home), `${name}.json`)) : null;
}

export async function writePromptSet(home: string, record: PromptSetRecord): Promise<void> {
  const path = join(folderOf(home), `${record.name}.json`);
  try {
    await mkdir(folderOf(home), { recursive: true });
    await replaceFile(path, Buffer.from(`${JSON.stringify(record, null, 2)}\n`), folderOf(home));
  } catch (thrown) {
    throw storeErrorFrom("write a prompt set's record", path, thrown);
  }
}

/** What a configuration is checked against. */
export function knownPromptSet({ name, rows, counts }: PromptSetRecord): KnownPromptSet {
  const byVerifier = Map.groupBy(counts, ({ verifier }) => verifier);
  const levels = [...byVerifier].map(([verifier, own]) => [verifier, own.map(({ level }) => level)] as const);
  return { name, rows, levels: Object.fromEntries(levels) };
}

/** Rows of a set, or of its rows for one verifier. */
export function rowCount({ counts }: Pick<PromptSetRecord, 'counts'>): number {
  return counts.reduce((sum, { train, tune, heldout }) => sum + train + tune + heldout, 0);
}

async function readRecord(path: string): Promise<PromptSetRecord | null> {
  try {
    return promptSetSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}
