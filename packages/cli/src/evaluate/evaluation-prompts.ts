/**
 * What a policy is asked in an evaluation: puzzles drawn as a run draws them, or the rows of a file. It knows prompts and their
 * answers, and no policy.
 */
import { drawFromSet, readPromptSet } from '@evenkeel/activities';
import { type ArtefactRef, ConfigError, type Json } from '@evenkeel/core';
import { allLevels, type TaskConfig } from '@evenkeel/protocol';
import type { ArtefactStore, PromptRow } from '@evenkeel/store';
import type { Split } from '@evenkeel/verifier';
import type { OpenVerifier } from '@evenkeel/verifier-host';
import { placeOf, readPromptLines } from '../data/prompt-lines.ts';
import type { PromptSetRecord } from '../data/prompt-set-record.ts';

/** One prompt. Its place in the list keys its draws. */
export interface EvaluationPrompt {
  readonly task: string;
  readonly verifier: string;
  readonly prompt: string;
  readonly groundTruth: Json;
  /** Whether it is what a user says: a policy with a chat template is asked it in that. */
  readonly turn?: boolean;
}

export interface DrawSettings {
  readonly split: Split;
  readonly seed: number;
  readonly promptsPerTask: number;
}

/** Running verifiers by reference. */
export type Verifiers = ReadonlyMap<string, OpenVerifier>;

/** A task, and the rows of its prompt set where it has one. */
export interface EvaluationTask extends TaskConfig {
  readonly set?: ArtefactRef;
}

/**
 * The puzzles of an evaluation: indices 0 … n−1 of each task, in the order of the tasks, as `planEvaluation` of
 * `@evenkeel/activities` draws them.
 *
 * @throws {VerifierHostError} `verifier-draw`, `level-unknown`
 * @throws {ConfigError} `prompts-empty` where a task's prompt set has no row in the split
 */
export async function drawPrompts(
  tasks: readonly EvaluationTask[],
  { split, seed, promptsPerTask }: DrawSettings,
  verifiers: Verifiers,
  store: ArtefactStore,
): Promise<EvaluationPrompt[]> {
  const drawn = tasks.map(async ({ name: task, verifier, level, style, set }) => {
    if (set !== undefined) {
      const draw = { set, task, verifier, level, split, seed, from: 0, count: promptsPerTask, epochs: 'one' as const };
      return (await drawFromSet(store, draw)).map(promptOf);
    }
    const queries = Array.from({ length: promptsPerTask }, (_, index) => ({ seed, index, level, split }));
    const puzzles = await verifiers.get(verifier)!.draw(queries, { style });
    const turn = style === 'chat';
    return puzzles.map(({ prompt, puzzle }) => ({ task, verifier, prompt, groundTruth: puzzle.groundTruth, turn }));
  });
  return (await Promise.all(drawn)).flat();
}

/**
 * The rows of a prompt set: those of a split as a run's evaluation draws them, or all in the order of the set; of each verifier at
 * most so many.
 *
 * @throws {ConfigError} `prompts-empty` where the set has no row in the split
 */
export async function promptsOfSet(
  { rows, counts }: Pick<PromptSetRecord, 'rows' | 'counts'>,
  { split, seed, most }: { readonly split: Split | 'all'; readonly seed: number; readonly most: number },
  store: ArtefactStore,
): Promise<EvaluationPrompt[]> {
  const ids = [...new Set(counts.map(({ verifier }) => verifier))];
  if (split === 'all') {
    const all = await readPromptSet(store, rows);
    return ids.flatMap((id) =>
      all
        .filter(({ verifier }) => verifier === id)
        .slice(0, most)
        .map(promptOf),
    );
  }
  const drawn = ids.map(async (id) => {
    const task = { task: id, verifier: id, level: allLevels, set: rows };
    return await drawFromSet(store, { ...task, split, seed, from: 0, count: most, epochs: 'one' });
  });
  return (await Promise.all(drawn)).flat().map(promptOf);
}

function promptOf({ task, verifier, prompt, groundTruth }: PromptRow): EvaluationPrompt {
  return { task, verifier, prompt, groundTruth: JSON.parse(groundTruth) as Json };
}

/**
 * The rows of a JSON Lines file: `prompt`, `groundTruth`, and a `verifier` or a `task` that names one. Blank lines do not count.
 *
 * @throws {ConfigError} that names the line; nothing was asked then
 */
export async function readPrompts(path: string): Promise<EvaluationPrompt[]> {
  const { rows, problems } = await readPromptLines(path);
  const problem = problems[0];
  if (problem === undefined) return rows.map(({ line: _line, level: _level, ...row }) => row);
  throw new ConfigError(
    `Cannot read ${placeOf(path, problem.line)}: ${problem.message}, expected { prompt, groundTruth, task or verifier }`,
    { code: 'prompts-invalid' },
  );
}
