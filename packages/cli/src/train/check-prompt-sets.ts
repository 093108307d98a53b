import { join } from 'node:path';
import { readPromptSet, rowsOfTask } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import { type ModelDirectory, userTurn } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import { type ArtefactStore, openFolderStore } from '@evenkeel/store';
import { checkPromptLengths } from '../data/prompt-lengths.ts';
import type { Verifiers } from '../evaluate/evaluation-prompts.ts';

/**
 * Every prompt of a set must fit into the model, and each split that the run takes must have some: said now, not at step 12.
 *
 * @returns tokens of the longest one; 0 without sets
 * @throws {ConfigError} `prompts-too-long`, `prompts-empty`
 */
export async function checkPromptSets(
  config: RunConfig,
  model: ModelDirectory,
  home: string,
  note: (line: string) => void,
): Promise<number> {
  const tasks = config.tasks.filter(({ prompts }) => prompts !== undefined);
  if (tasks.length === 0) return 0;
  const store = await openFolderStore(join(home, 'store'));
  try {
    const rows = (await Promise.all(tasks.map((task) => rowsFor(task, config, store)))).flat();
    const { maxNewTokens } = config.sampling;
    const { cramped, longest } = checkPromptLengths(rows, model, {
      what: `Cannot train "${config.run}"`,
      maxNewTokens,
    });
    if (cramped > 0) {
      note(`${cramped} prompts leave no room for ${maxNewTokens} tokens: their completions end with the context`);
    }
    return longest;
  } finally {
    await store.close();
  }
}

/** Puzzles that are drawn to see whether a task's prompts fit: their lengths hardly differ within a level. */
const LOOK = 8;

/**
 * Generated prompts must fit into the model too: a few of each kind are drawn and measured.
 *
 * @returns tokens of the longest one; 0 where no task generates its prompts
 * @throws {ConfigError} `prompts-too-long`
 */
export async function checkGeneratedPrompts(
  tasks: RunConfig['tasks'],
  verifiers: Verifiers,
  model: ModelDirectory,
  what: string,
): Promise<number> {
  const kinds = new Map<string, RunConfig['tasks'][number]>();
  for (const task of tasks) {
    if (task.prompts === undefined) kinds.set(`${task.verifier} ${task.level} ${task.style}`, task);
  }
  const drawn = [...kinds.values()].map(async ({ name, verifier, level, style }) => {
    const puzzles = Array.from({ length: LOOK }, (_, index) => ({ seed: 0, index, level, split: 'train' as const }));
    const prompts = (await verifiers.get(verifier)?.draw(puzzles, { style })) ?? [];
    const text = (prompt: string) => (style === 'chat' ? userTurn(model.chatTemplate, prompt) : prompt);
    return prompts.map(({ prompt }) => ({ task: name, prompt: text(prompt) }));
  });
  const rows = (await Promise.all(drawn)).flat();
  return rows.length === 0 ? 0 : checkPromptLengths(rows, model, { what, maxNewTokens: 0, generated: true }).longest;
}

async function rowsFor(task: RunConfig['tasks'][number], { inputs, evaluation }: RunConfig, store: ArtefactStore) {
  const all = await readPromptSet(store, inputs.prompts![task.prompts!]!);
  const splits = [...new Set(['train', evaluation.split] as const)];
  return splits.flatMap((split) => {
    const rows = rowsOfTask(all, { ...task, split });
    if (rows.length > 0) return rows.map(({ prompt }) => ({ task: task.name, prompt }));
    throw new ConfigError(
      `Cannot train on task "${task.name}": prompt set "${task.prompts}" has no rows of it in split "${split}", expected at least one: import more prompts`,
      { code: 'prompts-empty' },
    );
  });
}
