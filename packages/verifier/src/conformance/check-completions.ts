/**
 * Conformance: any text gets a verdict, the same each time. Hostile texts and texts made of pieces of answers, prompts and hostile
 * text are scored, then scored again the other way round and in another process; the slowest calls are looked at one by one.
 */
import { canonicalJson, type KeyedRandom, keyedRandom } from '@evenkeel/core';
import type { Submission, Verdict, VerifierManifest } from '../contract.ts';
import type { ConformanceCheck } from './finding.ts';
import { hostileCompletions, hostilePieces } from './hostile-completions.ts';
import type { Inspection, Sample } from './samples.ts';
import type { ConformanceSubject } from './subject.ts';
import { checkOfFault, verdictFault } from './verdict-fault.ts';

const CHUNK = 2000;
const TIMED_REPEATS = 3;

interface Case {
  readonly sample: Sample;
  readonly completion: string;
}

export interface SlowestCall {
  readonly ms: number;
  readonly completion: string;
}

export interface CompletionOptions {
  readonly fuzzed: number;
  readonly longestText: number;
  readonly another: ConformanceSubject | undefined;
  /** Milliseconds; left out, no call is timed. */
  readonly clock: (() => number) | undefined;
}

/** @returns the slowest call that was seen, where calls are timed */
export async function checkCompletions(
  inspection: Inspection,
  samples: readonly Sample[],
  { fuzzed, longestText, another, clock }: CompletionOptions,
): Promise<SlowestCall | null> {
  const [first] = samples;
  if (first === undefined) return null;
  const hostile = hostileCompletions()
    .filter(({ length }) => length <= longestText)
    .map((completion): Case => ({ sample: first, completion }));
  const answers = samples.flatMap((sample) =>
    sample.words.flatMap(({ golds, decoys }) =>
      [...golds, ...decoys].map((completion): Case => ({ sample, completion })),
    ),
  );
  await scoreTwice(inspection, hostile, another);
  for (let start = 0; start < answers.length; start += CHUNK) {
    await scoreTwice(inspection, answers.slice(start, start + CHUNK), another);
  }
  const worded = samples.filter(({ words }) => words.length > 0);
  for (let start = 0; start < fuzzed && worded.length > 0; start += CHUNK) {
    const indices = Array.from({ length: Math.min(CHUNK, fuzzed - start) }, (_, at) => start + at);
    await scoreTwice(
      inspection,
      indices.map((index) => fuzzedCase(keyedRandom(inspection.seed, 'conformance/fuzz', index), worded)),
      another,
    );
  }
  return clock === undefined ? null : await timeCalls(inspection, [...hostile, ...answers.slice(0, 20)], clock);
}

async function scoreTwice(
  inspection: Inspection,
  cases: readonly Case[],
  another: ConformanceSubject | undefined,
): Promise<void> {
  const { subject, findings } = inspection;
  const verdicts = await subject.score(cases.map(submissionOf));
  for (const [at, verdict] of verdicts.entries()) reportFault(inspection, cases[at]!, verdict);
  const compare = (again: readonly Verdict[], order: readonly number[], how: string): void => {
    for (const [place, at] of order.entries()) {
      const [one, other] = [verdicts[at]!, again[place]!];
      // What broke down is reported as such, and may break down in another way.
      if (one.kind === 'failed' && one.error.code !== 'ground-truth') continue;
      if (textOf(one) === textOf(other)) continue;
      const { sample, completion } = cases[at]!;
      const seen = `scored again ${how}, the verdict was ${excerptOf(other)} instead of ${excerptOf(one)}`;
      findings.add('same-verdict', seen, 'the same verdict', { query: sample.query, completion });
    }
  };
  const backwards = cases.map((_, at) => cases.length - 1 - at);
  compare(await subject.score(backwards.map((at) => submissionOf(cases[at]!))), backwards, 'in another order');
  if (another === undefined) return;
  compare(await another.score(backwards.map((at) => submissionOf(cases[at]!))), backwards, 'in another process');
}

