/**
 * The conformance kit: what every task package must keep, checked on any `TaskVerifier`. It reports findings and does not throw,
 * so that a command line and a test can both show all of them. It knows no task; that gold answers are right for the right
 * reason, and that the puzzles are good ones, is for the task's own tests.
 */
import { canonicalJson, type KeyedRandom, keyedRandom } from '@evenkeel/core';
import type { PromptStyle, Puzzle, PuzzleQuery, Split, TaskVerifier, Verdict } from './contract.ts';
import { hostileCompletions, hostilePieces } from './hostile-completions.ts';

/** What was checked; stable. */
export type ConformanceCheck =
  | 'manifest'
  | 'generation'
  | 'split'
  | 'prompt'
  | 'gold'
  | 'decoy'
  | 'last-box'
  | 'ground-truth'
  | 'throws'
  | 'verdict'
  | 'determinism';

export interface ConformanceFinding {
  readonly check: ConformanceCheck;
  /** What was seen and what was expected. */
  readonly message: string;
  /** The puzzle it was seen on, where there is one. */
  readonly query?: PuzzleQuery;
}

export interface ConformanceOptions {
  /** Of each level and split; default 20. */
  readonly puzzles?: number;
  /** Completions made of pieces of answers, prompts and hostile text; default 2000. */
  readonly fuzzed?: number;
  /** Default 0. */
  readonly seed?: number;
}

const MOST_FINDINGS_PER_CHECK = 5;
const LONGEST_ANSWER = 200;
const LONGEST_ID = 64;
const splits: readonly Split[] = ['train', 'tune', 'heldout'];
const styles: readonly PromptStyle[] = ['chat', 'compact'];
const variants = [0, 1, 2, 3, 4] as const;

/**
 * All findings about a verifier; none means that it conforms. At most five of each check.
 *
 * Checked: the manifest; puzzles that are plain JSON, the same at each call and in any order, with splits that share none; gold
 * answers score 1, decoys and cut gold answers do not, decoys score 0.1; the last box counts; a malformed ground truth fails, and
 * is no zero; no throw on any string; rewards of 1, 0.1 and 0 alone; the same input, the same verdict.
 */
export function conformanceFindings(verifier: TaskVerifier, options: ConformanceOptions = {}): ConformanceFinding[] {
  const inspection = new Inspection(verifier);
  const { puzzles = 20, fuzzed = 2000, seed = 0 } = options;
  inspection.guard('manifest', 'manifest', () => inspectManifest(inspection));
  const samples = drawSamples(inspection, puzzles, seed);
  for (const sample of samples) {
    inspection.guard('gold', 'prompt(), gold() or decoy()', () => inspectAnswers(inspection, sample), sample.query);
  }
  inspectGroundTruths(inspection);
  inspectCompletions(inspection, samples, fuzzed, seed);
  return inspection.findings;
}

interface Sample {
  readonly query: PuzzleQuery;
  readonly puzzle: Puzzle;
}

/** Collects findings, and calls the verifier so that a throw becomes one. */
class Inspection {
  readonly verifier: TaskVerifier;
  readonly findings: ConformanceFinding[] = [];

  constructor(verifier: TaskVerifier) {
    this.verifier = verifier;
  }

  report(check: ConformanceCheck, message: string, query?: PuzzleQuery): void {
    if (this.findings.filter((finding) => finding.check === check).length >= MOST_FINDINGS_PER_CHECK) return;
    this.findings.push(query === undefined ? { check, message } : { check, message, query });
  }

  guard(check: ConformanceCheck, what: string, action: () => void, query?: PuzzleQuery): void {
    try {
      action();
    } catch (error) {
      this.report(check, `${what} threw ${error}, expected none`, query);
    }
  }

  /** The verdict, checked for its form; null where `score` threw. */
  score(puzzle: Puzzle, completion: string, query: PuzzleQuery): Verdict | null {
    try {
      const verdict = this.verifier.score({ groundTruth: puzzle.groundTruth, completion });
      const fault = faultOf(verdict);
      if (fault === null) return verdict;
      this.report('verdict', `${fault} on ${excerpt(completion)}`, query);
    } catch (error) {
      this.report('throws', `score() threw ${error} on ${excerpt(completion)}, expected a verdict`, query);
    }
    return null;
  }

  expectReward(check: ConformanceCheck, { puzzle, query }: Sample, completion: string, reward: number): void {
    const verdict = this.score(puzzle, completion, query);
    if (verdict === null || (verdict.kind === 'scored' && verdict.reward === reward)) return;
    const seen = verdict.kind === 'scored' ? `reward ${verdict.reward} (${verdict.reason})` : `"${verdict.kind}"`;
    this.report(check, `score() gave ${seen} on ${excerpt(completion)}, expected reward ${reward}`, query);
  }
}

