/**
 * The conformance kit: what every task package must keep, checked on any verifier, in this process or behind a sandbox. It reports
 * findings and does not throw, so that a command line and a test can both show all of them. It knows no task; that gold answers are
 * right for the right reason, and that the puzzles are good ones, is for the task's own tests.
 */
import type { TaskVerifier } from '../contract.ts';
import { checkAnswers } from './check-answers.ts';
import { checkCompletions, type SlowestCall } from './check-completions.ts';
import { checkGeneration } from './check-generation.ts';
import { checkGroundTruths } from './check-ground-truth.ts';
import { checkLevels } from './check-levels.ts';
import { checkManifest } from './check-manifest.ts';
import { checkMutations } from './check-mutations.ts';
import { type ConformanceCheck, type ConformanceFinding, Findings } from './finding.ts';
import { checkGolden, type GoldenRecord } from './golden.ts';
import { drawSamples, type Inspection } from './samples.ts';
import { type ConformanceSubject, subjectOf } from './subject.ts';

export interface ConformanceOptions {
  /** Of each level and split; default 20. */
  readonly puzzles?: number;
  /** Completions made of pieces of answers, prompts and hostile text; default 2000. */
  readonly fuzzed?: number;
  /** Hostile texts of more characters are left out; default: none is, the longest has two million. */
  readonly longestText?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Findings of one check that are told; default 5. */
  readonly mostPerCheck?: number;
}

export interface InspectionOptions extends ConformanceOptions {
  /** The same verifier in another process: it must give the same. */
  readonly another?: ConformanceSubject;
  /** What `golden.json` holds; null where there is none. Left out, it is not looked at. */
  readonly golden?: GoldenRecord | null;
  /** Milliseconds. Left out, no call is timed. */
  readonly clock?: () => number;
}

export interface ConformanceReport {
  readonly findings: readonly ConformanceFinding[];
  /** Findings beyond those told, by check. */
  readonly omitted: ReadonlyMap<ConformanceCheck, number>;
  /** Puzzles that were looked at. */
  readonly puzzles: number;
  /** Where calls were timed. */
  readonly slowest: SlowestCall | null;
}

/** Everything that the kit has to say about a verifier. */
export async function inspectConformance(
  subject: ConformanceSubject,
  options: InspectionOptions = {},
): Promise<ConformanceReport> {
  const { puzzles = 20, fuzzed = 2000, seed = 0, mostPerCheck = 5, another, golden, clock } = options;
  const { longestText = Number.POSITIVE_INFINITY } = options;
  const findings = new Findings(mostPerCheck);
  const report = (count: number, slowest: SlowestCall | null): ConformanceReport => ({
    findings: findings.list,
    omitted: findings.omitted,
    puzzles: count,
    slowest,
  });
  if (!checkManifest(subject.manifest, findings)) return report(0, null);
  const inspection: Inspection = { subject, findings, seed };
  const samples = await drawSamples(inspection, puzzles);
  await checkGeneration(inspection, samples, another);
  await checkLevels(inspection, samples);
  if (golden !== undefined) await checkGolden(subject, findings, golden);
  await checkAnswers(inspection, samples);
  await checkMutations(inspection, samples);
  await checkGroundTruths(inspection, samples);
  return report(samples.length, await checkCompletions(inspection, samples, { fuzzed, longestText, another, clock }));
}

/**
 * All findings about a verifier of this process; none means that it conforms. At most five of each check.
 *
 * Not seen here, as it takes a sandbox: limits of time and memory, and another process. `evenkeel verifier test` sees all.
 */
export async function conformanceFindings(
  verifier: TaskVerifier,
  options: ConformanceOptions = {},
): Promise<readonly ConformanceFinding[]> {
  return (await inspectConformance(subjectOf(verifier), options)).findings;
}
