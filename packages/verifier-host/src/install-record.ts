/** Where an installed verifier came from: `<home>/verifiers/<id>/<version>.json`, beside its folder. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile } from '@evenkeel/store';
import { z } from 'zod';
import { installedVerifiersDir } from './discover.ts';

const recordSchema = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  version: z.string(),
  kind: z.enum(['folder', 'tarball', 'npm']),
  /** An absolute path, or what npm was asked for. */
  source: z.string(),
  installedAt: z.iso.datetime(),
  /** Of the bundled code, or of an endpoint's manifest and address: the content hash that runs record where no file is granted. */
  sha256: z.string(),
  /** Of the package's own files. */
  filesSha256: z.string(),
});

export type InstallRecord = Readonly<z.infer<typeof recordSchema>>;

export function installRecordPath(home: string, id: string, version: string): string {
  return join(installedVerifiersDir(home), id, `${version}.json`);
}

/** Null where there is none, or none that can be read: the package is used all the same. */
export async function readInstallRecord(home: string, id: string, version: string): Promise<InstallRecord | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(installRecordPath(home, id, version), 'utf8')));
  } catch {
    return null;
  }
}

export async function writeInstallRecord(home: string, record: Omit<InstallRecord, 'format'>): Promise<void> {
  const path = installRecordPath(home, record.id, record.version);
  const text = `${JSON.stringify({ format: 1, ...record } satisfies InstallRecord, null, 2)}\n`;
  await replaceFile(path, Buffer.from(text), dirname(path));
}
