import { join } from 'node:path';
import { readPromptSet, rowsOfTask } from '@evenkeel/activities';
import { ConfigError } from '@evenkeel/core';
import type { ModelDirectory } from '@evenkeel/policy';
import type { RunConfig } from '@evenkeel/protocol';
import { type ArtefactStore, openFolderStore } from '@evenkeel/store';
import { checkPromptLengths } from '../data/prompt-lengths.ts';

/**
 * Every prompt of a set must fit into the model, and each split that the run takes must have some: said now, not at step 12.
 *
 * @throws {ConfigError} `prompts-too-long`, `prompts-empty`
 */
export async function checkPromptSets(
  config: RunConfig,
  model: ModelDirectory,
  home: string,
  note: (line: string) => void,
): Promise<void> {
  const tasks = config.tasks.filter(({ prompts }) => prompts !== undefined);
  if (tasks.length === 0) return;
  const store = await openFolderStore(join(home, 'store'));
  try {
    const rows = (await Promise.all(tasks.map((task) => rowsFor(task, config, store)))).flat();
    const { maxNewTokens } = config.sampling;
    const { cramped } = checkPromptLengths(rows, model, { what: `Cannot train "${config.run}"`, maxNewTokens });
    if (cramped > 0) {
      note(`${cramped} prompts leave no room for ${maxNewTokens} tokens: their completions end with the context`);
    }
  } finally {
    await store.close();
  }
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