function excerpt(completion: string): string {
  const text = JSON.stringify(completion.slice(0, 80));
  return completion.length > 80 ? `${text} and ${completion.length - 80} more` : text;
}

function inspectManifest(inspection: Inspection): void {
  const { manifest } = inspection.verifier;
  const expectations: [boolean, string][] = [
    [/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(manifest.id), `id is "${manifest.id}", expected kebab-case`],
    [/^\d+\.\d+\.\d+/.test(manifest.version), `version is "${manifest.version}", expected semver`],
    [manifest.sdk === '^1', `sdk is "${manifest.sdk}", expected "^1"`],
    [manifest.title.length > 0, 'title is empty'],
    [manifest.levels.length > 0, 'levels are empty, expected at least one'],
    [new Set(manifest.levels).size === manifest.levels.length, 'a level is named twice'],
    [manifest.limits.timeMs > 0 && manifest.limits.memoryMb > 0, 'limits are not positive'],
  ];
  for (const [met, message] of expectations) if (!met) inspection.report('manifest', `Manifest: ${message}`);
  canonicalJson(manifest);
}

/** Draws puzzles, checks them, and draws them again the other way round. */
function drawSamples(inspection: Inspection, puzzles: number, seed: number): Sample[] {
  const { verifier } = inspection;
  const samples: Sample[] = [];
  const splitOfId = new Map<string, Split>();
  for (const level of verifier.manifest.levels) {
    for (const split of splits) {
      for (let index = 0; index < puzzles; index++) {
        const query: PuzzleQuery = { seed, index, level, split };
        inspection.guard(
          'generation',
          'generate()',
          () => samples.push({ query, puzzle: verifier.generate(query) }),
          query,
        );
      }
    }
  }
  for (const { query, puzzle } of samples) {
    const fault = puzzleFaultOf(puzzle, query);
    if (fault !== null) inspection.report('generation', fault, query);
    const earlier = splitOfId.get(puzzle.id);
    if (earlier !== undefined && earlier !== query.split) {
      inspection.report(
        'split',
        `Puzzle "${puzzle.id}" is in splits "${earlier}" and "${query.split}", expected one`,
        query,
      );
    }
    splitOfId.set(puzzle.id, query.split);
  }
  for (const { query, puzzle } of samples.toReversed()) {
    inspection.guard(
      'generation',
      'generate(), called again,',
      () => {
        if (canonicalJson(verifier.generate(query)) === canonicalJson(puzzle)) return;
        inspection.report('generation', 'generate() gave another puzzle for the same query, expected the same', query);
      },
      query,
    );
  }
  try {
    verifier.generate({ seed, index: 0, level: 'no such level', split: 'train' });
    inspection.report('generation', 'generate() gave a puzzle for an unknown level, expected a RangeError');
  } catch (error) {
    if (!(error instanceof RangeError)) {
      inspection.report('generation', `generate() threw ${error} for an unknown level, expected a RangeError`);
    }
  }
  return samples;
}

function puzzleFaultOf(puzzle: Puzzle, query: PuzzleQuery): string | null {
  if (typeof puzzle.id !== 'string' || puzzle.id.length === 0 || puzzle.id.length > LONGEST_ID) {
    return `Puzzle's id is ${JSON.stringify(puzzle.id)}, expected 1 to ${LONGEST_ID} characters`;
  }
  if (puzzle.level !== query.level) return `Puzzle's level is "${puzzle.level}", expected "${query.level}"`;
  try {
    canonicalJson(puzzle);
    return null;
  } catch (error) {
    return `Puzzle is not plain JSON: ${error}`;
  }
}

function inspectAnswers(inspection: Inspection, sample: Sample): void {
  const { verifier } = inspection;
  const { puzzle, query } = sample;
  for (const style of styles) {
    const prompt = verifier.prompt(puzzle, style);
    if (typeof prompt !== 'string' || prompt.length === 0)
      inspection.report('prompt', `prompt() is empty in style ${style}`, query);
    if (prompt !== verifier.prompt(puzzle, style)) inspection.report('prompt', 'prompt() changed between calls', query);
    for (const variant of variants) {
      const gold = verifier.gold(puzzle, style, variant);
      const decoy = verifier.decoy(puzzle, style, variant);
      if (gold !== verifier.gold(puzzle, style, variant))
        inspection.report('gold', 'gold() changed between calls', query);
      if (decoy !== verifier.decoy(puzzle, style, variant))
        inspection.report('decoy', 'decoy() changed between calls', query);
      inspection.expectReward('gold', sample, gold, 1);
      inspection.expectReward('decoy', sample, decoy, 0.1);
      inspection.expectReward('gold', sample, gold.slice(0, gold.lastIndexOf('}')), 0);
      inspection.expectReward('last-box', sample, `${decoy}\nNo, it is this: ${gold}\nThat is my answer.`, 1);
      inspection.expectReward('last-box', sample, `${gold}\nNo, it is this: ${decoy}`, 0.1);
    }
  }
}

