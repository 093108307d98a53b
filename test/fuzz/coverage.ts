/**
 * Which pieces of the scoring code were never run: block coverage as the runtime itself counts it. Types are stripped in place, so
 * that its offsets are those of the sources.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(import.meta.dirname, '../..');
const scoringFiles = /^(verifiers\/[a-z]+\/src\/(score|expression)|packages\/verifier\/src\/boxed)\.ts$/;

export interface ScoringCoverage {
  /** Blocks that the runtime tells apart, functions included. */
  readonly blocks: number;
  /** `file:line text` of each that was not run. */
  readonly missed: readonly string[];
}

/**
 * Counts from now on, until what is returned is called. Functions that have run before are counted as a whole, so this comes first.
 */
export async function startScoringCoverage(): Promise<() => Promise<ScoringCoverage>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return async () => {
    const { result } = await session.post('Profiler.takePreciseCoverage');
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
    const missed: string[] = [];
    let blocks = 0;
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = fileURLToPath(url);
      const name = relative(ROOT, path);
      if (!scoringFiles.test(name)) continue;
      const source = readFileSync(path, 'utf8');
      for (const { ranges } of functions) {
        for (const { count, startOffset, endOffset } of ranges) {
          blocks++;
          if (count > 0) continue;
          const line = source.slice(0, startOffset).split('\n').length;
          const text = source.slice(startOffset, endOffset).trim().replaceAll(/\s+/g, ' ').slice(0, 60);
          missed.push(`${name}:${line} ${text}`);
        }
      }
    }
    return { blocks, missed };
  };
}
