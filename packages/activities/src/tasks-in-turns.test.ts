import { loadArchitecture, userTurn } from '@evenkeel/policy';
import { decodeBatch } from '@evenkeel/store';
import { expect, test } from 'vitest';
import { closeRound } from './close-round.ts';
import { configOf, openRunFixture } from './fixtures.ts';
import { tasksInTurns } from './tasks-in-turns.ts';

const tasks = [
  { name: 'spoken', verifier: 'countdown', level: 'tiny', style: 'chat' },
  { name: 'countdown', verifier: 'countdown', level: 'tiny' },
] as const;

test('tasksInTurns() names the tasks with puzzles in the chat style', () => {
  expect(tasksInTurns(configOf({ tasks: [...tasks] }))).toEqual(['spoken']);
  expect(tasksInTurns({ tasks: [{ ...tasks[0], prompts: 'mine' }] })).toEqual([]);
});

test('a batch trains on the prompt that the policy was asked: in its chat template where the task is in turns', async () => {
  const run = await openRunFixture({
    method: 'grpo',
    tasks: [...tasks],
    promptsPerStep: 2,
    groupSize: 4,
    minibatches: 1,
  });
  try {
    const round = await run.finishedRound(0, [
      { task: 'spoken', rewards: [1, 0, 0, 0] },
      { task: 'countdown', rewards: [1, 0, 0, 0] },
    ]);
    const { context, configRef: config, state } = run;
    const outcome = await closeRound(context)({ run: 'r', config, state, rounds: [round] });
    if (outcome.kind !== 'batch' || outcome.batch === null) throw new Error(`no batch: ${JSON.stringify(outcome)}`);
    const rows = decodeBatch(await context.store.get(outcome.batch));
    const { tokenizer, chatTemplate } = await loadArchitecture(context.store, state.policy);
    const promptOf = (task: string) => tokenizer.decode(rows.find((row) => row.task === task)!.promptTokens);
    expect(promptOf('countdown')).toBe('make 1 from 0 3 :');
    expect(promptOf('spoken')).toBe(userTurn(chatTemplate, 'make 0 from 0 3 :'));
    expect(promptOf('spoken')).toContain('<|im_start|>user\n');
  } finally {
    await run.close();
  }
});