const malformedTruths = [
  null,
  true,
  3,
  '',
  'x',
  [],
  [1],
  {},
  { target: null },
  { target: {} },
  { target: [], numbers: {} },
] as const;

function inspectGroundTruths(inspection: Inspection): void {
  for (const groundTruth of malformedTruths) {
    inspection.guard('ground-truth', `score() with ground truth ${JSON.stringify(groundTruth)}`, () => {
      const verdict = inspection.verifier.score({ groundTruth, completion: '\\boxed{1}' });
      if (verdict.kind === 'failed' && verdict.error.code === 'ground-truth') return;
      inspection.report(
        'ground-truth',
        `score() gave "${verdict.kind}" for ground truth ${JSON.stringify(groundTruth)}, expected "failed" with code "ground-truth"`,
      );
    });
  }
}

function inspectCompletions(inspection: Inspection, samples: readonly Sample[], fuzzed: number, seed: number): void {
  const cases: { readonly sample: Sample; readonly completion: string; readonly verdict: string }[] = [];
  const consider = (sample: Sample, completion: string): void => {
    const verdict = inspection.score(sample.puzzle, completion, sample.query);
    if (verdict === null) return;
    cases.push({ sample, completion, verdict: canonicalJson(verdict) });
    if (verdict.kind === 'failed') {
      inspection.report('verdict', `score() failed with ${verdict.error.code} on ${excerpt(completion)}`, sample.query);
    }
  };
  const [first] = samples;
  if (first === undefined) return;
  for (const completion of hostileCompletions()) consider(first, completion);
  for (let index = 0; index < fuzzed; index++) {
    const random = keyedRandom(seed, 'conformance/fuzz', index);
    const sample = random.pick(samples);
    inspection.guard('throws', 'gold() or prompt()', () =>
      consider(sample, fuzz(random, inspection.verifier, sample.puzzle)),
    );
  }
  // Again, the other way round: a verdict must not depend on what was scored before.
  for (const { sample, completion, verdict } of cases.toReversed()) {
    const again = inspection.score(sample.puzzle, completion, sample.query);
    if (again === null || canonicalJson(again) === verdict) continue;
    inspection.report(
      'determinism',
      `score() gave another verdict on ${excerpt(completion)}, expected the same`,
      sample.query,
    );
  }
}

/** Pieces of the right answer, a wrong one, the prompt and hostile text, in any order. */
function fuzz(random: KeyedRandom, verifier: TaskVerifier, puzzle: Puzzle): string {
  const style = random.pick(styles);
  const sources = [verifier.gold(puzzle, style), verifier.decoy(puzzle, style, 0), verifier.prompt(puzzle, style)];
  const pieces = Array.from({ length: 1 + random.integer(12) }, () => {
    if (random.integer(2) === 0) return random.pick(hostilePieces);
    const source = random.pick(sources);
    const start = random.integer(source.length + 1);
    return source.slice(start, start + random.integer(24));
  });
  return random.integer(2) === 0 ? pieces.join('') : `\\boxed{${pieces.join('')}}`;
}

/** What breaks the contract in a verdict; null where nothing does. */
function faultOf(verdict: Verdict): string | null {
  if (typeof verdict !== 'object' || verdict === null) return `score() gave ${String(verdict)}, expected a verdict`;
  switch (verdict.kind) {
    case 'abstained':
    case 'failed':
      return null;
    case 'scored':
      break;
    default:
      return 'score() gave a verdict of unknown kind';
  }
  const { reward, correct, formatted, answer, reason, metrics } = verdict;
  if (reward !== 1 && reward !== 0.1 && reward !== 0) return `score() gave reward ${reward}, expected 1, 0.1 or 0`;
  if (correct !== (reward === 1)) return `score() gave correct ${correct} with reward ${reward}`;
  if (formatted !== reward > 0) return `score() gave formatted ${formatted} with reward ${reward}`;
  if (answer !== null && (typeof answer !== 'string' || answer.length > LONGEST_ANSWER)) {
    return `score() gave an answer that is no text of at most ${LONGEST_ANSWER} characters`;
  }
  if (typeof reason !== 'string' || reason === '') return 'score() gave no reason';
  if (metrics !== undefined && !Object.values(metrics).every(Number.isFinite))
    return 'score() gave a metric that is not finite';
  return null;
}
