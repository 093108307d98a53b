/**
 * The record of what a version generates: `golden.json` beside a package's manifest. The same version must generate the same
 * puzzles, prompts and answers for ever; a run and a published figure name the version only.
 */
import { canonicalJson, sha256Hex } from '@evenkeel/core';
import type { Findings } from './finding.ts';
import { splits, styles } from './samples.ts';
import type { ConformanceSubject, DrawRequest } from './subject.ts';

const PUZZLES_PER_DRAW = 5;
const SEED = 7;

export interface GoldenRecord {
  /** The manifest's version that it was recorded for. */
  readonly version: string;
  /** Over all levels. */
  readonly digest: string;
  /** By level, so that a change can be said to be in one. */
  readonly levels: Readonly<Record<string, string>>;
}

/** @throws {Error} where a puzzle could not be drawn */
export async function goldenOf(subject: ConformanceSubject): Promise<GoldenRecord> {
  const levels: Record<string, string> = {};
  for (const level of subject.manifest.levels) levels[level] = await levelDigest(subject, level);
  return { version: subject.manifest.version, digest: sha256Hex(canonicalJson(levels)), levels };
}

async function levelDigest(subject: ConformanceSubject, level: string): Promise<string> {
  const requests = splits.flatMap((split) =>
    Array.from({ length: PUZZLES_PER_DRAW }, (_, index) => {
      const query = { seed: SEED, index, level, split };
      return styles.map((style): DrawRequest => ({ query, style, gold: index, decoy: index }));
    }).flat(),
  );
  const drawn = (await subject.draw(requests)).map((answer) => {
    if (answer.kind === 'drawn') return answer.drawn;
    throw new Error(`drawing a puzzle of level "${level}" failed: ${answer.error.message}`);
  });
  return sha256Hex(canonicalJson(drawn));
}

/** Whether a parsed file is such a record. */
export function isGoldenRecord(value: unknown): value is GoldenRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { version, digest, levels } = value as Readonly<Record<string, unknown>>;
  return typeof version === 'string' && typeof digest === 'string' && typeof levels === 'object' && levels !== null;
}

/** @param recorded null where nothing is recorded yet */
export async function checkGolden(
  subject: ConformanceSubject,
  findings: Findings,
  recorded: GoldenRecord | null,
): Promise<void> {
  const { version } = subject.manifest;
  if (recorded === null || recorded.version !== version) {
    const seen = recorded === null ? 'nothing is recorded' : `golden.json is of version ${recorded.version}`;
    findings.add('golden-missing', `${seen}, the manifest says ${version}`, `golden.json of version ${version}`);
    return;
  }
  let now: GoldenRecord;
  try {
    now = await goldenOf(subject);
  } catch {
    return; // What cannot be drawn is a finding already.
  }
  if (now.digest === recorded.digest) return;
  const changed = Object.keys({ ...now.levels, ...recorded.levels }).filter(
    (level) => now.levels[level] !== recorded.levels[level],
  );
  findings.add(
    'golden-changed',
    `version ${version} generates other puzzles, prompts or answers than recorded, at ${changed.length === 1 ? 'level' : 'levels'} ${changed.join(', ')}`,
    'the same for ever under one version',
  );
}
