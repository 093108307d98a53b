/** Conformance: puzzles. That they are well made, the same when asked again, apart between splits, and of some variety. */
import { canonicalJson, keyedRandom } from '@evenkeel/core';
import type { Puzzle, PuzzleQuery, Split } from '../contract.ts';
import type { Findings } from './finding.ts';
import type { Inspection, Sample } from './samples.ts';
import type { ConformanceSubject, DrawRequest } from './subject.ts';

const LONGEST_ID = 64;
/** Fewer different puzzles among those drawn are too few. */
const LEAST_SHARE_OF_DIFFERENT = 0.5;

/** @param another the same verifier in another process, where there is one */
export async function checkGeneration(
  inspection: Inspection,
  samples: readonly Sample[],
  another: ConformanceSubject | undefined,
): Promise<void> {
  const { subject, findings, seed } = inspection;
  for (const { puzzle, query } of samples) {
    const fault = puzzleFault(puzzle, query);
    if (fault !== null) findings.add('puzzle-shape', fault[0], fault[1], { query });
  }
  checkSplits(samples, findings);
  await checkAgain(subject, samples.toReversed(), findings, 'in another order');
  if (another !== undefined) {
    const order = keyedRandom(seed, 'conformance/order', 0).shuffle(samples);
    await checkAgain(another, order, findings, 'in another process');
  }
  await checkUnknownLevel(inspection);
  await checkVariety(inspection, samples);
}

function puzzleFault(puzzle: Puzzle, query: PuzzleQuery): readonly [seen: string, expected: string] | null {
  const { id, level, data, groundTruth } = puzzle ?? {};
  if (typeof id !== 'string' || id.length === 0 || id.length > LONGEST_ID) {
    return [`the id is ${JSON.stringify(id)}`, `1 to ${LONGEST_ID} characters`];
  }
  if (level !== query.level) return [`the level is ${JSON.stringify(level)}`, `"${query.level}", as asked`];
  if (data === undefined || groundTruth === undefined) return ['data or groundTruth is missing', 'both, as plain JSON'];
  try {
    canonicalJson(puzzle);
    return null;
  } catch (error) {
    return [
      `the puzzle is not plain JSON (${(error as Error).message})`,
      'null, booleans, finite numbers, texts, lists, objects',
    ];
  }
}

function checkSplits(samples: readonly Sample[], findings: Findings): void {
  const firstSeen = new Map<string, { readonly split: Split; readonly level: string }>();
  for (const { puzzle, query } of samples) {
    const earlier = firstSeen.get(puzzle.id);
    if (earlier === undefined) firstSeen.set(puzzle.id, query);
    else if (earlier.split !== query.split) {
      const seen = `puzzle "${puzzle.id}" is in split "${earlier.split}" (level "${earlier.level}") and in "${query.split}"`;
      findings.add('splits-apart', seen, 'one split for a puzzle, whatever the level', { query });
    }
  }
}

/** The same puzzles and words as before, drawn again. */
async function checkAgain(
  subject: ConformanceSubject,
  samples: readonly Sample[],
  findings: Findings,
  how: string,
): Promise<void> {
  const wanted = samples.flatMap(({ query, puzzle, words }) =>
    words.map(({ style, prompt, golds, decoys }) => ({
      request: { query, style, gold: 0, decoy: 0 } satisfies DrawRequest,
      parts: { puzzle, prompt, gold: golds[0], decoy: decoys[0] },
    })),
  );
  const answers = await subject.draw(wanted.map(({ request }) => request));
  for (const [at, { request, parts }] of wanted.entries()) {
    const { query, style } = request;
    const answer = answers[at]!;
    const again: Partial<typeof parts> = answer.kind === 'drawn' ? answer.drawn : {};
    for (const part of ['puzzle', 'prompt', 'gold', 'decoy'] as const) {
      if (textOf(again[part]) === textOf(parts[part])) continue;
      const seen = answer.kind === 'failed' ? `it failed (${answer.error.message})` : `another ${part} was given`;
      findings.add('generate-repeatable', `asked again ${how}, ${seen}`, `the same ${part} for the same query`, {
        query,
        style,
      });
      break;
    }
  }
}

function textOf(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch {
    return JSON.stringify(value) ?? '';
  }
}

async function checkUnknownLevel({ subject, findings, seed }: Inspection): Promise<void> {
  for (const level of ['no such level', 'constructor']) {
    const [answer] = await subject.draw([{ query: { seed, index: 0, level, split: 'train' }, style: 'chat' }]);
    if (answer?.kind === 'drawn') {
      findings.add('unknown-level', `generate() gave a puzzle for the level "${level}"`, 'a RangeError');
    } else if (answer?.isRangeError === false) {
      findings.add(
        'unknown-level',
        `generate() threw ${answer.error.message} for the level "${level}"`,
        'a RangeError',
      );
    }
  }
}

/** Among the training puzzles of a level most are different ones; and another seed gives others. */
async function checkVariety({ subject, findings, seed }: Inspection, samples: readonly Sample[]): Promise<void> {
  for (const level of subject.manifest.levels) {
    const drawn = samples.filter(({ query }) => query.level === level && query.split === 'train');
    if (drawn.length < 4) continue;
    const different = new Set(drawn.map(({ puzzle }) => puzzle.id)).size;
    if (different < drawn.length * LEAST_SHARE_OF_DIFFERENT) {
      const seen = `${drawn.length} draws of level "${level}" gave ${different} different puzzle${different === 1 ? '' : 's'}`;
      findings.add('puzzles-vary', seen, 'mostly different ones');
      continue;
    }
    const others = await subject.draw(
      drawn.map(({ query }) => ({ query: { ...query, seed: seed + 1 }, style: 'chat' })),
    );
    const same = others.filter(
      (answer, at) => answer.kind === 'drawn' && answer.drawn.puzzle.id === drawn[at]!.puzzle.id,
    );
    if (same.length > drawn.length * LEAST_SHARE_OF_DIFFERENT) {
      const seen = `seeds ${seed} and ${seed + 1} give the same puzzles at level "${level}"`;
      findings.add('puzzles-vary', seen, 'another sequence for another seed');
    }
  }
}
