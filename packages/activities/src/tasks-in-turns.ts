import type { RunConfig } from '@evenkeel/protocol';

/**
 * The tasks whose prompts are what a user says, so that a policy with a chat template is asked them in it: puzzles in the chat style. The
 * rows of a prompt set are the text that the policy is to see, as somebody wrote it.
 */
export function tasksInTurns({ tasks }: Pick<RunConfig, 'tasks'>): string[] {
  return tasks.filter(({ style, prompts }) => style === 'chat' && prompts === undefined).map(({ name }) => name);
}
