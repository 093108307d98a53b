/**
 * What a policy is asked in an evaluation: puzzles drawn as a run draws them, or the rows of a file. It knows prompts and their
 * answers, and no policy.
 */
import { readFile } from 'node:fs/promises';
import { ConfigError, type Json } from '@evenkeel/core';
import type { TaskConfig } from '@evenkeel/protocol';
import type { Split } from '@evenkeel/verifier';
import type { VerifierSandbox } from '@evenkeel/verifier-host';
import { z } from 'zod';

/** One prompt. Its place in the list keys its draws. */
export interface EvaluationPrompt {
  readonly task: string;
  readonly verifier: string;
  readonly prompt: string;
  readonly groundTruth: Json;
}

export interface DrawSettings {
  readonly split: Split;
  readonly seed: number;
  readonly promptsPerTask: number;
}

/** Running verifiers by id. */
export type Sandboxes = ReadonlyMap<string, VerifierSandbox>;

/**
 * The puzzles of an evaluation: indices 0 … n−1 of each task, in the order of the tasks, as `planEvaluation` of
 * `@evenkeel/activities` asks the verifier host for them.
 *
 * @throws {VerifierHostError} `verifier-draw`, `level-unknown`
 */
export async function drawPrompts(
  tasks: readonly TaskConfig[],
  { split, seed, promptsPerTask }: DrawSettings,
  sandboxes: Sandboxes,
): Promise<EvaluationPrompt[]> {
  const drawn = tasks.map(async ({ name: task, verifier, level, style }) => {
    const queries = Array.from({ length: promptsPerTask }, (_, index) => ({ seed, index, level, split }));
    const puzzles = await sandboxes.get(verifier)!.draw(queries, { style });
    return puzzles.map(({ prompt, puzzle }) => ({ task, verifier, prompt, groundTruth: puzzle.groundTruth }));
  });
  return (await Promise.all(drawn)).flat();
}

const rowSchema = z.looseObject({
  prompt: z.string().min(1),
  groundTruth: z.custom<Json>((value) => value !== undefined, 'is missing'),
  task: z.string().min(1).optional(),
  verifier: z.string().min(1).optional(),
});

/**
 * The rows of a JSON Lines file: `prompt`, `groundTruth`, and a `verifier` or a `task` that names one. Blank lines do not count.
 *
 * @throws {ConfigError} that names the line; nothing was asked then
 */
export async function readPrompts(path: string): Promise<EvaluationPrompt[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`Cannot read prompts ${path}: ${(cause as Error).message}, expected a file of JSON lines`, {
      code: 'prompts-unreadable',
      cause,
    });
  }
  const prompts = text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [readRow(line, `${path}:${index + 1}`)]));
  if (prompts.length > 0) return prompts;
  throw new ConfigError(`Cannot read prompts ${path}: it has no rows, expected { prompt, groundTruth, task } a line`, {
    code: 'prompts-invalid',
  });
}

function readRow(line: string, place: string): EvaluationPrompt {
  const refuse = (state: string): never => {
    throw new ConfigError(`Cannot read ${place}: ${state}, expected { prompt, groundTruth, task or verifier }`, {
      code: 'prompts-invalid',
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return refuse('it is not JSON');
  }
  const row = rowSchema.safeParse(json);
  if (!row.success) {
    const issue = row.error.issues[0];
    return refuse([issue?.path.join('.'), issue?.message].filter(Boolean).join(': '));
  }
  const { prompt, groundTruth, task, verifier } = row.data;
  const name = verifier ?? task?.split(':')[0];
  if (name === undefined) return refuse('it names no task');
  return { task: task ?? name, verifier: name, prompt, groundTruth };
}
