/**
 * Puzzles by the hundred thousand: drawn over tasks, levels, splits and seeds, a sample of them also put into words and scored. It
 * collects what is wrong and does not throw. It knows the contract, and no task.
 */
import type { PuzzleQuery, Split, TaskVerifier } from '@evenkeel/verifier';

export interface DrawManyOptions {
  /** Of all tasks together. */
  readonly puzzles: number;
  /** Which of them are also prompted, and their gold answers and decoys scored: every so many. */
  readonly sampleEvery: number;
  /** Draws are keyed by this seed and those after it. */
  readonly seed: number;
}

export interface DrawManyReport {
  readonly drawn: number;
  readonly sampled: number;
  /** What went wrong, with the query. */
  readonly findings: readonly string[];
}

const splits: readonly Split[] = ['train', 'tune', 'heldout'];
const styles = ['chat', 'compact'] as const;
/** Puzzles in a row under one seed. */
const INDICES_PER_SEED = 1000;
const MOST_FINDINGS = 20;

/** Draws puzzles of all verifiers in turn: every level and split of each as often as the others. */
export function drawMany(verifiers: readonly TaskVerifier[], options: DrawManyOptions): DrawManyReport {
  const { puzzles, sampleEvery, seed } = options;
  const kinds = verifiers.flatMap((verifier) =>
    verifier.manifest.levels.flatMap((level) => splits.map((split) => ({ verifier, level, split }))),
  );
  const findings: string[] = [];
  let sampled = 0;
  for (let at = 0; at < puzzles; at++) {
    const { verifier, level, split } = kinds[at % kinds.length]!;
    const round = Math.floor(at / kinds.length);
    const query = { seed: seed + Math.floor(round / INDICES_PER_SEED), index: round % INDICES_PER_SEED, level, split };
    const isSampled = round % sampleEvery === 0;
    if (isSampled) sampled++;
    const finding = findingOf(verifier, query, isSampled);
    if (finding === null) continue;
    findings.push(`${verifier.manifest.id} ${JSON.stringify(query)}: ${finding}`);
    if (findings.length === MOST_FINDINGS) return { drawn: at + 1, sampled, findings };
  }
  return { drawn: puzzles, sampled, findings };
}

function findingOf(verifier: TaskVerifier, query: PuzzleQuery, isSampled: boolean): string | null {
  try {
    const puzzle = verifier.generate(query);
    if (puzzle.level !== query.level || puzzle.id === '') return 'the puzzle has no id, or another level';
    return isSampled ? wordingFindingOf(verifier, puzzle, query.index) : null;
  } catch (error) {
    return `threw ${error}`;
  }
}

function wordingFindingOf(
  verifier: TaskVerifier,
  puzzle: ReturnType<TaskVerifier['generate']>,
  variant: number,
): string | null {
  for (const style of styles) {
    if (verifier.prompt(puzzle, style) === '') return `the prompt is empty in style ${style}`;
    const answers = [
      ['gold', verifier.gold(puzzle, style, variant), 1],
      ['decoy', verifier.decoy(puzzle, style, variant), 0.1],
    ] as const;
    for (const [name, completion, reward] of answers) {
      const verdict = verifier.score({ groundTruth: puzzle.groundTruth, completion });
      if (verdict.kind !== 'scored' || verdict.reward !== reward) {
        return `${name} ${JSON.stringify(completion)} got ${JSON.stringify(verdict)}, expected reward ${reward}`;
      }
    }
  }
  return null;
}
