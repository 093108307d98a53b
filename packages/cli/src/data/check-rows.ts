/** Whether rows can be trained and evaluated on: asked of the verifiers that are to score them, in their sandboxes. */
import { canonicalJson, sha256Hex } from '@evenkeel/core';
import type { OpenedVerifiers } from '../evaluate/open-verifiers.ts';
import type { LineProblem, PromptLine } from './prompt-lines.ts';

const BATCH = 1024;

/** Lines that say the same: `lines` of them stand in the file, the first is kept. */
export interface Duplicate {
  readonly line: number;
  readonly of: number;
}

/**
 * Scores an empty completion against each row's ground truth: one that its verifier cannot read is found here, and not in the
 * middle of a run.
 */
export async function groundTruthProblems(
  rows: readonly PromptLine[],
  { verifiers, known }: Pick<OpenedVerifiers, 'verifiers' | 'known'>,
): Promise<LineProblem[]> {
  const problems: LineProblem[] = [];
  for (const [reference, own] of Map.groupBy(rows, ({ verifier }) => verifier)) {
    const verifier = verifiers.get(reference);
    if (verifier === undefined) {
      const names = known.map(({ id }) => id).join(', ');
      const message = `no verifier is named "${reference}", expected one of ${names}; or name it for all rows: --task ID`;
      problems.push(...own.map(({ line }) => ({ line, message })));
      continue;
    }
    for (let start = 0; start < own.length; start += BATCH) {
      const batch = own.slice(start, start + BATCH);
      const verdicts = await verifier.score(batch.map(({ groundTruth }) => ({ groundTruth, completion: '' })));
      for (const [place, verdict] of verdicts.entries()) {
        if (verdict.kind !== 'failed') continue;
        const { code, message } = verdict.error;
        const state =
          code === 'ground-truth'
            ? `"${reference}" does not accept its ground truth`
            : `"${reference}" failed on it with ${code}`;
        problems.push({ line: batch[place]!.line, message: `${state}: ${message}` });
      }
    }
  }
  return problems;
}

/** Identity of a row's content. */
export function rowId({ prompt, groundTruth }: Pick<PromptLine, 'prompt' | 'groundTruth'>): string {
  return sha256Hex(canonicalJson([prompt, groundTruth])).slice(0, 32);
}

/** The rows without those that stand there already, and which they are. */
export function withoutDuplicates(rows: readonly PromptLine[]): {
  readonly rows: readonly PromptLine[];
  readonly duplicates: readonly Duplicate[];
} {
  const first = new Map<string, number>();
  const duplicates: Duplicate[] = [];
  const kept = rows.filter((row) => {
    const id = `${row.verifier}/${rowId(row)}`;
    const of = first.get(id);
    if (of === undefined) first.set(id, row.line);
    else duplicates.push({ line: row.line, of });
    return of === undefined;
  });
  return { rows: kept, duplicates };
}

/** Lines whose prompt stands there already with another ground truth: one of the two is wrong, or both are right answers. */
export function contradictions(rows: readonly PromptLine[]): Duplicate[] {
  const first = new Map<string, number>();
  return rows.flatMap(({ verifier, prompt, line }) => {
    const id = `${verifier}/${prompt}`;
    const of = first.get(id);
    if (of !== undefined) return [{ line, of }];
    first.set(id, line);
    return [];
  });
}
