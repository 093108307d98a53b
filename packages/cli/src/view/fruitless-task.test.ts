import type { StepTable } from '@evenkeel/activities';
import { describe, expect, test } from 'vitest';
import { fruitlessTasks, fruitlessTaskText } from './fruitless-task.ts';

function tableOf(step: number, hopeless: { drawn: number; kept: number }): StepTable {
  const row = (task: string, { drawn, kept }: { drawn: number; kept: number }) => ({
    ...{ task, weight: 0.5, filterRate: 0, accuracy: 0, reward: 0.1, drawn, kept, trained: kept, improvement: null },
  });
  return {
    ...{ step, tasks: [row('zebra', { drawn: 20, kept: 15 }), row('hopeless', hopeless)] },
    ...{ worst: { task: 'hopeless', accuracy: 0 }, mean: 0.2, rounds: 11, sequences: 800, completionTokens: 0 },
    ...{ trainedTokens: 0, shortfall: 0, loss: 0, gradientNorm: 0, clipFraction: 0, entropy: 0 },
  };
}
const steps = (...rows: { drawn: number; kept: number }[]) => rows.map((row, index) => tableOf(index + 1, row));
const nothing = { drawn: 180, kept: 0 };

describe('fruitlessTasks()', () => {
  test('names a task that took much and gave nothing for five steps', () => {
    const [found, ...others] = fruitlessTasks(steps(nothing, nothing, nothing, nothing, nothing));
    expect(found).toEqual({ task: 'hopeless', steps: 5, share: 0.9 });
    expect(others).toEqual([]);
    expect(fruitlessTaskText('mine', found!)).toBe(
      'Task "hopeless" has had nothing to learn from in 5 steps, and takes 90 % of the prompts: retire it (evenkeel task retire mine hopeless), give it an easier level, or let planner.resamplingRounds bound what it takes',
    );
  });

  test('waits for five steps, forgives one group, and leaves alone what costs little or is not drawn', () => {
    expect(fruitlessTasks(steps(nothing, nothing, nothing, nothing))).toEqual([]);
    expect(fruitlessTasks(steps(nothing, nothing, { drawn: 180, kept: 1 }, nothing, nothing))).toEqual([]);
    const little = { drawn: 2, kept: 0 };
    expect(fruitlessTasks(steps(little, little, little, little, little))).toEqual([]);
    const none = { drawn: 0, kept: 0 };
    expect(fruitlessTasks(steps(none, nothing, nothing, nothing, nothing))).toEqual([]);
  });
});
