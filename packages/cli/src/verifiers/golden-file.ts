/** `golden.json` of a verifier's package: read and written. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@evenkeel/core';
import { type ConformanceSubject, type GoldenRecord, goldenOf, isGoldenRecord } from '@evenkeel/verifier';

export const goldenFileName = 'golden.json';

/** @returns null where there is none; @throws {ConfigError} where it is malformed */
export function readGolden(folder: string): GoldenRecord | null {
  const path = join(folder, goldenFileName);
  if (!existsSync(path)) return null;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    value = null;
  }
  if (isGoldenRecord(value)) return value;
  throw new ConfigError(
    `Cannot read ${path}: it is malformed, expected { version, digest, levels }; delete it and write it anew with --update-golden`,
    { code: 'golden-malformed' },
  );
}

/**
 * Records what the verifier generates now.
 *
 * @returns whether something was written
 * @throws {ConfigError} if another digest is recorded under the same version: what was drawn under it would be another puzzle
 */
export async function updateGolden(folder: string, subject: ConformanceSubject): Promise<boolean> {
  const recorded = readGolden(folder);
  const now = await goldenOf(subject).catch((cause: Error) => {
    throw new ConfigError(
      `Cannot update ${goldenFileName}: ${cause.message}, expected puzzles of every level; evenkeel verifier test without --update-golden says more`,
      { code: 'golden-undrawn', cause },
    );
  });
  if (recorded?.version === now.version) {
    if (recorded.digest === now.digest) return false;
    throw new ConfigError(
      `Cannot update ${goldenFileName}: it holds another digest for version ${now.version}, expected a higher version in the manifest and package.json (where nobody has used ${now.version} yet, delete ${goldenFileName} first)`,
      { code: 'golden-recorded' },
    );
  }
  writeFileSync(join(folder, goldenFileName), `${JSON.stringify(now, null, 2)}\n`);
  return true;
}
