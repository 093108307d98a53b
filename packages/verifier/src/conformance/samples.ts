/** The puzzles that the kit looks at: each level and split, with prompts and answers in both styles. */
import type { PromptStyle, Puzzle, PuzzleQuery, Split } from '../contract.ts';
import type { Findings } from './finding.ts';
import type { ConformanceSubject, DrawRequest } from './subject.ts';

export const splits: readonly Split[] = ['train', 'tune', 'heldout'];
export const styles: readonly PromptStyle[] = ['chat', 'compact'];
/** Variants of gold answers and decoys that are looked at; any whole number is one. */
const variants = [0, 1, 2, 3, 4] as const;

/** What the checks share. */
export interface Inspection {
  readonly subject: ConformanceSubject;
  readonly findings: Findings;
  readonly seed: number;
}

/** A puzzle in one style, with its first answers. */
export interface Words {
  readonly style: PromptStyle;
  readonly prompt: string;
  readonly golds: readonly string[];
  readonly decoys: readonly string[];
}

export interface Sample {
  readonly query: PuzzleQuery;
  readonly puzzle: Puzzle;
  /** Only those styles that all draws of succeeded in. */
  readonly words: readonly Words[];
}

/** Draws so many puzzles of each level and split. */
export async function drawSamples(inspection: Inspection, puzzles: number): Promise<Sample[]> {
  const { subject, seed } = inspection;
  const samples: Sample[] = [];
  for (const level of subject.manifest.levels) {
    for (const split of splits) {
      const queries = Array.from({ length: puzzles }, (_, index): PuzzleQuery => ({ seed, index, level, split }));
      samples.push(...(await drawQueries(inspection, queries)));
    }
  }
  return samples;
}

/** The puzzles of some queries; what cannot be drawn is a finding, and no sample. */
export async function drawQueries(
  { subject, findings }: Inspection,
  queries: readonly PuzzleQuery[],
): Promise<Sample[]> {
  const perPuzzle = queries.map((query): DrawRequest[] => [
    { query, style: 'chat' },
    ...styles.flatMap((style) => variants.map((variant) => ({ query, style, gold: variant, decoy: variant }))),
  ]);
  const answers = await subject.draw(perPuzzle.flat());
  return perPuzzle.flatMap((requests, at): Sample[] => {
    const [plain, ...worded] = answers.slice(at * requests.length, (at + 1) * requests.length);
    const query = queries[at]!;
    if (plain?.kind !== 'drawn') {
      const seen = plain === undefined ? 'gave nothing' : `failed (${plain.error.code}: ${plain.error.message})`;
      findings.add('generate-throws', `drawing a puzzle ${seen}`, 'a puzzle and its prompt', { query });
      return [];
    }
    const words = styles.flatMap((style, place): Words[] => {
      const golds: string[] = [];
      const decoys: string[] = [];
      let prompt = '';
      for (const [variant, answer] of worded.slice(place * variants.length, (place + 1) * variants.length).entries()) {
        if (answer.kind === 'failed') {
          const { code, message } = answer.error;
          const seen = `prompt(), gold() or decoy() with variant ${variant} failed (${code}: ${message})`;
          findings.add('answer-throws', seen, 'texts', { query, style });
          return [];
        }
        const { drawn } = answer;
        if (typeof drawn.gold !== 'string' || typeof drawn.decoy !== 'string' || typeof drawn.prompt !== 'string') {
          findings.add('answer-throws', 'prompt(), gold() or decoy() gave no text', 'texts', { query, style });
          return [];
        }
        prompt = drawn.prompt;
        golds.push(drawn.gold);
        decoys.push(drawn.decoy);
      }
      return [{ style, prompt, golds, decoys }];
    });
    return [{ query, puzzle: plain.drawn.puzzle, words }];
  });
}