function submissionOf({ sample, completion }: Case): Submission {
  return { groundTruth: sample.puzzle.groundTruth, completion };
}

function textOf(verdict: Verdict): string {
  try {
    return canonicalJson(verdict);
  } catch {
    return JSON.stringify(verdict);
  }
}

function excerptOf(verdict: Verdict): string {
  return textOf(verdict).slice(0, 120);
}

function reportFault({ subject, findings }: Inspection, { sample, completion }: Case, verdict: Verdict): void {
  const fault = faultOf(verdict, subject.manifest);
  if (fault !== null) findings.add(...fault, { query: sample.query, completion });
}

type Fault = readonly [check: ConformanceCheck, seen: string, expected: string];

/** What is wrong with a verdict on a text, the ground truth being one that was generated. */
function faultOf(verdict: Verdict, manifest: VerifierManifest): Fault | null {
  const broken = (fault: string): Fault => [
    checkOfFault(fault),
    `score() gave a verdict whose ${fault}`,
    'a verdict of the contract',
  ];
  const fault = verdictFault(verdict, manifest);
  if (fault !== null) return broken(fault);
  if (verdict.kind !== 'failed') return null;
  const { code, message } = verdict.error;
  const { timeMs, memoryMb } = manifest.limits;
  switch (code) {
    case 'contract':
      return broken(message);
    case 'timeout':
    case 'memory':
      return ['within-limits', `score() was stopped (${code}: ${message})`, `at most ${timeMs} ms and ${memoryMb} MB`];
    case 'nondeterministic':
      return ['same-verdict', `score() changed its verdict (${message})`, 'the same verdict'];
    case 'ground-truth':
      return ['ground-truth', `score() refused a ground truth that generate() made (${message})`, 'a verdict'];
    default:
      return ['never-throws', `score() gave no verdict (${code}: ${message})`, 'a verdict'];
  }
}

/** Pieces of the right answer, a wrong one, the prompt and hostile text, in any order. */
function fuzzedCase(random: KeyedRandom, samples: readonly Sample[]): Case {
  const sample = random.pick(samples);
  const { golds, decoys, prompt } = random.pick(sample.words);
  const sources = [golds[0]!, decoys[0]!, prompt];
  const pieces = Array.from({ length: 1 + random.integer(12) }, () => {
    if (random.integer(2) === 0) return random.pick(hostilePieces);
    const source = random.pick(sources);
    const start = random.integer(source.length + 1);
    return source.slice(start, start + random.integer(24));
  });
  return { sample, completion: random.integer(2) === 0 ? pieces.join('') : `\\boxed{${pieces.join('')}}` };
}

/** Calls one by one. A slow one is repeated and its least time taken: a busy machine is no fault of the verifier. */
async function timeCalls(
  { subject, findings }: Inspection,
  cases: readonly Case[],
  clock: () => number,
): Promise<SlowestCall | null> {
  const { timeMs } = subject.manifest.limits;
  let slowest: SlowestCall | null = null;
  for (const each of cases) {
    let ms = Number.POSITIVE_INFINITY;
    let verdict: Verdict | undefined;
    for (let repeat = 0; repeat < TIMED_REPEATS; repeat++) {
      const before = clock();
      [verdict] = await subject.score([submissionOf(each)]);
      ms = Math.min(ms, clock() - before);
      if (ms <= timeMs / 2 || verdict?.kind === 'failed') break;
    }
    if (verdict?.kind === 'failed') continue;
    if (slowest === null || ms > slowest.ms) slowest = { ms, completion: each.completion };
    if (ms <= timeMs / 2) continue;
    findings.add('slow', `score() took ${Math.round(ms)} ms`, `at most half of ${timeMs} ms`, {
      query: each.sample.query,
      completion: each.completion,
    });
  }
  return slowest;
}
