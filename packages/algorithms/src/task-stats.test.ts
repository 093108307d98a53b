import { expect, test } from 'vitest';
import { groupOf } from './fixtures.ts';
import {
  accuracyOf,
  improvementOf,
  meanRewardOf,
  mergeTallies,
  tallyAdvantages,
  tallyGroups,
  tallyObjectives,
} from './task-stats.ts';
import type { Group } from './types.ts';

const first = [groupOf('a', 'arc', [1, 0, null]), groupOf('b', 'arc', [0, 0, 0]), groupOf('c', 'zebra', [1, 1])];
const second = [groupOf('d', 'arc', [1, 0.1])];

test('statistics count everything before the filter, and rounds add up', () => {
  const rounds = mergeTallies(
    tallyGroups(first, ['keep', 'none-correct', 'all-correct']),
    tallyGroups(second, ['keep']),
  );
  const together = tallyGroups([...first, ...second], ['keep', 'none-correct', 'all-correct', 'keep']);
  expect(rounds).toEqual(together);
  expect(rounds.arc).toMatchObject({ groups: 3, kept: 2, rollouts: 7, correct: 2, formatted: 3, tokens: 40 });
  expect(rounds.arc!.dropped).toEqual({ 'none-correct': 1 });
  expect(accuracyOf(rounds.arc!)).toBe(2 / 7);
  expect(meanRewardOf(rounds.arc!)).toBeCloseTo(2.1 / 7, 12);
  expect(rounds.zebra).toMatchObject({ groups: 1, kept: 0, correct: 2, dropped: { 'all-correct': 1 } });
});

test('advantages and objectives join the statistics of their task', () => {
  const tallies = tallyObjectives(
    tallyAdvantages(tallyGroups(first, ['keep', 'none-correct', 'all-correct']), [first[0]!], [[0.7, -0.7, null]]),
    { before: { arc: 0.01 }, after: { arc: 0.06 } },
  );
  expect(tallies.arc).toMatchObject({ absAdvantageSum: 1.4, advantages: 2, groups: 2 });
  expect(improvementOf(tallies.arc!)).toBeCloseTo(0.05, 12);
  expect(improvementOf(tallies.zebra!)).toBeNull();
});

test('a task without a scored rollout has neither accuracy nor reward', () => {
  const { arc } = tallyGroups([groupOf('a', 'arc', [null, null])], ['too-few-rewards']);
  expect([accuracyOf(arc!), meanRewardOf(arc!)]).toEqual([null, null]);
});

test('what got no verdict is counted by itself, over rounds, and left out where there is none', () => {
  const group = (id: string, rollouts: Group['rollouts']): Group => ({ id, task: 'words', promptId: id, rollouts });
  const scored = { id: 'a', reward: 1, correct: true, formatted: true };
  const silent = { id: 'b', reward: null, correct: false, formatted: false };
  const clean = tallyGroups([group('g', [scored])], ['keep']);
  for (const field of ['failed', 'replaced', 'abstained']) expect(clean.words).not.toHaveProperty(field);
  const rounds = mergeTallies(
    tallyGroups(
      [
        group('h', [
          { ...scored, replaced: 2 },
          { ...silent, unscored: 'abstained' },
        ]),
      ],
      ['keep'],
    ),
    tallyGroups([group('i', [{ ...silent, unscored: 'failed', replaced: 1 }, scored])], ['keep']),
  );
  expect(mergeTallies(clean, rounds).words).toMatchObject({ rollouts: 3, failed: 4, replaced: 3, abstained: 1 });
});
